"""Assembles the bare root file system of the image around the environment that runs this.

`python rootfs.py ROOT` copies the interpreter, its library, what both are linked against, CORAL
with the packages that it needs, trusted certificates and two identities: no shell, no package
manager, no compiler, no pip. At the end it prints what takes how much.
"""

import argparse
import compileall
import json
import os
import py_compile
import re
import shutil
import ssl
import subprocess
import sys
import sysconfig
from collections import Counter
from importlib import metadata, util
from pathlib import Path

import sbom
import trim
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HOME = Path("/opt/coral")  # in the image
SITE = HOME / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
OURS = ("coral", "streams", "detectors")
# Libraries that nobody has rewritten after they were linked: stripping breaks the others.
STRIPPED = ("llvmlite", "zstandard", "lz4", "cramjam")
UID = 10001

# Of the interpreter's library: what its own tests, other programs and other systems need.
_LIBRARY_WITHOUT = shutil.ignore_patterns(
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idlelib",
    "lib2to3",
    "ensurepip",
    "curses",
    "tkinter",
    "turtle*",
    "distutils",
    "pydoc_data",
    "config-*",
    "LICENSE-*",
    "_tkinter*",
    "nis*",
    "_curses*",
    "readline*",
    "_dbm*",
    "_gdbm*",
    "_test*",
    "_ctypes_test*",
    "_xx*",
    "xx*",
)
_LINKED = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x", re.MULTILINE)
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_IDENTITIES = {
    "etc/passwd": f"root:x:0:0:root:/:/bin/false\ncoral:x:{UID}:{UID}:CORAL:/tmp:/bin/false\n",
    "etc/group": f"root:x:0:\ncoral:x:{UID}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


class Tree:
    """A root file system that is being filled.

    Parameters
    ----------
    root : Path
        Is made; must not exist.

    Attributes
    ----------
    sizes : Counter
        Bytes that were copied, by part.
    left_out : Counter
        Bytes that were left out, by reason.
    system : set of Path
        Files that belong to the operating system.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sizes: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.system: set[Path] = set()
        root.mkdir(parents=True)
        for name in ("bin", "sbin", "lib", "lib32", "lib64"):
            folder = Path("/", name)
            if folder.is_symlink():
                (root / name).symlink_to(folder.readlink())
                (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        (root / "tmp").mkdir()
        (root / "tmp").chmod(0o1777)

    def put(self, source: Path, part: str, place: Path | None = None) -> Path:
        """Copy a file, or what a link leads to, to its own place or another; return where it is."""
        target = self.root / str(place or source).lstrip("/")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(source.resolve(), target)
            self.sizes[part] += target.stat().st_size
        return target

    def put_folder(self, source: Path, part: str, place: Path | None = None) -> None:
        """Copy a folder of the operating system or of ours, compiled files included."""
        target = self.root / str(place or source).lstrip("/")
        shutil.copytree(
            source, target, copy_function=_copy, ignore=_LIBRARY_WITHOUT, dirs_exist_ok=True
        )
        self.sizes[part] += sum(p.stat().st_size for p in target.rglob("*") if p.is_file())

    def put_system(self, source: Path, part: str) -> None:
        """Copy a file of the operating system, and note that it is one."""
        self.put(source, part)
        self.system.add(source)


def _copy(source: str | Path, target: str | Path) -> None:
    """Link where both are on one disk, which costs nothing; else copy with the times."""
    try:
        os.link(Path(source).resolve(), target)  # not the link that may lead there
    except OSError:
        shutil.copy2(source, target)


def put_interpreter(tree: Tree) -> None:
    """Python, its library and links to it in `HOME`."""
    program = Path(sys.executable).resolve()
    tree.put_system(program, "interpreter")
    library = Path(sysconfig.get_path("stdlib"))
    tree.put_folder(library, "interpreter")
    tree.system |= {file for file in library.glob("*.py") if not file.is_symlink()}
    tree.system |= set(library.glob("lib-dynload/*.so"))
    links = tree.root / str(HOME).lstrip("/") / "bin"
    links.mkdir(parents=True)
    (links / "python").symlink_to(program)
    (links.parent / "pyvenv.cfg").write_text(
        f"home = {program.parent}\ninclude-system-site-packages = false\n"
        f"version = {sysconfig.get_python_version()}\n"
    )
    # -P: a folder `streams` or `coral` where it is started must not be taken for ours.
    script = "import sys\nfrom coral.cli.main import main\nsys.exit(main())\n"
    (links / "coral").write_text(f"#!{HOME}/bin/python -P\n{script}")
    (links / "coral").chmod(0o755)


def closure() -> list[metadata.Distribution]:
    """Return the distribution of CORAL and all that it needs here, itself first."""
    todo, found = [("coral-rca", "")], dict[tuple[str, str], metadata.Distribution]()
    while todo:
        name, extra = todo.pop()
        if (name, extra) in found:
            continue
        found[name, extra] = metadata.distribution(name)
        for needed in map(Requirement, found[name, extra].requires or ()):
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                todo += [(canonicalize_name(needed.name), one) for one in ("", *needed.extras)]
    return list({name: distribution for (name, _), distribution in found.items()}.values())


def put_packages(tree: Tree, distributions: list[metadata.Distribution]) -> None:
    """CORAL as it is imported here, with its compiled kernels, and the packages that it needs."""
    for distribution in distributions:
        name = distribution.metadata["Name"]
        for file in distribution.files or ():
            path, source = file.as_posix(), Path(str(distribution.locate_file(file)))
            if path.startswith((".", "/")) or "__pycache__" in path or not source.is_file():
                continue
            if name == "coral-rca" and ".dist-info/" not in path:
                continue
            compiled = _compiled(source)
            why = trim.reason(path)
            if why:
                tree.left_out[why] += sum(p.stat().st_size for p in (source, *compiled))
                continue
            for one in (source, *compiled):
                tree.put(
                    one,
                    f"package {name}",
                    SITE / Path(path).parent / one.relative_to(source.parent),
                )
    for package in OURS:
        found = util.find_spec(package)
        folder = Path(str(found and found.origin)).parent
        tree.put_folder(folder, "coral and its kernels", SITE / package)
    baked = Path(__file__).with_name("baked_kernels.py")
    tree.put(baked, "coral and its kernels", SITE / baked.name)


def _compiled(source: Path) -> list[Path]:
    """Return the byte code of a source, if there is any."""
    if source.suffix != ".py":
        return []
    cached = Path(util.cache_from_source(str(source)))
    return [cached] if cached.is_file() else []


def put_libraries(tree: Tree) -> None:
    """Put what the interpreter and the compiled parts of the packages are linked against."""
    programs = [
        p for p in tree.root.rglob("*") if p.is_file() and not p.is_symlink() and _is_elf(p)
    ]
    told = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False)
    for found in sorted({*_LINKED.findall(told.stdout)}):
        if not found.startswith(str(tree.root)):
            tree.put_system(Path(found), "libraries of the system")
    # Loaded by name when the first thread ends; nothing need be linked against it.
    for libc in [file for file in tree.system if file.name.startswith("libc.so")]:
        if libc.with_name("libgcc_s.so.1").exists():
            tree.put_system(libc.with_name("libgcc_s.so.1"), "libraries of the system")
    # Libraries in places that the loader does not look at by itself, as those of /usr/local.
    for folder in (Path("/etc/ld.so.conf"), *Path("/etc/ld.so.conf.d").glob("*.conf")):
        tree.put(folder, "libraries of the system")
    subprocess.run(["ldconfig", "-r", str(tree.root)], check=True, stderr=subprocess.DEVNULL)


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def strip() -> int:
    """Take the symbols of `STRIPPED` away in the environment itself; return how many bytes."""
    site = Path(sysconfig.get_path("platlib"))
    libraries = [file for name in STRIPPED for file in (site / name).rglob("*.so")]
    before = sum(file.stat().st_size for file in libraries)
    subprocess.run(["strip", "--strip-unneeded", *map(str, libraries)], check=True)
    return before - sum(file.stat().st_size for file in libraries)


def put_rest(tree: Tree) -> None:
    """Certificates where OpenSSL looks for them, and who runs it."""
    if _CERTIFICATES.exists():
        tree.put_system(_CERTIFICATES, "certificates")
        looked_at = Path(ssl.get_default_verify_paths().openssl_cafile)
        link = tree.root / str(looked_at).lstrip("/")
        if not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(_CERTIFICATES)
    for name, text in _IDENTITIES.items():
        (tree.root / name).parent.mkdir(exist_ok=True)
        (tree.root / name).write_text(text)


def compile_sources(tree: Tree) -> None:
    """Put byte code that is taken as it is: nobody can write it at run time."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    before = _size(tree.root)
    compileall.compile_dir(
        tree.root,
        maxlevels=20,
        stripdir=str(tree.root),
        force=True,
        quiet=1,
        workers=0,
        invalidation_mode=mode,
    )
    tree.sizes["byte code"] += _size(tree.root) - before


def left_behind(tree: Tree, distributions: list[metadata.Distribution]) -> dict[str, int]:
    """Return the bytes of what is not even looked at: of the base, and of the environment."""
    base = sum(_size(Path(folder)) for folder in ("/usr", "/etc", "/var"))
    taken = ("interpreter", "libraries of the system", "certificates")
    needed = {one.metadata["Name"] for one in distributions}
    tools = [one for one in metadata.distributions() if one.metadata["Name"] not in needed]
    files = [Path(str(one.locate_file(file))) for one in tools for file in one.files or ()]
    return {
        "the base, but for Python and what it is linked against": base
        - sum(tree.sizes[part] for part in taken),
        "pip, and what the build needs": sum(f.stat().st_size for f in files if f.is_file()),
    }


def _size(root: Path) -> int:
    files = {p.stat().st_ino: p.stat().st_size for p in root.rglob("*") if not p.is_symlink()}
    return sum(files.values())


def assemble(root: Path, *, compiled: bool = False) -> dict[str, object]:
    """Fill `root`; return how many bytes each part takes and what was left out.

    With `compiled`, as in the build of the image, libraries are stripped and all sources are
    compiled; else what was compiled before is taken over.
    """
    tree, distributions = Tree(root), closure()
    if compiled:
        tree.left_out["symbols of libraries"] = strip()
    put_interpreter(tree)
    put_packages(tree, distributions)
    put_libraries(tree)
    put_rest(tree)
    sbom.write(root, HOME, distributions, tree.system)
    if compiled:
        compile_sources(tree)
        tree.left_out.update(left_behind(tree, distributions))
    return {
        "bytes": _size(root),
        "parts": dict(tree.sizes.most_common()),
        "left_out": dict(tree.left_out.most_common()),
    }


def main() -> None:
    """Assemble it and print what takes how much, as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="folder to make")
    parser.add_argument("--compile", action="store_true", help="strip, and compile all sources")
    options = parser.parse_args()
    print("CONTENTS", json.dumps(assemble(options.root, compiled=options.compile)))


if __name__ == "__main__":
    main()
