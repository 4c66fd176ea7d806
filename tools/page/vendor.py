"""Fetch the libraries of the page again from the npm registry, and compare or write them.

`python tools/page/vendor.py` compares, byte by byte; `--write` puts them into the package and
renews the manifest. `npm` fetches them, whatever registry it is set up with; nothing is built.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Final

VENDOR: Final = Path(__file__).parents[2] / "coral" / "page" / "static" / "vendor"
MANIFEST: Final = VENDOR / "manifest.json"


def sha256(content: bytes) -> str:
    """Return the digest that the manifest holds."""
    return hashlib.sha256(content).hexdigest()


def fetched(package: str, member: str) -> bytes:
    """Return one file of a package as the registry has it."""
    with tempfile.TemporaryDirectory() as home:
        command = ["npm", "pack", "--silent", "--ignore-scripts", package]
        subprocess.run(command, cwd=home, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(home).glob("*.tgz")
        with tarfile.open(archive) as held:
            found = held.extractfile(f"package/{member}")
            if found is None:
                raise SystemExit(f"{package} has no {member}")
            return found.read()


def main() -> int:
    """Compare every file of the manifest, or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    manifest: dict[str, Any] = json.loads(MANIFEST.read_text())
    different = []
    for name, entry in manifest["files"].items():
        content = fetched(entry["package"], entry["member"])
        if write:
            (VENDOR / name).parent.mkdir(parents=True, exist_ok=True)
            (VENDOR / name).write_bytes(content)
            entry["sha256"] = sha256(content)
        elif not entry["sha256"] == sha256(content) == sha256((VENDOR / name).read_bytes()):
            different.append(name)
    if write:
        MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n")
    print(f"{len(manifest['files'])} files, different: {', '.join(different) or 'none'}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
