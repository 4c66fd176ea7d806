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
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
# What the package holds, and what only its tests need.
VENDORS: Final = (ROOT / "coral/http/page/static/vendor", ROOT / "tests/browser/vendor")


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


def differing(vendor: Path, *, write: bool) -> Iterator[str]:
    """Yield the files of a manifest that are not what the registry has, or write them."""
    manifest: dict[str, Any] = json.loads((vendor / "manifest.json").read_text())
    for name, entry in manifest["files"].items():
        content = fetched(entry["package"], entry["member"])
        if write:
            (vendor / name).parent.mkdir(parents=True, exist_ok=True)
            (vendor / name).write_bytes(content)
            entry["sha256"] = sha256(content)
        elif not entry["sha256"] == sha256(content) == sha256((vendor / name).read_bytes()):
            yield name
    if write:
        (vendor / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def main() -> int:
    """Compare every file of the manifest, or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    different = [name for vendor in VENDORS for name in differing(vendor, write=write)]
    print(f"different: {', '.join(different) or 'none'}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
