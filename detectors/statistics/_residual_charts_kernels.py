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
# Rows of the roots: divided by their peaks, as they are, the smaller of the newest two.
ROOT, RAW, PERSISTENT = range(3)
# Fewer values than this are taken as they are: leaving out the largest would leave next to nothing.
FEW = 3


# As in _moving_averages_kernels.py: a kernel calls its own file only, or its cache goes stale.
@nb.njit(cache=True, error_model="numpy")
def mean_but_largest(values: Floats) -> float:
    """Return the mean of the values present, all >= 0, without the largest; NaN without any."""
    total = 0.0
    largest = 0.0
    count = 0
    for j in range(values.shape[0]):
        if not np.isnan(values[j]):
            total += min(values[j], largest)  # all but the largest so far
            largest = max(largest, values[j])
            count += 1
    if count < FEW:
        return (total + largest) / count if count else np.nan
    return total / (count - 1)


@nb.njit(cache=True, error_model="numpy")
def second_largest(values: Floats) -> float:
    """Return the second largest value present, the largest of one or two; NaN without any."""
    first = second = -np.inf
    count = 0
    for j in range(values.shape[0]):
        if np.isnan(values[j]):
            continue
        count += 1
        if values[j] > first:
            second = first
            first = values[j]
        elif values[j] > second:
            second = values[j]
    return np.nan if count == 0 else (first if count < FEW else second)


@nb.njit(cache=True, error_model="numpy")
def mean_log1p(energy: Floats) -> float:
    """Return the mean of log(1 + energy) over the energies present, all >= 0; NaN without any.

    The largest is left out.
    """
    total = 0.0
    largest = 0.0
    product = 1.0
    count = 0
    for j in range(energy.shape[0]):
        if np.isnan(energy[j]):
            continue
        # Equivalent: total += log(1 + all but the largest so far). A product's logarithm is taken
        # once per 1e300.
        factor = 1.0 + min(energy[j], largest)
        if product * factor > 1e300:
            total += np.log(product)
            product = 1.0
        product *= factor
        largest = max(largest, energy[j])
        count += 1
    total += np.log(product)
    if count < FEW:
        return float((total + np.log(1.0 + largest)) / count) if count else np.nan
    return float(total / (count - 1))


@nb.njit(cache=True, error_model="numpy")
def persistent_roots(
    crossed: Floats, peak: Floats, most: float, root: Floats, raw: Floats, persistent: Floats
) -> None:
    """Move the roots of the energies on by one row.

    ``raw`` gets the roots, ``root`` those of the row before and then the new ones, divided by what
    the mean peak of their series is larger than ``most``; ``persistent`` the smaller of the newest
    two, NaN where the newest is the first.
    """
    for j in range(crossed.shape[0]):
        before = root[j]
        raw[j] = np.sqrt(crossed[j])
        root[j] = raw[j] * most / peak[j] if peak[j] > most else raw[j]
        persistent[j] = np.nan if np.isnan(before) else min(root[j], before)


@nb.njit(cache=True, error_model="numpy")
def variance_chart_step(
    root: Floats, policy: Structured, learn: bool, ewma: Floats, running: Floats, scores: Floats
) -> float:
    """Move every series' mean log amplitude on by one row, score it, learn.

    Returns the second largest score (`second_largest`).

    running (3, n): rows learned; running means of the moving mean, and of its squared deviation.
    """
    weight, mean, square = running[WEIGHT], running[MEAN], running[SQUARE]
    choice = policy[0]
    share, known = 1.0 / choice["rows"], choice["known_times"] * choice["rows"]
    memory, floor, winsor = choice["memory_rows"], choice["floor"], choice["winsor"]
    most = choice["most_times"]
    lively = -choice["idle_share"] * np.log(most)
    for j in range(root.shape[0]):
        scores[j] = np.nan
        if np.isnan(root[j]):
            continue
        amplitude = np.log(min(max(root[j], 1.0 / most), most))
        if np.isnan(ewma[j]):
            ewma[j] = mean[j]
        ewma[j] += (amplitude - ewma[j]) * share
        gap = ewma[j] - mean[j]
        if weight[j] >= known and mean[j] > lively:
            scores[j] = gap / (np.sqrt(square[j]) + floor)
        if learn:
            # What stands still stands for few rows: when it begins to move, that is soon known.
            weight[j] = min(weight[j] + 1.0, memory if mean[j] > lively else known)
            if weight[j] > known:
                reach = winsor * np.sqrt(square[j]) + floor
                gap = min(max(gap, -reach), reach)
            mean[j] += gap / weight[j]
            square[j] += (gap * gap - square[j]) / weight[j]
    largest: float = second_largest(scores)
    return largest


@nb.njit(cache=True, error_model="numpy")
def charts_step(
    crossed: Floats,
    lagged: Floats,
    peak: Floats,
    policy: Structured,
    learn: bool,
    roots: Floats,
    ewma: Floats,
    running: Floats,
    variance_chart: Floats,
) -> tuple[float, float, float]:
    """Return the three statistics of a row of residual energies, NaN where nothing is said.

    Energies enter as roots or logarithms: a short base can calibrate lighter tails.
    """
    root, raw, persistent = roots[ROOT], roots[RAW], roots[PERSISTENT]
    persistent_roots(crossed, peak, policy[0]["peak_roots"], root, raw, persistent)
    chart = variance_chart_step(root, policy, learn, ewma, running, variance_chart)
    return mean_but_largest(persistent), mean_log1p(lagged), chart
