"""Numba kernels of the statistics of the bank: in place, on float64 C-contiguous arrays.

Inputs are trusted. Sums over series run in column order, so permuting the columns changes them
by rounding only (about 1e-12 relative); ``top_mean`` sorts what it keeps and is exactly invariant.
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Added to the usual deviation of a moving mean log amplitude: what hardly varied may vary a little.
DEVIATION_FLOOR = 0.02
# What one row may teach, in usual deviations: the way into a fault must not become usual.
_TEACH = 2.0


@nb.njit(cache=True, error_model="numpy")
def top_mean(values: Floats, heap: Floats) -> float:
    """Return the mean of the k largest absolute values present, heap (k,); NaN without any."""
    k = heap.shape[0]
    kept = 0
    for j in range(values.shape[0]):
        v = abs(values[j])
        if np.isnan(v) or (kept == k and v <= heap[k - 1]):
            continue
        i = kept if kept < k else k - 1
        while i > 0 and heap[i - 1] < v:
            heap[i] = heap[i - 1]
            i -= 1
        heap[i] = v
        kept = min(kept + 1, k)
    total = 0.0
    for i in range(kept):
        total += heap[i]
    return total / kept if kept else np.nan


@nb.njit(cache=True, error_model="numpy")
def window_leave(cells: Floats, total: Floats, count: Floats) -> None:
    """Take a row of cells off the sums and numbers of a window."""
    for j in range(cells.shape[0]):
        there = not np.isnan(cells[j])
        total[j] -= cells[j] if there else 0.0
        count[j] -= 1.0 if there else 0.0


@nb.njit(cache=True, error_model="numpy")
def window_enter(cells: Floats, total: Floats, count: Floats) -> None:
    """Add a row of cells to the sums and numbers of a window."""
    for j in range(cells.shape[0]):
        there = not np.isnan(cells[j])
        total[j] += cells[j] if there else 0.0
        count[j] += 1.0 if there else 0.0


@nb.njit(cache=True, error_model="numpy")
def window_mean(total: Floats, count: Floats, rows: int, out: Floats) -> None:
    """Write the absolute sum over the root of the number of cells; NaN below half a window."""
    for j in range(out.shape[0]):
        out[j] = abs(total[j]) / np.sqrt(count[j]) if 2.0 * count[j] >= rows else np.nan


@nb.njit(cache=True, error_model="numpy")
def peaks_learn(
    z: Floats, last: bool, memory: float, current: Floats, weight: Floats, mean: Floats
) -> None:
    """Follow the open block's maxima; with its last row move the winsorised means towards them."""
    for j in range(z.shape[0]):
        current[j] = max(current[j], abs(z[j]))
        if not last or current[j] < 0.0:
            continue
        peak = current[j]
        # From the fifth block on a spike counts four usual peaks at most.
        if weight[j] >= 4.0 and mean[j] > 0.0:
            peak = min(peak, 4.0 * mean[j])
        weight[j] = min(weight[j] + 1.0, memory)
        old = 0.0 if weight[j] == 1.0 else mean[j]
        mean[j] = old + (peak - old) / weight[j]
        current[j] = -1.0


@nb.njit(cache=True, error_model="numpy")
def silence_step(
    x: Floats, learn: bool, known: int, run: Ints, counts: Ints, surprise: Floats
) -> float:
    """Move every series' gap on by one row; return the largest surprise, nats.

    counts (4, n): rows present, gaps begun, rows missing, rows missing after a missing one.
    """
    anything = False
    for j in range(x.shape[0]):
        anything = anything or np.isfinite(x[j])
    worst = 0.0
    for j in range(x.shape[0]):
        if not anything:
            continue
        if np.isfinite(x[j]):
            run[j] = 0
            surprise[j] = 0.0
            if learn:
                counts[0, j] += 1
            continue
        run[j] += 1
        if counts[0, j] >= known:
            rows = counts[0, j] + counts[2, j]
            p = (counts[1, j] + 1.0) / (rows + 2.0)
            if run[j] > 1:
                p = (counts[3, j] + 1.0) / (counts[2, j] + 4.0)
            surprise[j] -= np.log(p)
            worst = max(worst, surprise[j])
        if learn:
            counts[1, j] += run[j] == 1
            counts[2, j] += 1
            counts[3, j] += run[j] > 1
    return worst


@nb.njit(cache=True, error_model="numpy")
def mean_present(values: Floats) -> float:
    """Return the mean of the values that are present; NaN without any."""
    total = 0.0
    count = 0
    for j in range(values.shape[0]):
        if not np.isnan(values[j]):
            total += values[j]
            count += 1
    return total / count if count else np.nan


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
def mean_level(z: Floats, peak: Floats, work: Floats) -> float:
    """Return the mean of log(1 + u^2) over the series present, u = z in usual peaks."""
    for j in range(z.shape[0]):
        # A series that has been constant so far has no usual peak: any move counts as ten.
        u = z[j] / peak[j] if peak[j] > 0.0 else (10.0 if z[j] != 0.0 else 0.0)
        work[j] = np.nan if np.isnan(z[j]) or np.isnan(peak[j]) else u * u
    return mean_log1p(work)


@nb.njit(cache=True, error_model="numpy")
def mean_lasting(crossed: Floats, root: Floats, lasting: Floats) -> float:
    """Move the roots of the energies on by one row; return the mean of what lasts for two rows.

    ``root`` holds those of the row before and gets the new ones, ``lasting`` the smaller of the
    two, the newest alone where it is the first.
    """
    total = 0.0
    count = 0
    for j in range(crossed.shape[0]):
        before = root[j]
        root[j] = np.sqrt(crossed[j])
        lasting[j] = root[j] if np.isnan(before) else min(root[j], before)
        if not np.isnan(before) and not np.isnan(root[j]):
            total += lasting[j]
            count += 1
    return total / count if count else np.nan


@nb.njit(cache=True, error_model="numpy")
def dispersion_step(
    energy: Floats,
    share: float,
    known: float,
    memory: float,
    learn: bool,
    ewma: Floats,
    usual: Floats,
    scores: Floats,
) -> float:
    """Move every series' mean log amplitude on by one row, score it, learn; return the largest.

    usual (3, n): rows learned; running means of the moving mean, and of its squared deviation.
    """
    weight, mean, square = usual
    largest = -np.inf
    for j in range(energy.shape[0]):
        scores[j] = np.nan
        if np.isnan(energy[j]):
            continue
        # A tenth of the usual amplitude, and ten times it, are as far as a row can go.
        amplitude = 0.5 * np.log(min(max(energy[j], 0.01), 100.0))
        if np.isnan(ewma[j]):
            ewma[j] = mean[j]
        ewma[j] += (amplitude - ewma[j]) * share
        gap = ewma[j] - mean[j]
        if weight[j] >= known:
            scores[j] = gap / (np.sqrt(square[j]) + DEVIATION_FLOOR)
            largest = max(largest, scores[j])
        if learn:
            weight[j] = min(weight[j] + 1.0, memory)
            if weight[j] > known:
                reach = _TEACH * np.sqrt(square[j]) + DEVIATION_FLOOR
                gap = min(max(gap, -reach), reach)
            mean[j] += gap / weight[j]
            square[j] += (gap * gap - square[j]) / weight[j]
    return largest if largest > -np.inf else np.nan


@nb.njit(cache=True, error_model="numpy")
def levels_step(
    z: Floats,
    peak: Floats,
    clip: float,
    short: int,
    position: int,
    ring: Floats,
    sums: Floats,
    counts: Floats,
    last: Floats,
    pair: Floats,
    means: Floats,
    top: int,
    work: Floats,
    out: Floats,
) -> None:
    """Move the windows on by one row; write its four statistics, NaN where nothing is said.

    ``sums``, ``counts`` and ``means`` (2, n) are those of the short window and of the long one, the
    ring of shape (rows, n). Sums are kept by adding what comes and taking off what goes; once a
    turn of the ring they are added up anew, so rounding never accumulates. The statistics are
    means over the series present or the largest of them, the last one over the ``top`` largest.
    """
    rows = ring.shape[0]
    for j in range(z.shape[0]):
        lasts = z[j] * last[j] > 0.0
        smaller = min(abs(z[j]), abs(last[j])) if lasts else 0.0
        pair[j] = np.nan if np.isnan(z[j]) else smaller
        last[j] = z[j]
    newest = ring[position]
    window_leave(ring[(position - short) % rows], sums[0], counts[0])
    window_leave(newest, sums[1], counts[1])
    for j in range(z.shape[0]):
        newest[j] = z[j] if np.isnan(z[j]) else min(max(z[j], -clip), clip)
    window_enter(newest, sums[0], counts[0])
    window_enter(newest, sums[1], counts[1])
    if position == rows - 1:
        sums[:, :] = 0.0
        counts[:, :] = 0.0
        for i in range(rows):
            window_enter(ring[i], sums[1], counts[1])
            if i >= rows - short:
                window_enter(ring[i], sums[0], counts[0])
    window_mean(sums[0], counts[0], short, means[0])
    window_mean(sums[1], counts[1], rows, means[1])
    out[0] = mean_level(z, peak, work)
    out[1] = mean_present(pair)
    out[2] = max_present(means[0])
    out[3] = top_mean(means[1], work[:top])


@nb.njit(cache=True, error_model="numpy")
def residuals_step(
    crossed: Floats,
    lagged: Floats,
    share: float,
    known: float,
    memory: float,
    learn: bool,
    root: Floats,
    lasting: Floats,
    ewma: Floats,
    usual: Floats,
    restless: Floats,
    out: Floats,
) -> None:
    """Write the four statistics of a row of residual energies, NaN where nothing is said.

    Energies enter as roots or logarithms: they have lighter tails, which a short base can tell.
    """
    out[0] = mean_lasting(crossed, root, lasting)
    out[1] = max_present(root)
    out[2] = mean_log1p(lagged)
    out[3] = dispersion_step(crossed, share, known, memory, learn, ewma, usual, restless)
