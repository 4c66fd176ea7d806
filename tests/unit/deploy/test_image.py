"""The root file system of the image: bare, complete, and enough to start in without any rights.

It is assembled here as in the image's build, around the packages of the tests: what is not run is
buildah, and Debian's Python. `make image-check` runs the image itself.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import rootfs
import sbom
import trim
from daemons import BUNDLED, Member, World, contents, logged, replayed, rows_of, stopped
from kafkas import Broker

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "deploy" / "image" / "Dockerfile").read_text()
LOADED = (ROOT / "tests" / "loaded.py").read_text()
PYTHON, CORAL = f"{rootfs.HOME}/bin/python", f"{rootfs.HOME}/bin/coral"
EVERYTHING = """
import importlib, pkgutil, coral, streams, detectors
for package in (coral, streams, detectors):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
"""


class Bare:
    """The file system, and how to run something in it as somebody without rights."""

    def __init__(self, root: Path) -> None:
        self.root = root
        # What the image sets, but for the CPU: these kernels were compiled for the one at hand.
        set_there = re.findall(
            r"^(?:ENV|   ) (\w+)=(\S+)", DOCKERFILE.split("FROM scratch")[1], re.MULTILINE
        )
        self.environment = {name: value for name, value in set_there if "CPU" not in name}

    def words(self, *command: str) -> list[str]:
        if os.geteuid():
            return ["unshare", "--user", f"--root={self.root}", *command]
        who = f"--userspec={rootfs.UID}:{rootfs.UID}"
        return ["chroot", who, "--groups=", str(self.root), *command]

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        # Where chroot itself is found; in there nothing but the image's own path is.
        path = {"PATH": f"{self.environment['PATH']}:/usr/sbin:/usr/bin"}
        return subprocess.run(
            self.words(*command),
            env=self.environment | path | environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """One for all tests of this file; its files are links to those of the environment."""
    root = tmp_path_factory.mktemp("image") / "root"
    subprocess.run([sys.executable, "-P", "-c", LOADED], check=True, capture_output=True)
    rootfs.assemble(root)
    return Bare(root)


def test_it_holds_nothing_that_is_not_needed(bare: Bare) -> None:
    """No shell, no package manager, no pip, no compiler's files, no tests."""
    files = [p.relative_to(bare.root) for p in bare.root.rglob("*") if not p.is_dir()]
    programs = {str(f) for f in files if "bin" in f.parts[:-1] and "site-packages" not in f.parts}
    interpreter = str(Path(sys.executable).resolve()).lstrip("/")
    assert {interpreter, "opt/coral/bin/python", "opt/coral/bin/coral"} == programs
    inside = [f.as_posix().split("site-packages/")[1] for f in files if "site-packages" in f.parts]
    assert [] == [path for path in inside if not path.endswith(".pyc") and trim.reason(path)]
    assert not [path for path in inside if path.split("/")[0] in {"pip", "setuptools", "pytest"}]


def test_every_rule_leaves_something_out() -> None:
    """A rule that fits nothing any more is a rule to remove."""
    kept = {trim.reason(f.as_posix()) for d in rootfs.closure() for f in d.files or ()}
    assert {*trim.LEFT_OUT, None} == kept


def test_all_of_coral_imports_in_it(bare: Bare) -> None:
    """Without what was left out, and without a name for the user who runs it."""
    done = bare.run(PYTHON, "-P", "-c", EVERYTHING)

    assert (0, "") == (done.returncode, done.stderr)


def test_a_start_compiles_nothing(bare: Bare) -> None:
    """All kernels are there, where nobody may write."""
    done = bare.run(PYTHON, "-P", "-c", LOADED)

    assert 0 == done.returncode, done.stderr
    told = json.loads(done.stdout)
    assert 0 == told["compiled"]
    assert told["loaded"] > 20
    assert told["events"] > 0


def test_a_kernel_that_is_missing_costs_time_alone(bare: Bare) -> None:
    """Somebody sets another CPU than that of the image: it is compiled, and not kept."""
    script = """
import numpy as np
from detectors.decision._cusum_kernels import cusum_step
statistic, age = np.zeros(1), np.zeros(1, dtype=np.int64)
cusum_step(np.ones(1), 0.5, 9.0, statistic, age)
print(statistic[0], sum(cusum_step.stats.cache_misses.values()))
"""
    done = bare.run(PYTHON, "-P", "-c", script, NUMBA_CPU_NAME="x86-64", NUMBA_CPU_FEATURES="")

    assert "0.5 1\n" == done.stdout, done.stderr


def test_nothing_can_be_written(bare: Bare) -> None:
    """Neither beside the program nor beside its kernels; /tmp is a place of its own."""
    script = """
import os
print([p for p in ("/", "/opt/coral", "/etc", "/usr") if os.access(p, os.W_OK)], os.getuid() != 0)
"""
    assert "[] True\n" == bare.run(PYTHON, "-P", "-c", script).stdout


# kafka-python, now and then: what a connection receives that it has closed in the same moment.
CLOSED_MEANWHILE = "'NoneType' object has no attribute 'data_received'"


def test_the_daemon_publishes_from_it_what_a_replay_does(
    bare: Bare, kafka: Broker, tmp_path: Path
) -> None:
    """The same bytes, by a user without rights, and it ends in good order."""
    inside = bare.root / "tmp" / "run"
    inside.mkdir()
    world = World(kafka, inside, store="kafka", publish="exactly-once")
    world.put(rows_of(BUNDLED / "pool-leak__orders"))
    expected = contents(replayed(BUNDLED / "pool-leak__orders", tmp_path))
    words = bare.words(CORAL, "run", "--config", "/tmp/run/coral.toml")  # noqa: S108
    with (tmp_path / "log").open("w") as file:
        process = Member(words, stderr=file, env=bare.environment | {"PATH": os.environ["PATH"]})
    process.log = tmp_path / "log"
    try:
        found = world.wait_for(process, lambda events: len(events) >= len(expected))
        code, _ = stopped(process)
    finally:
        process.kill()
    assert 0 == code
    assert expected == contents(found)
    loud = [line for line in logged(process) if line["level"] in {"warning", "error"}]
    assert [] == [line for line in loud if CLOSED_MEANWHILE not in line.get("exception", "")]


def test_the_list_of_components_is_complete(bare: Bare) -> None:
    """CycloneDX: every package that CORAL needs and the interpreter, each with its licence."""
    file = bare.root / str(rootfs.HOME).lstrip("/") / sbom.NAME
    told: dict[str, Any] = json.loads(file.read_text())
    assert ("CycloneDX", "1.6") == (told["bomFormat"], told["specVersion"])
    assert "coral-rca" == told["metadata"]["component"]["name"]
    names = {one["name"] for one in told["components"]}
    needed = {d.metadata["Name"] for d in rootfs.closure()} - {"coral-rca"}
    assert needed | {"python"} <= names
    python = [c for c in told["components"] if c.get("purl", "").startswith("pkg:pypi/")]
    assert [] == [one["name"] for one in python if not one["licenses"]]
    assert told["components"] == sbom.document(rootfs.closure(), [])["components"] + [
        one for one in told["components"] if one.get("purl", "").startswith("pkg:deb/")
    ]


def test_licence_texts_are_kept(bare: Bare) -> None:
    """Of every package that brings one, and of all of the system's."""
    for one in rootfs.closure():
        for path in one.files or ():
            if ".dist-info/" in path.as_posix() and "LICEN" in path.name.upper():
                assert (bare.root / rootfs.SITE.relative_to("/") / path).is_file(), path
    told = json.loads((bare.root / str(rootfs.HOME / sbom.NAME).lstrip("/")).read_text())
    system = [c["name"] for c in told["components"] if c.get("purl", "").startswith("pkg:deb/")]
    assert ("libc6" in system) == (shutil.which("dpkg-query") is not None)
    texts = {name: bare.root / "usr" / "share" / "doc" / name / "copyright" for name in system}
    assert [] == [name for name, text in texts.items() if not text.is_file()]


def test_the_image_says_which_cpu_its_kernels_are_for() -> None:
    """One default in both stages, at build and at run time, beside the features that go with it."""
    assert 2 == len(re.findall(r"^ARG CPU=x86-64-v2$", DOCKERFILE, re.MULTILINE))
    assert 2 == DOCKERFILE.count("NUMBA_CPU_NAME=${CPU}")
    assert 2 == len(re.findall(r"NUMBA_CPU_FEATURES= ", DOCKERFILE))
    assert distribution("numba").version in (ROOT / "constraints.txt").read_text()
