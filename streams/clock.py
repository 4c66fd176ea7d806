"""Time as an argument: nothing in `streams` asks the operating system directly."""

import time
from typing import Protocol


class Clock(Protocol):
    """What code that waits or measures needs to know about time."""

    def time(self) -> float:
        """Return wall-clock time in unix seconds; it may jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; it never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after `seconds` have passed on this clock."""
        ...


class SystemClock:
    """Clock of the operating system."""

    def time(self) -> float:
        """Return wall-clock time in unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds of the monotonic system clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block the calling thread for `seconds`."""
        time.sleep(seconds)


class ManualClock:
    """Clock that stands still until it is told to move; for tests and simulations.

    Parameters
    ----------
    now : float
        First reading, unix seconds.

    Examples
    --------
    >>> clock = ManualClock(100.0)
    >>> clock.sleep(2.5)
    >>> clock.time()
    102.5
    """

    def __init__(self, now: float = 0.0) -> None:
        self._now = now

    def time(self) -> float:
        """Return the reading in unix seconds."""
        return self._now

    def monotonic(self) -> float:
        """Return the same reading as `time`."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Move the reading by `seconds` and return at once."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move the reading by `seconds`.

        Raises
        ------
        ValueError
            If `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError(f"`ManualClock.advance` requires seconds >= 0, got {seconds!r}.")
        self._now += seconds
