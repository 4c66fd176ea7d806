"""Numba kernels of the robust scaler: in place, on float64 C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Structured = NDArray[np.void]

# Rows of what is learned; taking a row by its place keeps loops vectorised, unpacking does not.
LOCATION, SCALE, WEIGHT, BEYOND = range(4)


@nb.njit(cache=True, error_model="numpy")
def scaler_normalise(x: Floats, cap: float, share: float, learned: Floats, z: Floats) -> None:
    """Write (x - loc) / scale, clipped to +-cap, into z; NaN where x or the scale is unknown.

    The scale is ``share`` of the location at least.

    learned (4, n): location, scale, rows that they stand for, extreme rows in a row.
    """
    loc, scale = learned[LOCATION], learned[SCALE]
    for j in range(x.shape[0]):
        if not np.isfinite(x[j]) or np.isnan(scale[j]):
            z[j] = np.nan
            continue
        e = x[j] - loc[j]
        # A series that never moved has scale 0: any move beyond rounding is as large as can be.
        if abs(e) <= 1e-12 * (abs(x[j]) + abs(loc[j])):
            z[j] = 0.0
            continue
        unit = max(scale[j], share * abs(loc[j]))
        if unit * cap <= abs(e):
            z[j] = cap if e > 0 else -cap
        else:
            z[j] = e / unit


@nb.njit(cache=True, error_model="numpy")
def scaler_learn(x: Floats, policy: Structured, learned: Floats) -> None:
    """Move location and scale of each fitted series one winsorised step towards the row."""
    loc, scale = learned[LOCATION], learned[SCALE]
    weight, beyond = learned[WEIGHT], learned[BEYOND]
    choice = policy[0]
    memory, winsor, cap = choice["memory_rows"], choice["winsor"], choice["cap"]
    spike_rows, growth = choice["spike_rows"], choice["wake_growth"]
    for j in range(x.shape[0]):
        if not np.isfinite(x[j]) or np.isnan(scale[j]):
            continue
        e = x[j] - loc[j]
        weight[j] = min(weight[j] + 1.0, memory)
        if scale[j] <= 0.0:
            if abs(e) > 1e-12 * (abs(x[j]) + abs(loc[j])):
                scale[j] = abs(e) / choice["wake_scales"]
            continue
        # A series that slept for long has next to no scale; growing wakes it within rows. Not from
        # the first extreme rows on, so that spikes, however large, change nothing.
        beyond[j] = beyond[j] + 1.0 if abs(e) > cap * scale[j] else 0.0
        if beyond[j] > spike_rows:
            scale[j] *= min(abs(e) / (cap * scale[j]), growth)
        bound = winsor * scale[j]
        e = min(max(e, -bound), bound)
        loc[j] += e / weight[j]
        scale[j] = np.sqrt(scale[j] * scale[j] + (e * e - scale[j] * scale[j]) / weight[j])


@nb.njit(cache=True, error_model="numpy")
def scaler_observe(
    x: Floats, policy: Structured, learned: Floats, recent: Floats, seen: Ints
) -> int:
    """Remember the present cells of a row; return how many series can be fitted now."""
    scale = learned[SCALE]
    rows, needed = recent.shape[1], policy[0]["fit_rows"]
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
    x: Floats, policy: Structured, learned: Floats, recent: Floats, seen: Ints
) -> int:
    """Learn from a row and remember it; return how many series can be fitted now."""
    scaler_learn(x, policy, learned)
    return scaler_observe(x, policy, learned, recent, seen)
