"""The newest rows of a stream, kept in segments that are cheap to save."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ring"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SEGMENT_ROWS = 256


class _Segment(NamedTuple):
    rows: Floats  # (n_rows, n_series)
    adjacent: Bools  # (n_rows,)

    def head(self, n_rows: int) -> "_Segment":
        return _Segment(self.rows[:n_rows], self.adjacent[:n_rows])


class Ring:
    """The newest rows of a stream and whether each follows the one before it.

    A segment that is full is never written again: a checkpoint refers to it without a copy.

    Parameters
    ----------
    n_series : int
    capacity : int, >= 1
        Rows that `rows` returns at most; up to one segment more is kept.
    """

    def __init__(self, n_series: int, capacity: int) -> None:
        self.n_series = n_series
        self.capacity = capacity
        self._full: list[_Segment] = []
        self._last = self._fresh()
        self._used = 0  # rows of the last segment

    def __len__(self) -> int:
        return min(self._kept, self.capacity)

    @property
    def _kept(self) -> int:
        return sum(len(segment.rows) for segment in self._full) + self._used

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
            self._full.append(self._last)
            self._last, self._used = self._fresh(), 0
        self._last.rows[self._used] = x
        self._last.adjacent[self._used] = adjacent
        self._used += 1
        while self._full and self._kept - len(self._full[0].rows) >= self.capacity:
            del self._full[0]

    def rows(self) -> tuple[Floats, Bools]:
        """Rows, oldest first, and whether each follows the one before it; not to be written."""
        last = self._last.head(self._used)
        if not self._full:
            return last.rows[-self.capacity :], last.adjacent[-self.capacity :]
        rows = np.concatenate([segment.rows for segment in (*self._full, last)])
        adjacent = np.concatenate([segment.adjacent for segment in (*self._full, last)])
        return rows[-self.capacity :], adjacent[-self.capacity :]

    def grown(self, n_series: int, capacity: int) -> "Ring":
        """Return a ring with more series, missing in all rows so far, and the newest rows."""
        rows, adjacent = self.rows()
        grown = Ring(n_series, capacity)
        missing = np.full(n_series - self.n_series, np.nan)
        for x, follows in zip(rows[-capacity:], adjacent[-capacity:], strict=True):
            grown.append(np.append(x, missing), adjacent=bool(follows))
        return grown

    def state_dict(self) -> dict[str, Any]:
        """Segments, oldest first; full ones are the ring's own and never change."""
        last = self._last.head(self._used)
        segments = [*self._full, _Segment(last.rows.copy(), last.adjacent.copy())]
        return {"segments": [list(segment) for segment in segments]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` of a ring with the same parameters returned."""
        segments = [_Segment(*segment) for segment in state["segments"]]
        *self._full, newest = segments
        self._last, self._used = self._fresh(), len(newest.rows)
        self._last.rows[: self._used] = newest.rows
        self._last.adjacent[: self._used] = newest.adjacent

    def _fresh(self) -> _Segment:
        shape = (SEGMENT_ROWS, self.n_series)
        return _Segment(np.empty(shape), np.zeros(SEGMENT_ROWS, dtype=np.bool_))
