"""Numba kernels of block maxima: in place, on float64 C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Structured = NDArray[np.void]

# Rows of what is learned.
BLOCKS, MEAN, EXCESS = range(3)


@nb.njit(cache=True, error_model="numpy")
def peaks_learn(
    values: Floats, last: bool, policy: Structured, current: Floats, learned: Floats
) -> None:
    """Follow the open block's maxima; with its last row move the winsorised means towards them.

    learned (3, n): blocks that the means stand for; mean of the maxima, and twice the mean of what
    they exceed it by: the scale of an exponential tail.
    """
    blocks, mean, excess = learned[BLOCKS], learned[MEAN], learned[EXCESS]
    choice = policy[0]
    for j in range(values.shape[0]):
        current[j] = max(current[j], values[j])
        if not last or current[j] < 0.0:
            continue
        peak = current[j]
        if blocks[j] >= choice["known_blocks"]:
            scale = max(excess[j], choice["least_excess"])
            peak = min(peak, mean[j] + choice["winsor"] * scale)
        blocks[j] = min(blocks[j] + 1.0, choice["memory_blocks"])
        mean[j] += (peak - mean[j]) / blocks[j]
        beyond = 2.0 * max(peak - mean[j], 0.0)
        excess[j] += (beyond - excess[j]) / max(blocks[j], 2.0)
        current[j] = -1.0


@nb.njit(cache=True, error_model="numpy")
def peaks_score(
    values: Floats, policy: Structured, block_rows: int, learned: Floats, scores: Floats
) -> float:
    """Write how far each value exceeds its series' mean maximum, in scales; return the largest.

    NaN where the value is missing or too few blocks are known. A series without any tail so far
    can tell odds of its own rows at most. What is far beyond counts by its logarithm: the tail
    need not be exponential.
    """
    blocks, mean, excess = learned[BLOCKS], learned[MEAN], learned[EXCESS]
    choice = policy[0]
    bend = choice["bend"]
    largest = -1.0
    for j in range(values.shape[0]):
        if np.isnan(values[j]) or blocks[j] < choice["known_blocks"]:
            scores[j] = np.nan
            continue
        scale = max(excess[j], choice["least_excess"]) * (1.0 + choice["young_blocks"] / blocks[j])
        beyond = max(values[j] - mean[j], 0.0) / scale
        if mean[j] <= 1e-9:
            beyond = min(beyond, np.log(1.0 + block_rows * blocks[j]))
        scores[j] = bend * np.log(1.0 + beyond / bend)
        largest = max(largest, scores[j])
    return largest if largest >= 0.0 else np.nan
