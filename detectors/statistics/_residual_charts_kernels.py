"""Numba kernels of the residual charts: in place, on float64 C-contiguous arrays, inputs trusted.

Sums over series run in column order, so permuting the columns changes them by rounding only
(about 1e-12 relative).
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Structured = NDArray[np.void]

# Rows of the running means.
WEIGHT, MEAN, SQUARE = range(3)


# As in _moving_averages_kernels.py: a kernel calls its own file only, or its cache goes stale.
@nb.njit(cache=True, error_model="numpy")
def max_present(values: Floats) -> float:
    """Return the largest of the values that are present, all >= 0; NaN without any."""
    largest = -1.0
    for j in range(values.shape[0]):
        largest = max(largest, values[j])
    return largest if largest >= 0.0 else np.nan


@nb.njit(cache=True, error_model="numpy")
def mean_log1p(energy: Floats) -> float:
    """Return the mean of log(1 + energy) over the energies present, all >= 0; NaN without any."""
    total = 0.0
    product = 1.0
    count = 0
    for j in range(energy.shape[0]):
        if np.isnan(energy[j]):
            continue
        # Equivalent: total += log(1 + energy). A product's logarithm is taken once per 1e300.
        factor = 1.0 + energy[j]
        if product * factor > 1e300:
            total += np.log(product)
            product = 1.0
        product *= factor
        count += 1
    return (total + np.log(product)) / count if count else np.nan


@nb.njit(cache=True, error_model="numpy")
def mean_persistent(crossed: Floats, root: Floats, persistent: Floats) -> float:
    """Move the roots of the energies on by one row; return the mean of what lasts for two rows.

    ``root`` holds those of the row before and gets the new ones, ``persistent`` the smaller of the
    two, the newest alone where it is the first.
    """
    total = 0.0
    count = 0
    for j in range(crossed.shape[0]):
        before = root[j]
        root[j] = np.sqrt(crossed[j])
        persistent[j] = root[j] if np.isnan(before) else min(root[j], before)
        if not np.isnan(before) and not np.isnan(root[j]):
            total += persistent[j]
            count += 1
    return total / count if count else np.nan


@nb.njit(cache=True, error_model="numpy")
def variance_chart_step(
    energy: Floats, policy: Structured, learn: bool, ewma: Floats, running: Floats, scores: Floats
) -> float:
    """Move every series' mean log amplitude on by one row, score it, learn; return the largest.

    running (3, n): rows learned; running means of the moving mean, and of its squared deviation.
    """
    weight, mean, square = running[WEIGHT], running[MEAN], running[SQUARE]
    choice = policy[0]
    share, known = 1.0 / choice["rows"], choice["known_times"] * choice["rows"]
    memory, floor, winsor = choice["memory_rows"], choice["floor"], choice["winsor"]
    most = choice["most_times"] * choice["most_times"]
    largest = -np.inf
    for j in range(energy.shape[0]):
        scores[j] = np.nan
        if np.isnan(energy[j]):
            continue
        amplitude = 0.5 * np.log(min(max(energy[j], 1.0 / most), most))
        if np.isnan(ewma[j]):
            ewma[j] = mean[j]
        ewma[j] += (amplitude - ewma[j]) * share
        gap = ewma[j] - mean[j]
        if weight[j] >= known:
            scores[j] = gap / (np.sqrt(square[j]) + floor)
            largest = max(largest, scores[j])
        if learn:
            weight[j] = min(weight[j] + 1.0, memory)
            if weight[j] > known:
                reach = winsor * np.sqrt(square[j]) + floor
                gap = min(max(gap, -reach), reach)
            mean[j] += gap / weight[j]
            square[j] += (gap * gap - square[j]) / weight[j]
    return largest if largest > -np.inf else np.nan


@nb.njit(cache=True, error_model="numpy")
def charts_step(
    crossed: Floats,
    lagged: Floats,
    policy: Structured,
    learn: bool,
    root: Floats,
    persistent: Floats,
    ewma: Floats,
    running: Floats,
    variance_chart: Floats,
) -> tuple[float, float, float, float]:
    """Return the four statistics of a row of residual energies, NaN where nothing is said.

    Energies enter as roots or logarithms: a short base can calibrate lighter tails.
    """
    mean = mean_persistent(crossed, root, persistent)
    chart = variance_chart_step(crossed, policy, learn, ewma, running, variance_chart)
    return mean, max_present(root), mean_log1p(lagged), chart
