"""Numba kernels of missingness: in place, on float64 C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@nb.njit(cache=True, error_model="numpy")
def missingness_step(
    x: Floats, learn: bool, known: int, run: Ints, counts: Ints, surprisal: Floats
) -> float:
    """Move every series' gap on by one row; return the largest surprisal, nats.

    counts (4, n): rows present, gaps begun, rows missing, rows missing after a missing one.
    """
    anything = False
    for j in range(x.shape[0]):
        anything = anything or np.isfinite(x[j])
    worst = 0.0
    for j in range(x.shape[0]):
        if not anything:
            continue
        if np.isfinite(x[j]):
            run[j] = 0
            surprisal[j] = 0.0
            if learn:
                counts[0, j] += 1
            continue
        run[j] += 1
        if counts[0, j] >= known:
            rows = counts[0, j] + counts[2, j]
            p = (counts[1, j] + 1.0) / (rows + 2.0)
            if run[j] > 1:
                p = (counts[3, j] + 1.0) / (counts[2, j] + 4.0)
            surprisal[j] -= np.log(p)
            worst = max(worst, surprisal[j])
        if learn:
            counts[1, j] += run[j] == 1
            counts[2, j] += 1
            counts[3, j] += run[j] > 1
    return worst
