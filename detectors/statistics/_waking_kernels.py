"""Numba kernels of waking: in place, on float64 C-contiguous arrays, inputs trusted."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Structured = NDArray[np.void]

# Rows of the counts: rows since a value, rows since a move, rows of the newest episode up to its
# last move, rows of the longest one that ended, episodes that ended; rows learned, and those of
# them with a move.
GONE, STILL, LENGTH, LONGEST, ENDED, ROWS, MOVED = range(7)
# Rows of the values: newest one, NaN = none yet; that of the rest before the newest episode; how
# far from it that episode went, and the farthest one that ended.
LAST, REST, SIZE, LARGEST = range(4)


@nb.njit(cache=True, error_model="numpy")
def waking_step(
    x: Floats, learn: bool, policy: Structured, values: Floats, counts: Ints, unfamiliar: Bools
) -> None:
    """Take a row; write which series are awake of whose episodes too few are known.

    counts (7, n), values (4, n): see above. A value that comes back after a rest is a move from
    zero, whatever it is.
    """
    choice = policy[0]
    rest, most = choice["rest_rows"], 1.0 - choice["idle_share"]
    gone, still, length, longest = counts[GONE], counts[STILL], counts[LENGTH], counts[LONGEST]
    ended, rows, moved = counts[ENDED], counts[ROWS], counts[MOVED]
    last, level, size, largest = values[LAST], values[REST], values[SIZE], values[LARGEST]
    for j in range(x.shape[0]):
        was_awake = still[j] < rest
        moves = False
        if np.isfinite(x[j]):
            moves = not np.isnan(last[j]) and (x[j] != last[j] or gone[j] >= rest)
            if moves and not was_awake:
                level[j] = last[j] if gone[j] < rest else 0.0
                size[j] = 0.0
            size[j] = max(size[j], abs(x[j] - level[j]))
            last[j], gone[j] = x[j], 0
        else:
            gone[j] += 1
        if moves:
            length[j] = length[j] + still[j] + 1 if was_awake else 1
            still[j] = 0
        else:
            still[j] += 1
        if learn:
            if was_awake and still[j] >= rest:
                longest[j] = max(longest[j], length[j])
                largest[j] = max(largest[j], size[j])
                ended[j] += 1
            rows[j] += 1
            moved[j] += moves
        known = ended[j] >= choice["known_episodes"] or moved[j] > most * rows[j]
        more = choice["more"]
        as_before = length[j] <= max(more * longest[j], rest) and size[j] <= more * largest[j]
        unfamiliar[j] = still[j] < rest and ended[j] > 0 and not known and as_before
