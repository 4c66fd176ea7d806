"""Virtual environments of the peers, one for each `requirements-*.txt`, in the user's cache.

`python benchmarks/peers/environments.py [NAME...]` makes them and prints where they are; run.py
does the same by itself. An environment is named after its requirements' checksum, so a change of
a file makes a new one.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
# Lines below this one are installed without their dependencies; the file says why.
BARE = "# without dependencies"


class Environment(NamedTuple):
    """What came of an environment."""

    name: str
    python: Path | None  # None = does not install
    error: str
    packages: dict[str, str]  # version by name


def names() -> list[str]:
    """Return the names of all environments."""
    return sorted(file.stem.partition("-")[2] for file in HERE.glob("requirements-*.txt"))


def cache() -> Path:
    """Return the folder of the environments."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coral" / "peers"


def digest(name: str) -> str:
    """Return a checksum of what is asked for; empty for the project's own environment."""
    if not name:
        return ""
    return hashlib.sha256(_file(name).read_bytes()).hexdigest()[:12]


def prepare(name: str) -> Environment:
    """Return the environment, made if it is not there; wheels only.

    Parameters
    ----------
    name : str
        Empty for the environment that runs this.
    """
    if not name:
        return Environment("", Path(sys.executable), "", {})
    folder = cache() / f"{name}-{digest(name)}-{sys.version_info.major}.{sys.version_info.minor}"
    done = folder / "packages.json"
    if not done.exists():
        error = _make(name, folder)
        if error:
            shutil.rmtree(folder, ignore_errors=True)
            return Environment(name, None, error, {})
        done.write_text(json.dumps(_freeze(folder / "bin" / "python")))
    return Environment(name, folder / "bin" / "python", "", json.loads(done.read_text()))


def _make(name: str, folder: Path) -> str:
    """Make an environment; return why not."""
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    full, _, bare = _file(name).read_text().partition(BARE)
    for part, more in ((full, ()), (bare, ("--no-deps",))):
        wanted = [line.strip() for line in part.splitlines()]
        wanted = [line for line in wanted if line and not line.startswith("#")]
        error = wanted and _pip(folder / "bin" / "python", *more, *wanted)
        if error:
            return error
    return ""


def _pip(python: Path, *words: str) -> str:
    """Install; return the last line of the trouble."""
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    command += ["--only-binary", ":all:", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stderr.strip().splitlines() or ["pip failed"]
    return lines[-1] if done.returncode else ""


def _freeze(python: Path) -> dict[str, str]:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "list", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {package["name"]: package["version"] for package in json.loads(done.stdout)}


def _file(name: str) -> Path:
    return HERE / f"requirements-{name}.txt"


def main() -> None:
    """Make the environments that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names())}")
    for name in parser.parse_args().names or names():
        made = prepare(name)
        print(f"{name:12} {made.python or 'does not install: ' + made.error}")


if __name__ == "__main__":
    main()
