"""How long `coral record` waits for rows that do not come, and what it says of that."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

__all__ = ["Silence"]

# From so long on it is told.
TELL_S: Final = 5.0


class Silence:
    """Time without a further row of a system.

    Parameters
    ----------
    what : str
        Whose rows, and from where, in words.
    patience_s : float
        Longest that is waited.
    tell : callable
        Prints a line; once a silence.

    Attributes
    ----------
    gave_up : bool
        Whether one lasted too long.
    """

    def __init__(self, what: str, patience_s: float, tell: Callable[[str], None]) -> None:
        self._what, self._patience_s, self._tell = what, patience_s, tell
        self._rows = 0
        self.gave_up = False
        self.end()

    def end(self) -> None:
        """Begin anew: a row came, or there is more to read."""
        self._since, self._told = time.monotonic(), False

    def is_too_long(self, rows: int) -> bool:
        """Whether it has lasted too long, now that there are so many rows."""
        if rows > self._rows:
            self._rows = rows
            self.end()
        silent_s = time.monotonic() - self._since
        if silent_s >= TELL_S and not self._told:
            self._told = True
            since = time.time() - silent_s
            begun, ends = (_clock(at) for at in (since, since + self._patience_s))
            self._tell(f"no row of {self._what} since {begun}; without one this ends at {ends} UTC")
        self.gave_up = silent_s >= self._patience_s
        return self.gave_up


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(at))
