"""Half overlapping means of successive rows: each length is made of the one before."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

__all__ = ["largest_means"]

Floats = NDArray[np.float64]

# So many series at a time: with some thousand rows they fit into a processor's cache.
TOGETHER = 32


@nb.njit(cache=True, error_model="numpy")
def single(deviations: Floats, start: int, width: int, total: Floats, cells: Floats) -> None:
    """Write the cells of `width` series from `start` on as sums and counts of blocks of one row."""
    for row in range(deviations.shape[0]):
        for j in range(width):
            value = deviations[row, start + j]
            seen = np.isfinite(value)
            total[row, j] = value if seen else 0.0
            cells[row, j] = 1.0 if seen else 0.0


@nb.njit(cache=True, error_model="numpy")
def double(
    total: Floats, cells: Floats, n_blocks: int, width: int, rows: int, largest: Floats
) -> None:
    """Add blocks of `rows` / 2 rows two and two, in place; keep the largest size of their means.

    `total`, `cells` : sums and counts of the cells of a block, (>= n_blocks, >= width), oldest
    first, the first n_blocks // 2 are overwritten; `largest` : (>= width,), written, 0 where no two
    neighbours have half of the cells.
    """
    kept = n_blocks % 2
    for block in range(n_blocks - 1):
        written = (block - kept) // 2 if block >= kept and (block - kept) % 2 == 0 else -1
        for j in range(width):
            both, present = (
                total[block, j] + total[block + 1, j],
                cells[block, j] + cells[block + 1, j],
            )
            if 2.0 * present >= rows:
                largest[j] = max(largest[j], abs(both) / present)
            if written >= 0:
                total[written, j], cells[written, j] = both, present


@nb.njit(cache=True, error_model="numpy")
def largest_means(deviations: Floats, largest: Floats) -> None:
    """Find the largest size of a mean over 2 ** i rows, for each i.

    `deviations` : (n_rows, n_series), oldest first, NaN = missing; `largest` : (k, n_series), all
    zero, written.
    """
    n_rows, n_series = deviations.shape
    total, cells = np.empty((n_rows, TOGETHER)), np.empty((n_rows, TOGETHER))
    for start in range(0, n_series, TOGETHER):
        width = min(TOGETHER, n_series - start)
        single(deviations, start, width, total, cells)
        for row in range(n_rows):
            for j in range(width):
                largest[0, start + j] = max(largest[0, start + j], abs(total[row, j]))
        n_blocks = n_rows
        for i in range(1, largest.shape[0]):
            double(total, cells, n_blocks, width, 2**i, largest[i, start:])
            n_blocks //= 2
