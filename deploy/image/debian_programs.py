"""Programs of Debian's packages, used without installing anything.

`python debian_programs.py SCRATCH PROGRAMS COMMAND...` is run by `seeing`, inside new namespaces.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

# What programs read as theirs, and write whatever their configuration says.
_OVERLAID = ("/usr", "/etc", "/var", "/opt")
_CHOSEN = re.compile(r"^Inst (\S+)", re.MULTILINE)


class MissingProgramError(Exception):
    """Something cannot be had on this machine; the text says what."""


def cache() -> Path:
    """Return the folder for everything that is downloaded or built, made if need be."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(root) / "coral-deploy"
    path.mkdir(parents=True, exist_ok=True)
    return path


def unpacked(packages: Sequence[str]) -> Path:
    """Return a folder with these packages, and what they need beside what is installed.

    Nothing is installed: no service starts, no file of the machine changes.

    Raises
    ------
    MissingProgramError
        If apt does not have them.
    """
    digest = hashlib.sha256(" ".join(sorted(packages)).encode()).hexdigest()[:12]
    home = cache() / f"debian-{digest}"
    if home.exists():
        return home
    chosen = _chosen(packages)
    with tempfile.TemporaryDirectory(dir=home.parent) as made:
        (Path(made) / "root").mkdir()
        if chosen:
            run(["apt-get", "download", "-qq", *chosen], cwd=made)
        for package in sorted(Path(made).glob("*.deb")):
            run(["dpkg", "-x", str(package), f"{made}/root"])
        Path(made, "root").rename(home)
    return home


def _chosen(packages: Sequence[str]) -> list[str]:
    """Return the packages that apt would install; its lists are renewed if it knows one not."""
    asked = ["apt-get", "install", "-s", "--no-install-recommends", *packages]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode:
            run(["apt-get", "update", "-qq"])
            done = subprocess.run(asked, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise MissingProgramError("Debian's apt-get is needed, and root") from None
    if done.returncode:
        raise MissingProgramError(f"apt has not {' '.join(packages)}: {done.stderr.strip()}")
    return _CHOSEN.findall(done.stdout)


def seeing(programs: Path, scratch: Path, command: Sequence[str], *more: str) -> list[str]:
    """Return a command that runs in namespaces of its own, where the programs seem installed.

    What it writes below /usr, /etc, /var and /opt goes to `scratch` and is seen by itself alone.

    Parameters
    ----------
    programs : Path
        From `unpacked`.
    scratch : Path
        Folder on a disk; not itself on an overlay.
    command : sequence of str
    *more : str
        Further options of unshare: which namespaces.
    """
    here = [sys.executable, str(Path(__file__).resolve()), str(scratch), str(programs)]
    return ["unshare", "--mount", *more, *here, *command]


def run(command: Sequence[str], cwd: str | None = None) -> str:
    """Run a program to its end; return what it printed.

    Raises
    ------
    MissingProgramError
        With the end of what it said, if it failed.
    """
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise MissingProgramError(f"`{' '.join(command)}` failed:\n{tail}")
    return done.stdout


def _overlays(scratch: Path, programs: Path) -> Iterator[list[str]]:
    for folder in _OVERLAID:
        upper, work = (scratch / kind / folder.lstrip("/") for kind in ("upper", "work"))
        upper.mkdir(parents=True, exist_ok=True)
        work.mkdir(parents=True, exist_ok=True)
        theirs = Path(f"{programs}{folder}")
        lower = f"{theirs}:{folder}" if theirs.is_dir() else folder
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        yield ["mount", "-t", "overlay", "overlay", "-o", options, folder]


def main() -> None:
    """Lay the overlays and become the command."""
    scratch, programs, *command = sys.argv[1:]
    for mount in _overlays(Path(scratch), Path(programs)):
        run(mount)
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
