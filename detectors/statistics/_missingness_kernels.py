"""Numba kernels of missingness: in place, on float64 C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Rows of the counts: rows present, gaps begun, rows missing, rows missing after a missing one,
# rows present after a present one, rows of the longest gap that ended.
PRESENT, BEGUN, MISSING, GONE_ON, PAIRS, LONGEST = range(6)


@nb.njit(cache=True, error_model="numpy")
def missingness_step(
    x: Floats,
    learn: bool,
    known: int,
    priors: tuple[float, float],
    slow: tuple[int, int],
    run: Ints,
    counts: Ints,
    surprisal: Floats,
) -> float:
    """Move every series' gap on by one row; return the largest surprisal, nats.

    priors: of a gap's begin and of its going on. slow: `slow_values`, `slow_pairs`. counts (6, n):
    see above.
    """
    present, begun = counts[PRESENT], counts[BEGUN]
    missing, gone_on = counts[MISSING], counts[GONE_ON]
    pairs, longest = counts[PAIRS], counts[LONGEST]
    begin_prior, stay_prior = priors
    anything = False
    for j in range(x.shape[0]):
        anything = anything or np.isfinite(x[j])
    worst = 0.0
    for j in range(x.shape[0]):
        if not anything:
            continue
        if np.isfinite(x[j]):
            if learn and present[j] > 0:
                pairs[j] += run[j] == 0
                longest[j] = max(longest[j], run[j])
            run[j] = 0
            surprisal[j] = 0.0
            if learn:
                present[j] += 1
            continue
        run[j] += 1
        if present[j] >= slow[0] and pairs[j] * slow[1] <= present[j]:
            # It is not due before; from then on it is like one that was never missing.
            overdue = run[j] - longest[j]
            if overdue > 0 and present[j] >= known:
                p = 1.0 / (present[j] + begin_prior) if overdue == 1 else 1.0 / stay_prior
                surprisal[j] -= np.log(p)
                worst = max(worst, surprisal[j])
        elif present[j] >= known:
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
