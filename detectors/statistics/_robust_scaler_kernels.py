"""Numba kernels of the robust scaler: in place, on float64 C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@nb.njit(cache=True, error_model="numpy")
def scaler_normalise(x: Floats, learned: Floats, cap: float, z: Floats) -> None:
    """Write (x - loc) / scale, clipped to +-cap, into z; NaN where x or the scale is unknown.

    learned (4, n): location, scale, rows that they stand for, extreme rows in a row.
    """
    loc, scale, _, _ = learned
    for j in range(x.shape[0]):
        if not np.isfinite(x[j]) or np.isnan(scale[j]):
            z[j] = np.nan
            continue
        e = x[j] - loc[j]
        # A series that never moved has scale 0: any move beyond rounding is as large as can be.
        if abs(e) <= 1e-12 * (abs(x[j]) + abs(loc[j])):
            z[j] = 0.0
        elif scale[j] * cap <= abs(e):
            z[j] = cap if e > 0 else -cap
        else:
            z[j] = e / scale[j]


@nb.njit(cache=True, error_model="numpy")
def scaler_learn(
    x: Floats, learned: Floats, memory: float, clip: float, cap: float, wake: float
) -> None:
    """Move location and scale of each fitted series one winsorised step towards the row."""
    loc, scale, weight, beyond = learned
    for j in range(x.shape[0]):
        if not np.isfinite(x[j]) or np.isnan(scale[j]):
            continue
        e = x[j] - loc[j]
        weight[j] = min(weight[j] + 1.0, memory)
        if scale[j] <= 0.0:
            if abs(e) > 1e-12 * (abs(x[j]) + abs(loc[j])):
                scale[j] = abs(e) / wake
            continue
        # A series that slept for long has next to no scale; doubling wakes it within rows. From
        # the third extreme row in a row on, so that spikes, however large, change nothing.
        beyond[j] = beyond[j] + 1.0 if abs(e) > cap * scale[j] else 0.0
        if beyond[j] > 2.0:
            scale[j] *= min(abs(e) / (cap * scale[j]), 2.0)
        bound = clip * scale[j]
        e = min(max(e, -bound), bound)
        loc[j] += e / weight[j]
        scale[j] = np.sqrt(scale[j] * scale[j] + (e * e - scale[j] * scale[j]) / weight[j])


@nb.njit(cache=True, error_model="numpy")
def scaler_observe(x: Floats, needed: int, learned: Floats, recent: Floats, seen: Ints) -> int:
    """Remember the present cells of a row; return how many series can be fitted now."""
    scale = learned[1]
    rows = recent.shape[1]
    ready = 0
    for j in range(x.shape[0]):
        if np.isfinite(x[j]):
            recent[j, seen[j] % rows] = x[j]
            seen[j] += 1
            if np.isnan(scale[j]) and seen[j] >= needed:
                ready += 1
    return ready


@nb.njit(cache=True, error_model="numpy")
def scaler_update(
    x: Floats,
    learned: Floats,
    memory: float,
    clip: float,
    cap: float,
    wake: float,
    needed: int,
    recent: Floats,
    seen: Ints,
) -> int:
    """Learn from a row and remember it; return how many series can be fitted now."""
    scaler_learn(x, learned, memory, clip, cap, wake)
    return scaler_observe(x, needed, learned, recent, seen)
