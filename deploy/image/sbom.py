"""What is in the image and under which licences: CycloneDX, and the licence texts of the system.

Packages of Python carry their licence texts in their `.dist-info`; what a wheel has compiled in is
told by its own.
"""

import json
import re
import shutil
import subprocess
import sysconfig
import uuid
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["NAME", "document", "write"]

NAME = "sbom.cdx.json"
_DOC = Path("/usr/share/doc")
_COMMON = Path("/usr/share/common-licenses")


def write(
    root: Path,
    home: Path,
    distributions: Sequence[metadata.Distribution],
    system: Iterable[Path],
) -> None:
    """Put the list of components into `home`, and the licence texts of the system in their place.

    Parameters
    ----------
    root : Path
        The file system that is being made.
    home : Path
        Folder in it.
    distributions : sequence of Distribution
        The first one is CORAL itself.
    system : iterable of Path
        Files that were taken from the operating system.
    """
    packages = sorted(_debian_packages(system))
    text = json.dumps(document(distributions, packages), indent=1)
    (root / str(home / NAME).lstrip("/")).write_text(text + "\n")
    texts = [_DOC / name / "copyright" for name, _, _ in packages]
    texts += _COMMON.glob("*") if packages else []
    for source in texts:
        if source.exists():
            target = root / str(source).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def document(
    distributions: Sequence[metadata.Distribution], packages: Sequence[tuple[str, str, str]]
) -> dict[str, Any]:
    """Return the CycloneDX 1.6 document; the same components give the same bytes."""
    coral, *others = distributions
    components = [
        _of_python(one) for one in sorted(others, key=lambda d: d.metadata["Name"].lower())
    ]
    components.append(
        {
            "type": "application",
            "bom-ref": "python",
            "name": "python",
            "version": sysconfig.get_config_var("py_version"),
            "licenses": [{"license": {"id": "PSF-2.0"}}],
        }
    )
    components += [_of_debian(*one) for one in packages]
    names = json.dumps([[c["name"], c["version"]] for c in components]) + coral.version
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, names)}",
        "version": 1,
        "metadata": {"component": _of_python(coral) | {"type": "application"}},
        "components": components,
    }


def _of_python(distribution: metadata.Distribution) -> dict[str, Any]:
    name, version = distribution.metadata["Name"], distribution.version
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": list(_licences(distribution)),
    }


def _licences(distribution: metadata.Distribution) -> Iterator[dict[str, Any]]:
    """Yield the expression of newer packages, else what the classifiers, or a free text, say."""
    said = distribution.metadata.get_all
    for expression in said("License-Expression") or ():
        yield {"expression": expression}
        return
    classes = [line for line in said("Classifier") or () if line.startswith("License :: ")]
    names = [line.split(" :: ")[-1] for line in classes if not line.endswith("OSI Approved")]
    for name in names or [text.strip().splitlines()[0] for text in said("License") or ()]:
        yield {"license": {"name": name}}


def _of_debian(name: str, version: str, architecture: str) -> dict[str, Any]:
    purl = f"pkg:deb/debian/{name}@{version}?arch={architecture}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _debian_packages(files: Iterable[Path]) -> set[tuple[str, str, str]]:
    """Return name, version and architecture of the packages that files came from."""
    if shutil.which("dpkg-query") is None:
        return set()
    asked: set[str] = set()
    for file in files:
        for path in {str(file), str(file.resolve())}:
            # The database has the paths from before /lib became /usr/lib.
            asked |= {path, path.removeprefix("/usr"), f"/usr{path}"}
    found = subprocess.run(
        ["dpkg-query", "-S", *sorted(asked)], capture_output=True, text=True, check=False
    ).stdout
    names = {line.split(": ")[0] for line in found.splitlines() if not line.startswith("diversion")}
    if not names:
        return set()
    form = "${Package}\t${Version}\t${Architecture}\n"
    told = subprocess.run(
        ["dpkg-query", "-W", "-f", form, *sorted({n for name in names for n in name.split(", ")})],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {(n, v, a) for n, v, a in (line.split("\t") for line in told.splitlines())}
