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
# Fewer values than this are taken as they are: leaving out the largest would leave next to nothing.
FEW = 3


@nb.njit(cache=True, error_model="numpy")
def top_mean(values: Floats, heap: Floats) -> float:
    """Return the mean of the k largest values but the very largest, heap (k + 1,), all >= 0.

    Of one or two values the largest; NaN without any.
    """
    k = heap.shape[0]
    kept = 0
    for j in range(values.shape[0]):
        v = values[j]
        if np.isnan(v) or (kept == k and v <= heap[k - 1]):
            continue
        i = kept if kept < k else k - 1
        while i > 0 and heap[i - 1] < v:
            heap[i] = heap[i - 1]
            i -= 1
        heap[i] = v
        kept = min(kept + 1, k)
    if kept < FEW:
        return heap[0] if kept else np.nan
    total = 0.0
    for i in range(1, kept):
        total += heap[i]
    return total / (kept - 1)


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


# As in _residual_charts_kernels.py: a kernel calls its own file only, or its cache goes stale.
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
def averages_step(
    z: Floats,
    policy: Structured,
    position: int,
    ring: Floats,
    sums: Floats,
    counts: Floats,
    last: Floats,
    persistence: Floats,
    means: Floats,
) -> tuple[float, float]:
    """Move the windows on by one row; return persistence and long mean, NaN where nothing is said.

    ``sums``, ``counts`` and ``means`` (2, n) are those of the short window and of the long one, the
    ring of shape (rows, n). Sums are kept by adding what comes and taking off what goes; once a
    turn of the ring they are added up anew, so rounding never accumulates. Both statistics leave
    the largest of all series out; the long mean is that of the ``top`` largest.
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
    return mean_but_largest(persistence), top_mean(means[LONG], np.empty(choice["top"] + 1))
