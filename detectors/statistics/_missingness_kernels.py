"""Numba kernels of missingness: in place, on float64 C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Rows of the counts: rows present, gaps begun, rows missing, rows missing after a missing one.
PRESENT, BEGUN, MISSING, GONE_ON = range(4)


@nb.njit(cache=True, error_model="numpy")
def missingness_step(
    x: Floats,
    learn: bool,
    known: int,
    begin_prior: float,
    stay_prior: float,
    run: Ints,
    counts: Ints,
    surprisal: Floats,
) -> float:
    """Move every series' gap on by one row; return the largest surprisal, nats.

    counts (4, n): rows present, gaps begun, rows missing, rows missing after a missing one.
    """
    present, begun = counts[PRESENT], counts[BEGUN]
    missing, gone_on = counts[MISSING], counts[GONE_ON]
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
                present[j] += 1
            continue
        run[j] += 1
        if present[j] >= known:
            rows = present[j] + missing[j]
            p = (begun[j] + 1.0) / (rows + begin_prior)
            if run[j] > 1:
                p = (gone_on[j] + 1.0) / (missing[j] + stay_prior)
            surprisal[j] -= np.log(p)
            worst = max(worst, surprisal[j])
        if learn:
            begun[j] += run[j] == 1
            missing[j] += 1
            gone_on[j] += run[j] > 1
    return worst
