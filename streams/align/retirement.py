"""Which series have left: silent for longer than they ever lived."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Lives"]

Indices = NDArray[np.intp]
Ticks = NDArray[np.int64]

# A series may be silent for so long, however short it lived, ...
LEAST_S: Final = 3600.0
LEAST_TICKS: Final = 240
# ... and for no longer than that, however long: what comes once a week is still known.
MOST_S: Final = 8 * 86_400.0
# Ticks of silence after which a series makes room where new ones find none.
CROWDED_TICKS: Final = 60


class Lives:
    """First and last tick of every series of one system.

    A series has left when it has been silent for as long as it lived, at least an hour and 240
    ticks, at most eight days. So what is known is at most about twice what lives, whatever rotates:
    a pod renamed every hour is forgotten within hours, a service that ran for months within days.

    Parameters
    ----------
    interval_s : float
        Seconds of a tick.

    Attributes
    ----------
    expired, displaced : int
        Series forgotten so far: silent for too long, and those that made room for new ones.
    """

    def __init__(self, interval_s: float) -> None:
        self._least = max(LEAST_TICKS, round(LEAST_S / interval_s))
        self._most = max(self._least, round(MOST_S / interval_s))
        self._first: Ticks = np.zeros(0, dtype=np.int64)
        self._last: Ticks = np.zeros(0, dtype=np.int64)
        self.expired = self.displaced = 0

    @property
    def last(self) -> Ticks:
        """Tick of the newest value of every series known by now; not to be written."""
        return self._last

    def note(self, tick: int, values: NDArray[np.float64]) -> None:
        """Take the values of a tick, one for each series known by now, NaN = missing."""
        new = len(values) - len(self._first)
        if new:
            self._first = np.append(self._first, np.full(new, tick))
            self._last = np.append(self._last, np.full(new, tick))
        self._last[~np.isnan(values)] = tick

    def silent(self, tick: int) -> list[int]:
        """Return the places of series that have been silent for a while, in the order they may go.

        First those that were silent for longest in proportion to how long they lived: what came
        once goes before what has a history.
        """
        silent = tick - self._last
        order = np.argsort(-silent / (self._last - self._first + 1), kind="stable")
        return [*order[silent[order] > CROWDED_TICKS].tolist()]

    def kept(self, tick: int, room: list[int]) -> Indices:
        """Return the places of the series that have not left; those that have are forgotten.

        Parameters
        ----------
        tick : int
            The newest.
        room : list of int
            Places that are given up to new series.
        """
        silent = tick - self._last
        left = silent > np.clip(self._last - self._first, self._least, self._most)
        expired = int(np.count_nonzero(left))
        left[room] = True
        kept = np.flatnonzero(~left)
        self.expired += expired
        self.displaced += len(left) - len(kept) - expired
        if len(kept) < len(left):
            self._first, self._last = self._first[kept], self._last[kept]
        return kept

    def state(self) -> dict[str, Any]:
        """Return all state as arrays, to go into a checkpoint."""
        return {"first": self._first.copy(), "last": self._last.copy()}

    def load(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        self._first = np.array(state["first"], dtype=np.int64)
        self._last = np.array(state["last"], dtype=np.int64)
