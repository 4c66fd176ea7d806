"""Numba kernels of the moving averages: in place, on float64 C-contiguous arrays, inputs trusted.

Sums over series run in column order, so permuting the columns changes them by rounding only
(about 1e-12 relative); ``top_mean`` sorts what it keeps and is exactly invariant.
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Structured = NDArray[np.void]

# Rows of sums, counts and means.
SHORT, LONG = 0, 1


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
def window_mean(total: Floats, count: Floats, needed: float, out: Floats) -> None:
    """Write the absolute sum over the root of the number of cells; NaN where too few are there."""
    for j in range(out.shape[0]):
        out[j] = abs(total[j]) / np.sqrt(count[j]) if count[j] >= needed else np.nan


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


# As in _residual_charts_kernels.py: a kernel calls its own file only, or its cache goes stale.
@nb.njit(cache=True, error_model="numpy")
def max_present(values: Floats) -> float:
    """Return the largest of the values that are present, all >= 0; NaN without any."""
    largest = -1.0
    for j in range(values.shape[0]):
        largest = max(largest, values[j])
    return largest if largest >= 0.0 else np.nan


@nb.njit(cache=True, error_model="numpy")
def mean_level(z: Floats, peak: Floats, constant: float) -> float:
    """Return the mean of log(1 + u^2) over the series present, u = z in mean peaks.

    A series that has been constant so far has a mean peak of 0: any move counts as `constant`.
    """
    total = 0.0
    product = 1.0
    count = 0
    for j in range(z.shape[0]):
        if np.isnan(z[j]) or np.isnan(peak[j]):
            continue
        u = z[j] / peak[j] if peak[j] > 0.0 else (constant if z[j] != 0.0 else 0.0)
        # Equivalent: total += log(1 + u * u). A product's logarithm is taken once per 1e300.
        factor = 1.0 + u * u
        if product * factor > 1e300:
            total += np.log(product)
            product = 1.0
        product *= factor
        count += 1
    return (total + np.log(product)) / count if count else np.nan


@nb.njit(cache=True, error_model="numpy")
def averages_step(
    z: Floats,
    peak: Floats,
    policy: Structured,
    position: int,
    ring: Floats,
    sums: Floats,
    counts: Floats,
    last: Floats,
    persistence: Floats,
    means: Floats,
) -> tuple[float, float, float, float]:
    """Move the windows on by one row; return its four statistics, NaN where nothing is said.

    ``sums``, ``counts`` and ``means`` (2, n) are those of the short window and of the long one, the
    ring of shape (rows, n). Sums are kept by adding what comes and taking off what goes; once a
    turn of the ring they are added up anew, so rounding never accumulates. The statistics are
    means over the series present or the largest of them, the last one over the ``top`` largest.
    """
    choice = policy[0]
    clip, short, share = choice["clip"], choice["short_rows"], choice["least_share"]
    rows = ring.shape[0]
    for j in range(z.shape[0]):
        lasts = z[j] * last[j] > 0.0
        smaller = min(abs(z[j]), abs(last[j])) if lasts else 0.0
        persistence[j] = np.nan if np.isnan(z[j]) else smaller
        last[j] = z[j]
    newest = ring[position]
    window_leave(ring[(position - short) % rows], sums[SHORT], counts[SHORT])
    window_leave(newest, sums[LONG], counts[LONG])
    for j in range(z.shape[0]):
        newest[j] = z[j] if np.isnan(z[j]) else min(max(z[j], -clip), clip)
    window_enter(newest, sums[SHORT], counts[SHORT])
    window_enter(newest, sums[LONG], counts[LONG])
    if position == rows - 1:
        sums[:, :] = 0.0
        counts[:, :] = 0.0
        for i in range(rows):
            window_enter(ring[i], sums[LONG], counts[LONG])
            if i >= rows - short:
                window_enter(ring[i], sums[SHORT], counts[SHORT])
    window_mean(sums[SHORT], counts[SHORT], share * short, means[SHORT])
    window_mean(sums[LONG], counts[LONG], share * rows, means[LONG])
    return (
        mean_level(z, peak, choice["constant_peaks"]),
        mean_present(persistence),
        max_present(means[SHORT]),
        top_mean(means[LONG], np.empty(choice["top"])),
    )
