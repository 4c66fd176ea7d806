"""Programs of Debian's packages for the tests: the installed one, or that of a package unpacked."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path


def program(name: str, package: str) -> str:
    """The path of a program of a package, fetched where it is not installed.

    Nothing is installed: no service starts, and nobody's rights are needed. For programs that
    need no other package.
    """
    found = shutil.which(name)
    if found:
        return found
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    home = Path(root) / "coral-debian" / package
    if not (home / "usr" / "bin" / name).exists():
        _unpack(package, home, f"{name} is missing: sudo apt-get install {package}")
    return str(home / "usr" / "bin" / name)


def installed(name: str, package: str, *more: str) -> str:
    """The path of a program whose package needs others: installed, by us if we may.

    `more` are packages that it needs for what is asked of it and only recommends.
    """
    missing = f"{name} is missing: sudo apt-get install {' '.join((package, *more))}"
    with Path(tempfile.gettempdir(), f"coral-install-{package}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one worker installs, the others wait
        if (found := shutil.which(name)) is not None:
            return found
        apt = shutil.which("apt-get")
        assert apt is not None, missing
        assert os.geteuid() == 0, missing
        command = [apt, "install", "-y", "-qq", "--no-install-recommends", package, *more]
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for words in (command, [apt, "update", "-qq"], command):
            done = subprocess.run(words, check=False, capture_output=True, text=True, env=env)
            if (found := shutil.which(name)) is not None:
                return found
    raise AssertionError(f"{missing} ({done.stderr[-2000:]})")


def _unpack(package: str, home: Path, missing: str) -> None:
    """Put what is in the package into a folder, all of it at once."""
    apt, dpkg = shutil.which("apt-get"), shutil.which("dpkg-deb")
    assert apt is not None, missing
    assert dpkg is not None, missing
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as made:
        command = [apt, "download", "-qq", package]
        done = subprocess.run(command, cwd=made, check=False, capture_output=True, text=True)
        packages = [*Path(made).glob("*.deb")]
        assert packages, f"{missing} ({done.stderr})"
        subprocess.run([dpkg, "-x", str(packages[0]), f"{made}/root"], check=True)
        with suppress(OSError):  # another worker was quicker
            Path(made, "root").rename(home)
