"""Numba kernels of block maxima: in place, on float64 C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@nb.njit(cache=True, error_model="numpy")
def peaks_learn(
    z: Floats,
    last: bool,
    memory: int,
    winsor: float,
    winsor_blocks: int,
    current: Floats,
    weight: Floats,
    mean: Floats,
) -> None:
    """Follow the open block's maxima; with its last row move the winsorised means towards them."""
    for j in range(z.shape[0]):
        current[j] = max(current[j], abs(z[j]))
        if not last or current[j] < 0.0:
            continue
        peak = current[j]
        if weight[j] >= winsor_blocks and mean[j] > 0.0:
            peak = min(peak, winsor * mean[j])
        weight[j] = min(weight[j] + 1.0, memory)
        old = 0.0 if weight[j] == 1.0 else mean[j]
        mean[j] = old + (peak - old) / weight[j]
        current[j] = -1.0
