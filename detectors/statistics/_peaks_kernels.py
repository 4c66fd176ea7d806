"""Numba kernels of block maxima: in place, on float64 C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Structured = NDArray[np.void]


@nb.njit(cache=True, error_model="numpy")
def peaks_learn(
    z: Floats, last: bool, policy: Structured, current: Floats, weight: Floats, mean: Floats
) -> None:
    """Follow the open block's maxima; with its last row move the winsorised means towards them."""
    choice = policy[0]
    memory, winsor = choice["memory_blocks"], choice["winsor"]
    for j in range(z.shape[0]):
        current[j] = max(current[j], abs(z[j]))
        if not last or current[j] < 0.0:
            continue
        peak = current[j]
        if weight[j] >= choice["winsor_blocks"] and mean[j] > 0.0:
            peak = min(peak, winsor * mean[j])
        weight[j] = min(weight[j] + 1.0, memory)
        old = 0.0 if weight[j] == 1.0 else mean[j]
        mean[j] = old + (peak - old) / weight[j]
        current[j] = -1.0
