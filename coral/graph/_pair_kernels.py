"""Kernel from pairs of series to pairs of their entities; in place, trusts its caller."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
IndexArray = npt.NDArray[np.intp]


@nb.njit(cache=True, error_model="numpy")
def mark_pairs(chosen: BoolArray, owner: IndexArray, found: BoolArray) -> None:
    """Set `found` where a pair of series of two different entities is chosen.

    `chosen` : (n, n); `owner` : (n,), entity of each series; `found` : (n_entities, n_entities),
    the rest of it stays.
    """
    for i in range(chosen.shape[0]):
        for j in range(chosen.shape[1]):
            if chosen[i, j] and owner[i] != owner[j]:
                found[owner[i], owner[j]] = True
