"""The newest rows of a stream, kept in segments that are cheap to save."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coral.checkpoint.tree import Frozen
from detectors.places import take

__all__ = ["RowBuffer"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SEGMENT_ROWS = 256


class RowBuffer:
    """The newest rows of a stream and whether each follows the one before it.

    A segment that is full never changes again: a checkpoint refers to it without a copy.

    Parameters
    ----------
    n_series : int
    capacity : int, >= 1
        Rows that `rows` returns at most; up to two segments more are kept.
    """

    def __init__(self, n_series: int, capacity: int) -> None:
        self.n_series = n_series
        self.capacity = capacity
        self._full: list[tuple[Frozen, Frozen]] = []  # rows and adjacent, oldest first
        self._kept = 0  # rows, the newest segment included
        self._start_segment()

    def __len__(self) -> int:
        return min(self._kept, self.capacity)

    def append(self, x: Floats, *, adjacent: bool) -> None:
        """Add one row.

        Parameters
        ----------
        x : ndarray of shape (n_series,), float64, NaN = missing
            Not kept.
        adjacent : bool
            Whether it directly follows the row before.
        """
        if self._used == SEGMENT_ROWS:
            self._next_segment()
        self._rows[self._used] = x
        self._adjacent[self._used] = adjacent
        self._used += 1
        self._kept += 1
        most = self.capacity + SEGMENT_ROWS  # so many of those that have left can be told still
        while self._full and self._kept - len(self._full[0][0].values) >= most:
            self._kept -= len(self._full.pop(0)[0].values)

    def rows(self) -> tuple[Floats, Bools]:
        """Rows, oldest first, and whether each follows the one before it; not to be written."""
        rows, adjacent = self._rows[: self._used], self._adjacent[: self._used]
        if self._full:
            rows = np.concatenate([*(rows.values for rows, _ in self._full), rows])
            adjacent = np.concatenate([*(follows.values for _, follows in self._full), adjacent])
        return rows[-self.capacity :], adjacent[-self.capacity :]

    def left(self, n_rows: int, after: int) -> tuple[Floats, Bools]:
        """Return the rows that left `rows` last, and those after them; not to be written.

        Parameters
        ----------
        n_rows : int, 0 .. `SEGMENT_ROWS`
            That left: as many have.
        after : int, 0 .. `capacity`
            That are still there, the oldest.
        """
        first = self._kept - self.capacity - n_rows
        asked = slice(first, first + n_rows + after)
        rows, adjacent, found = [], [], 0
        for segment, follows in self._full:
            rows.append(segment.values)
            adjacent.append(follows.values)
            found += len(segment.values)
            if found >= asked.stop:
                break
        rows.append(self._rows[: self._used])
        adjacent.append(self._adjacent[: self._used])
        return np.concatenate(rows)[asked], np.concatenate(adjacent)[asked]

    def newest(self, n_rows: int) -> Floats:
        """Return the last rows, at most `n_rows`, oldest first; not to be written."""
        blocks, found = [self._rows[: self._used]], self._used
        for older, _ in reversed(self._full):
            if found >= n_rows:
                break
            blocks.append(older.values)
            found += len(older.values)
        rows = np.concatenate(blocks[::-1])
        return rows[max(len(rows) - min(n_rows, self.capacity), 0) :]

    def selected(self, index: NDArray[np.intp], capacity: int) -> "RowBuffer":
        """Return a buffer of the newest rows over other series.

        Parameters
        ----------
        index : ndarray of shape (n_new,), int
            Present place of each series, -1 for one that was missing in all rows so far.
        capacity : int, >= 1
            Of the new buffer.
        """
        rows, adjacent = self.rows()
        return _filled(take(rows[-capacity:], index, (1,), np.nan), adjacent[-capacity:], capacity)

    def without_newest(self, n_rows: int) -> "RowBuffer":
        """Return a buffer of all rows but the last `n_rows`, of which there are as many."""
        rows, adjacent = self.rows()
        kept = len(rows) - n_rows
        return _filled(rows[:kept], adjacent[:kept], self.capacity)

    def state_dict(self) -> dict[str, Any]:
        """Segments, oldest first; the full ones are the buffer's own."""
        newest = [self._rows[: self._used].copy(), self._adjacent[: self._used].copy()]
        return {"full": [list(segment) for segment in self._full], "newest": newest}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` of a buffer over the same series returned."""
        self._full = [(rows, adjacent) for rows, adjacent in state["full"]]
        rows, adjacent = state["newest"]
        self._start_segment()
        self._used = len(rows)
        self._rows[: self._used], self._adjacent[: self._used] = rows, adjacent
        self._kept = self._used + sum(len(rows.values) for rows, _ in self._full)

    def begin_with(self, rows: Floats, adjacent: Bools) -> None:
        """Put the first rows, at most a segment of them, into a new segment."""
        if self._used:
            self._next_segment()
        self._used = len(rows)
        self._rows[: self._used], self._adjacent[: self._used] = rows, adjacent
        self._kept += self._used

    def _next_segment(self) -> None:
        """Put the newest segment to those that never change, and start another one."""
        self._full.append((Frozen(self._rows), Frozen(self._adjacent)))
        self._start_segment()

    def _start_segment(self) -> None:
        self._rows: Floats = np.empty((SEGMENT_ROWS, self.n_series))
        self._adjacent: Bools = np.zeros(SEGMENT_ROWS, dtype=np.bool_)
        self._used = 0


def _filled(rows: Floats, adjacent: Bools, capacity: int) -> RowBuffer:
    """Return a buffer of these rows, at most `capacity` of them."""
    filled = RowBuffer(rows.shape[1], capacity)
    for start in range(0, len(rows), SEGMENT_ROWS):
        block = slice(start, start + SEGMENT_ROWS)
        filled.begin_with(rows[block], adjacent[block])
    return filled
