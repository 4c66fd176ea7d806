"""What stands beside the package must not be taken for a part of it."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("package", ["streams", "detectors"])
def test_a_foreign_package_of_the_same_name_is_named(tmp_path: Path, package: str) -> None:
    """A folder that happens to be called so comes first under `python -c`: the message says so."""
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("")
    command = [sys.executable, "-c", "import coral"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert 1 == done.returncode
    assert f"CORAL requires its own package `{package}`" in done.stderr
    assert str(tmp_path / package) in done.stderr


def test_our_own_packages_are_taken(tmp_path: Path) -> None:
    """From any folder."""
    command = [sys.executable, "-c", "import coral; print(coral.__version__)"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert "" == done.stderr
