"""Numba kernel of the habits of health signals: in place, C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

__all__ = ["note_row"]

Floats = NDArray[np.float64]


@nb.njit(cache=True, error_model="numpy")
def note_row(
    x: Floats,
    read: NDArray[np.bool_],
    reporting: bool,
    day: float,
    previous: Floats,
    gap: Floats,
    held: Floats,
    slot: int,
) -> None:
    """Take one row of every signal into a slot: levels that two readings held, and the gap.

    x (n,): NaN = missing; read (n,): whether a present cell is a reading; day: rows; previous (n,):
    newest reading, NaN = none; gap (n,): rows without a cell while others report; held
    (n, slots, 3): highest and lowest level, longest gap.
    """
    for j in range(x.shape[0]):
        value, levels = x[j], held[j, slot]
        if not np.isfinite(value):
            gap[j] += reporting
            # One outage of two days is no habit.
            if gap[j] < day:
                levels[2] = max(levels[2], gap[j])
            continue
        gap[j] = 0.0
        if not read[j]:
            continue
        if not np.isnan(previous[j]):
            levels[0] = max(levels[0], min(value, previous[j]))
            levels[1] = min(levels[1], max(value, previous[j]))
        previous[j] = value
