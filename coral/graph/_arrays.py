"""The array type of the package and helpers about the places of series."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IndexArray = npt.NDArray[np.intp]
_Array = TypeVar("_Array", FloatArray, IndexArray)


def read_only(values: _Array) -> _Array:
    """Give a view that cannot be written through."""
    view = values.view()
    view.flags.writeable = False
    return view


def grown_places(n_old: int, n_new: int) -> IndexArray:
    """Places of `n_old` series followed by new ones, as `take` wants them.

    Raises
    ------
    ValueError
        If n_new < n_old.
    """
    if n_new < n_old:
        raise ValueError(f"`grow` requires n_series >= {n_old}, got n_series={n_new}.")
    return np.append(np.arange(n_old), np.full(n_new - n_old, -1))


def check_places(index: IndexArray, n_series: int) -> None:
    """Check that every place occurs once at most.

    Raises
    ------
    ValueError
        If a place occurs twice or does not exist, or there is none at all.
    """
    kept = index[index >= 0]
    if np.unique(kept).size != kept.size or (kept >= n_series).any() or index.size < 1:
        raise ValueError(
            f"`select` requires distinct places below {n_series}, got {index.tolist()}."
        )


def take(values: FloatArray, index: IndexArray, axes: tuple[int, ...], fill: float) -> FloatArray:
    """Reindex series.

    Parameters
    ----------
    values : ndarray
        Array with one entry per series along every axis of `axes`.
    index : ndarray of shape (n_new,), int
        Present place of each new entry, -1 for one that did not exist.
    axes : tuple of int
        Axes to reindex.
    fill : float
        Value of the entries that did not exist.

    Returns
    -------
    ndarray
        A copy with n_new entries along every axis of `axes`.
    """
    new = np.flatnonzero(index < 0)
    for axis in axes:
        values = np.take(values, np.maximum(index, 0), axis=axis)
        at: list[slice | IndexArray] = [slice(None)] * values.ndim
        at[axis] = new
        values[tuple(at)] = fill
    return values
