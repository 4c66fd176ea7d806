"""Online root-cause analysis of metrics; the command is `coral`, the library `coral.engine`."""

from importlib.util import find_spec
from pathlib import Path

__version__ = "0.2.0"


def _require_own(package: str) -> None:
    """Raise ImportError when another distribution's package of this name comes first.

    `streams` and `detectors` are common names: a folder or distribution of that name that stands
    before ours would fail much later, at the first name it lacks.
    """
    expected = Path(__file__).resolve().parents[1] / package / "__init__.py"
    spec = find_spec(package)
    found = None if spec is None or spec.origin is None else Path(spec.origin).resolve()
    if found != expected:
        instead = "none" if found is None else f"the one at {found.parent}"
        raise ImportError(
            f"CORAL requires its own package `{package}` at {expected.parent}, found {instead}: "
            "start `coral` from another folder, or remove that package or folder."
        )


_require_own("streams")
_require_own("detectors")
