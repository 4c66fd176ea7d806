"""Numba kernels of the cumulative sums: in place, C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@nb.njit(cache=True, error_model="numpy")
def cusum_step(score: Floats, slack: float, ceiling: float, statistic: Floats, age: Ints) -> None:
    """One step of y = min(max(0, y + score - slack), ceiling); age counts rows since y was 0."""
    for c in range(score.shape[0]):
        if np.isnan(score[c]):
            if statistic[c] > 0.0:
                age[c] += 1
            continue
        y = min(max(0.0, statistic[c] + score[c] - slack), ceiling)
        age[c] = age[c] + 1 if y > 0.0 else 0
        statistic[c] = y
