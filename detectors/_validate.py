"""Checks shared by the constructors of this package."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["check_integer", "check_real", "check_row", "check_state"]


def check_integer(owner: str, name: str, value: int, low: int, high: int | None = None) -> int:
    """Return ``value`` if it is an integer within ``[low, high]``.

    Raises
    ------
    TypeError
        If the value is no integer.
    ValueError
        If the value lies outside.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"`{owner}` requires an integer {name}, got {name}={value!r}.")
    if value < low or (high is not None and value > high):
        upper = "" if high is None else f" and {name} <= {high}"
        raise ValueError(f"`{owner}` requires {name} >= {low}{upper}, got {name}={value}.")
    return int(value)


def check_real(owner: str, name: str, value: float, low: float, high: float = np.inf) -> float:
    """Return ``value`` as float if it lies in the open interval ``(low, high)``.

    Raises
    ------
    TypeError
        If the value is no real number.
    ValueError
        If the value lies outside or is NaN.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"`{owner}` requires a number {name}, got {name}={value!r}.")
    if not low < value < high:
        upper = "" if high == np.inf else f" and {name} < {high}"
        raise ValueError(f"`{owner}` requires {name} > {low}{upper}, got {name}={value}.")
    return float(value)


def check_row(owner: str, x: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return one row as a C-contiguous float64 array, without a copy where it is one.

    Raises
    ------
    ValueError
        If the row has another number of series than the detector.
    """
    row = np.ascontiguousarray(x, dtype=np.float64)
    if row.shape != (n,):
        raise ValueError(f"`{owner}` requires a row of shape ({n},), got shape={np.shape(x)}.")
    return row


def check_state(owner: str, state: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Check that a saved state has exactly the entries that its owner wrote.

    Raises
    ------
    ValueError
        If an entry is missing or unknown.
    """
    missing = sorted(set(names) - set(state))
    unknown = sorted(set(state) - set(names))
    if missing or unknown:
        raise ValueError(
            f"`{owner}` requires a state with entries {sorted(names)}, "
            f"got missing={missing}, unknown={unknown}."
        )
