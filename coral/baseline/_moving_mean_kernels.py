"""Half overlapping means of successive rows: each length is made of the one before."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

__all__ = ["double"]

Floats = NDArray[np.float64]


@nb.njit(cache=True, error_model="numpy")
def double(total: Floats, cells: Floats, rows: int, largest: Floats) -> None:
    """Add blocks of `rows` / 2 rows two and two, in place; keep the largest size of their means.

    `total`, `cells` : (n_blocks, n_series), sums and counts of the cells of a block, oldest first,
    the first n_blocks // 2 are overwritten; `largest` : (n_series,), written, 0 where no two
    neighbours have half of the cells.
    """
    n_blocks, n_series = total.shape
    largest[:] = 0.0
    kept = n_blocks % 2
    for block in range(n_blocks - 1):
        written = (block - kept) // 2 if block >= kept and (block - kept) % 2 == 0 else -1
        for j in range(n_series):
            both, present = (
                total[block, j] + total[block + 1, j],
                cells[block, j] + cells[block + 1, j],
            )
            if 2.0 * present >= rows:
                largest[j] = max(largest[j], abs(both) / present)
            if written >= 0:
                total[written, j], cells[written, j] = both, present
