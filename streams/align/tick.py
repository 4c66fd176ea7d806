"""Values of one tick that is still open."""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["Tick"]

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


class Tick:
    """Each series' value with the largest event time; of equal times the last to arrive.

    Most ticks are one row of all series, and many are a thousand samples of one series each. The
    first need no time for every series, so these are written down when a second sample comes; for
    the second a value is put without a single array operation.

    Parameters
    ----------
    values : ndarray of shape (n,), float64, NaN = missing
        One for every series known so far; copied.
    latest : float
        Largest event time of a sample, unix seconds; -inf without one.
    times : ndarray of shape (n,), float64, optional
        Event time of each value, -inf where it is missing; by default all are of `latest`. Copied.
    """

    __slots__ = ("_times", "latest", "values")

    def __init__(
        self, values: Floats, latest: float = -math.inf, times: Floats | None = None
    ) -> None:
        self.latest = latest
        self.values: Floats = np.array(values, dtype=np.float64)
        self._times: Floats | None = None if times is None else np.array(times, dtype=np.float64)

    @classmethod
    def empty(cls, width: int) -> "Tick":
        """Return a tick without a sample."""
        return cls(np.full(width, np.nan))

    def state(self) -> tuple[float, Floats, Floats]:
        """Return `latest`, values and their times, as copies, for a checkpoint."""
        return self.latest, self.values.copy(), self._written().copy()

    def put(self, time: float, at: int, value: float) -> bool:
        """Take one value unless it is older than the one held; return whether it was news."""
        if self.latest == -math.inf:
            self.latest = time
            self.values[at] = value
            return True
        times = self._written()
        since = times[at]
        news = False
        if not math.isnan(value) and (time > since or (time == since and value != self.values[at])):
            self.values[at] = value
            times[at] = time
            news = True
        if time > self.latest:
            self.latest = time
            news = True
        return news

    def merge(self, time: float, at: Indices, values: Floats) -> bool:
        """Take the values that are not older than those held; return whether one was news."""
        if self.latest == -math.inf:
            self.latest = time
            self.values[at] = values
            return True
        times = self._written()
        held, since = self.values[at], times[at]
        newer = (time >= since) & ~np.isnan(values)
        news = bool((newer & ((time > since) | (values != held))).any())
        if news:
            self.values[at] = np.where(newer, values, held)
            times[at] = np.where(newer, time, since)
        if time > self.latest:
            self.latest = time
            news = True
        return news

    def widen(self, width: int) -> None:
        """Make room for series that are new since the tick was opened; all missing."""
        more = width - len(self.values)
        if more > 0:
            self.values = np.concatenate((self.values, np.full(more, np.nan)))
            if self._times is not None:
                self._times = np.concatenate((self._times, np.full(more, -np.inf)))

    def keep(self, at: Indices) -> None:
        """Forget all series but those at these places, ascending; they move up."""
        self.values = self.values[at]
        if self._times is not None:
            self._times = self._times[at]

    def _written(self) -> Floats:
        """Return the time of each value, -inf where it is missing."""
        if self._times is None:
            self._times = np.where(np.isnan(self.values), -np.inf, self.latest)
        return self._times
