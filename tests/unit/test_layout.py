"""The layout's rule: a folder is a stage, and the root of a package holds what stages share."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("coral", "streams", "detectors")
MOST_IN_THE_ROOT = 18


def modules(package: str) -> dict[str, Path]:
    """All modules of a package by their full name."""
    found = {}
    for path in sorted((ROOT / package).glob("**/*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> Iterator[str]:
    """Full names of everything a file imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_root_of_coral_is_short() -> None:
    """Its folders and modules fit one screen; `__init__.py` is the package itself."""
    listed = [
        path
        for path in (ROOT / "coral").iterdir()
        if (path.suffix == ".py" and path.name != "__init__.py")
        or (path.is_dir() and path.name != "__pycache__")
    ]
    assert len(listed) <= MOST_IN_THE_ROOT


@pytest.mark.parametrize("package", PACKAGES)
def test_a_module_with_one_importer_lives_with_it(package: str) -> None:
    """What stands in a package's root is imported from more than one place, or by nobody of ours.

    Nobody imports what is there for users of the library, such as `detectors.river`.
    """
    importers = defaultdict(set)
    for user in PACKAGES:
        for name, path in modules(user).items():
            for imported in imports(path):
                importers[imported].add(name)
    in_root = [
        name
        for name, path in modules(package).items()
        if path.parent == ROOT / package and path.name != "__init__.py"
    ]
    assert [] == [name for name in in_root if len(importers[name]) == 1]


def test_no_class_name_stands_for_two_things() -> None:
    """Whoever reads a name knows which class is meant."""
    places = defaultdict(list)
    for package in PACKAGES:
        for name, path in modules(package).items():
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(name)
    assert {} == {name: found for name, found in places.items() if len(found) > 1}
