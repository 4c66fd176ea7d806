"""Series change their places: some leave, some come, the others move up."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["appended", "places", "take"]

Indices = npt.NDArray[np.intp]
_Cell = TypeVar("_Cell", bound=np.generic)


def appended(n_old: int, n_new: int) -> Indices:
    """Places of `n_old` series followed by new ones, as `take` wants them.

    Raises
    ------
    ValueError
        If n_new < n_old.
    """
    if n_new < n_old:
        raise ValueError(f"`appended` requires n_new >= {n_old}, got n_new={n_new}.")
    return np.append(np.arange(n_old), np.full(n_new - n_old, -1))


def places(wanted: Sequence[str], present: Sequence[str]) -> Indices:
    """Return the place of every wanted name among the present ones, -1 where it does not occur."""
    at = {name: place for place, name in enumerate(present)}
    return np.array([at.get(name, -1) for name in wanted], dtype=np.intp)


def take(
    values: npt.NDArray[_Cell], index: Indices, axes: tuple[int, ...], unknown: npt.ArrayLike
) -> npt.NDArray[_Cell]:
    """Reindex series.

    Parameters
    ----------
    values : ndarray
        Array with one entry per series along every axis of `axes`.
    index : ndarray of shape (n_new,), int
        Present place of each new entry, -1 for one that did not exist.
    axes : tuple of int
        Axes to reindex.
    unknown : float or array that broadcasts
        Value of the entries that did not exist.

    Returns
    -------
    ndarray
        A copy with n_new entries along every axis of `axes`.
    """
    kept, new = np.maximum(index, 0), np.flatnonzero(index < 0)
    for axis in axes:
        at: list[slice | Indices] = [slice(None)] * values.ndim
        if values.shape[axis]:
            values = np.take(values, kept, axis=axis)
        else:  # there is none to take
            shape = (*values.shape[:axis], len(index), *values.shape[axis + 1 :])
            values = np.empty(shape, dtype=values.dtype)
        at[axis] = new
        values[tuple(at)] = unknown
    return values
