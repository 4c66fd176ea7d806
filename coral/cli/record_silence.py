"""How long `coral record` waits for rows that do not come, and what it says of that."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streams.records import Frame

__all__ = ["Silence"]

# From so long on it is told.
TELL_S: Final = 5.0


class Silence:
    """Time without a further row of a system.

    Parameters
    ----------
    what : str
        What does not come, in words.
    patience_s : float
        Longest that is waited for a row once the window is over.
    window_s : float
        Length of the window from its first row on: that a system fell silent in it may be what is
        to be recorded, so that it ends by the clock.
    tell : callable
        Prints a line; once a silence.

    Attributes
    ----------
    patience_s : float
        As given.
    gave_up : bool
        Whether one lasted too long.
    """

    def __init__(
        self, what: str, patience_s: float, window_s: float, tell: Callable[[str], None]
    ) -> None:
        self._what, self.patience_s, self._window_s, self._tell = what, patience_s, window_s, tell
        self._rows = 0
        self.gave_up = False
        self.end()

    def __str__(self) -> str:
        return self._what

    def end(self) -> None:
        """Begin anew: a row came, or there is more to read."""
        self._since, self._told = time.monotonic(), False

    def is_too_long(self, frames: Sequence[Frame]) -> bool:
        """Whether it has lasted too long, now that there are these frames."""
        if len(frames) > self._rows:
            self._rows = len(frames)
            self.end()
        now, silent_s = time.time(), time.monotonic() - self._since
        ends = now - silent_s + self.patience_s
        if frames:
            ends = max(ends, frames[0].time + self._window_s)
        if silent_s >= TELL_S and not self._told:
            self._told = True
            begun, end = _clock(now - silent_s), _clock(ends)
            self._tell(
                f"{self} came since {begun}; without one this ends at {end} UTC, or at Ctrl-C"
            )
        self.gave_up = now >= ends
        return self.gave_up


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(at))
