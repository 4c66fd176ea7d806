"""What the image leaves out of the packages that CORAL needs, and why.

`tests/unit/deploy/test_image.py` holds that everything of CORAL imports and answers without it.
"""

import re
from typing import Final

__all__ = ["LEFT_OUT", "reason"]

# Reason, and the paths below site-packages that match as a whole.
LEFT_OUT: Final = {
    "tests and benchmarks": r".*/tests?/.*|.*/conftest\.py|kafka/benchmarks/.*",
    "scipy, but for linalg and special": r"scipy/(?!_lib/|linalg/|special/|[^/]*$).*",
    "numba for GPUs": r"numba/cuda/.*",
    "numpy's build tools": r"numpy/distutils/.*",
    "zstandard's second binding": r"zstandard/(_cffi\..*|backend_cffi\.py)",
    "river, but for its base classes": r"river/(?!base/|[^/]*$).*|river/_river_rust\..*",
    "what only compilers and editors read": r".*\.(a|c|cc|cpp|cu|cuh|f|f90|h|hpp|pxd|pyf|pyi|pyx)",
}
_PATTERNS = {reason: re.compile(pattern) for reason, pattern in LEFT_OUT.items()}


def reason(path: str) -> str | None:
    """Return why a file below site-packages is left out; None if it belongs to the image."""
    return next((why for why, pattern in _PATTERNS.items() if pattern.fullmatch(path)), None)
