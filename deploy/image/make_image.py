"""`python deploy/image/make_image.py`: the image of the daemon, with buildah and nothing else.

Without ``--base`` the base is made of Debian's packages, for machines that reach no registry.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from debian_programs import MissingProgramError, cache, run, seeing, unpacked

ROOT = Path(__file__).parents[2]
MADE = ROOT / "dist" / "image"
ARCHIVE = MADE / "coral.tar"
CONTENTS = MADE / "contents.json"

_PACKAGES = ("buildah", "runc", "mmdebstrap")
_BASE = "localhost/coral-base"
_IN_BASE = "python3,python3-venv,ca-certificates,binutils"
_UNREAD = [f"path-exclude=/usr/share/{name}/*" for name in ("man", "locale", "info")]
_TRUST = {"default": [{"type": "insecureAcceptAnything"}]}  # what we have built ourselves
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def version() -> str:
    """Return the version of CORAL."""
    found = re.search(r'__version__ = "(.+?)"', (ROOT / "coral" / "__init__.py").read_text())
    if found is None:
        raise MissingProgramError("coral/__init__.py has no __version__")
    return found[1]


def name() -> str:
    """Return the name of the image that is made."""
    return f"localhost/coral:{version()}"


class Buildah:
    """buildah with its storage in the cache, seeing programs that are not installed.

    Parameters
    ----------
    scratch : Path
        For what nobody needs afterwards.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch, self._programs = scratch, unpacked(_PACKAGES)
        self._policy = scratch / "policy.json"
        self._policy.write_text(json.dumps(_TRUST))

    def see(self, command: Sequence[str]) -> list[str]:
        """Return a command that sees buildah, runc and mmdebstrap."""
        return seeing(self._programs, self._scratch / "seen", command)

    def __call__(self, command: str, *arguments: str) -> str:
        """Run a command of buildah; what it says is shown and returned."""
        trust = ["--signature-policy", str(self._policy)]
        words = self._words(command, *trust, *arguments)
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        said = []
        with process:
            for line in process.stdout or ():
                said.append(line)
                print(line, end="", flush=True)
        if process.returncode:
            raise MissingProgramError(f"buildah {command} failed: {said[-1] if said else ''}")
        return "".join(said)

    def has(self, image: str) -> bool:
        """Whether there is such an image."""
        words = self._words("inspect", "--type", "image", image)
        return not subprocess.run(words, capture_output=True, check=False).returncode

    def _words(self, *arguments: str) -> list[str]:
        storage = [
            f"--root={cache() / 'storage'}",
            f"--runroot={self._scratch / 'run'}",
            "--storage-driver=overlay",
        ]
        return self.see(["buildah", *storage, *arguments])


def make_base(buildah: Buildah, scratch: Path) -> None:
    """Make a Debian with Python of packages: python:3.11-slim for who reaches no registry."""
    release = re.search(r"VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text())
    sources = [
        *Path("/etc/apt/sources.list.d").glob("debian.sources"),
        Path("/etc/apt/sources.list"),
    ]
    folder = scratch / "base"
    folder.mkdir()
    run(
        buildah.see(
            ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={_IN_BASE}"]
            + [f"--dpkgopt={line}" for line in _UNREAD]
            + [release[1] if release else "stable", str(folder / "base.tar"), str(sources[0])]
        )
    )
    (folder / "Dockerfile").write_text('FROM scratch\nADD base.tar /\nCMD ["python3"]\n')
    buildah("bud", "-t", _BASE, str(folder))


def build(base: str | None, arguments: Sequence[str]) -> None:
    """Build the image, write it as an archive, and what it holds as JSON, into `MADE`."""
    MADE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache()) as folder:
        scratch = Path(folder)
        buildah = Buildah(scratch)
        if base is None and not buildah.has(_BASE):
            make_base(buildah, scratch)
        words = ["--isolation", "oci", "--runtime", "runc", "--network", "host", "--layers"]
        words += ["--build-arg", f"BASE={base or _BASE}", "--build-arg", f"VERSION={version()}"]
        words += ["--build-arg", f"REVISION={_revision()}"]
        if _CERTIFICATES.exists():  # of the machine that builds; they do not get into the image
            words += ["--volume", f"{_CERTIFICATES.parent}:/build-certificates:ro"]
            words += ["--build-arg", f"PIP_CERT=/build-certificates/{_CERTIFICATES.name}"]
        for argument in arguments:
            words += ["--build-arg", argument]
        dockerfile = str(Path(__file__).with_name("Dockerfile"))
        said = buildah("bud", *words, "-f", dockerfile, "-t", name(), str(ROOT))
        contents = re.search(r"CONTENTS (\{.*\})", said)
        if contents:  # else the layer was there from before, and so is the file
            CONTENTS.write_text(json.dumps(json.loads(contents[1]), indent=1) + "\n")
        ARCHIVE.unlink(missing_ok=True)
        buildah("push", "--disable-compression", name(), f"docker-archive:{ARCHIVE}:{name()}")


def _revision() -> str:
    git = shutil.which("git")
    return run([git, "-C", str(ROOT), "rev-parse", "HEAD"]).strip() if git else "unknown"


def table() -> str:
    """Return what takes how much and what was left out, for people."""
    contents = json.loads(CONTENTS.read_text())
    lines = [f"{contents['bytes'] / 1e6:8.1f} MB  {name()}"]
    for title, part in (("holds", contents["parts"]), ("left out", contents["left_out"])):
        big = {k: v for k, v in part.items() if v >= 1e6}
        lines += [f"{title}:"] + [f"{v / 1e6:8.1f} MB  {k}" for k, v in big.items()]
        lines.append(f"{sum(part.values()) / 1e6 - sum(big.values()) / 1e6:8.1f} MB  all else")
    return "\n".join(lines)


def main() -> int:
    """Build it; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", help="image to build in; without it one is made here")
    parser.add_argument("--build-arg", action="append", default=[], help="CPU=x86-64-v3")
    options = parser.parse_args()
    try:
        build(options.base, options.build_arg)
    except MissingProgramError as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    print(table())
    print(f"written to {ARCHIVE.relative_to(ROOT)}; `make image-check` runs it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
