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
