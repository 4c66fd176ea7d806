"""The image on a processor that this machine has not: qemu plays an old one, without AVX.

Kernels that were compiled for another processor would end the process there; whether the libraries
that choose their code by the processor give the same events is seen too.
"""

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from debian_programs import run, unpacked

CPU = "Nehalem"  # of 2008: all that x86-64-v2 asks for, and no more

_PYTHON = "/opt/coral/bin/python"
_REPLAY = """
import importlib.resources, sys
from coral.cli.main import main
recording = str(importlib.resources.files("coral") / "recordings" / "pool-leak__orders")
sys.exit(main(["replay", recording, "--out", "/tmp/events.ndjson"]))
"""


def seen(archive: Path, environment: dict[str, str], loaded: str, home: Path) -> dict[str, Any]:
    """Run the image's kernels, and a recorded incident, on the old processor and on this one.

    Parameters
    ----------
    archive : Path
        The image.
    environment : dict
        What the image sets.
    loaded : str
        Program that prints how many kernels were loaded and compiled.
    home : Path
        Folder for the image's files; is made.
    """
    _extract(archive, home)
    qemu = unpacked(("qemu-user-static",)) / "usr" / "bin" / "qemu-x86_64-static"
    (home / "qemu").write_bytes(qemu.read_bytes())
    (home / "qemu").chmod(0o755)
    (home / "proc").mkdir(exist_ok=True)
    run(["mount", "-t", "proc", "proc", str(home / "proc")])
    old = ("/qemu", "-cpu", CPU, "-0", _PYTHON, _PYTHON)
    kernels = json.loads(_run(home, environment, *old, "-P", "-c", loaded))
    events = []
    for python in ((_PYTHON,), old):
        _run(home, environment, *python, "-P", "-c", _REPLAY)
        events.append((home / "tmp" / "events.ndjson").read_bytes())
        (home / "tmp" / "events.ndjson").unlink()
    same = sum(a == b for a, b in zip(*(e.splitlines() for e in events), strict=False))
    return {
        "cpu": CPU,
        "kernels": kernels,
        "events": len(events[0].splitlines()),
        "events_there": len(events[1].splitlines()),
        "same_bytes": same,
    }


def _run(root: Path, environment: dict[str, str], *command: str) -> str:
    words = ["chroot", "--userspec=10001:10001", "--groups=", str(root), *command]
    path = f"{environment['PATH']}:/usr/sbin:/usr/bin"
    done = subprocess.run(
        words, env=environment | {"PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])}: {done.returncode} {done.stderr[-1000:]}")
    return done.stdout


def _extract(archive: Path, home: Path) -> None:
    """Lay the layers of an image over each other."""
    home.mkdir()
    with tarfile.open(archive) as image:
        manifest = json.load(image.extractfile("manifest.json") or _missing(archive))
        for layer in manifest[0]["Layers"]:
            with tarfile.open(fileobj=image.extractfile(layer) or _missing(archive)) as files:
                files.extractall(home, filter="fully_trusted")  # noqa: S202  # our own archive


def environment_of(archive: Path) -> dict[str, str]:
    """Return the variables that an image sets."""
    with tarfile.open(archive) as image:
        manifest = json.load(image.extractfile("manifest.json") or _missing(archive))
        config = json.load(image.extractfile(manifest[0]["Config"]) or _missing(archive))
    pairs = (line.partition("=") for line in config["config"]["Env"])
    return {name: value for name, _, value in pairs}


def _missing(archive: Path) -> Any:
    raise RuntimeError(f"{archive} is no archive of an image")
