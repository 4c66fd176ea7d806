"""Time cells of a recording: numbers in any unit, RFC 3339, and what tools write instead."""

import datetime as dt
import math
import re
from typing import Final

from streams.codec.values import MAX_TIME, parse_rfc3339, time_problem
from streams.recorded.problem import ProblemLog

_UNITS: Final = (
    (1e3, "milliseconds", 1e14),
    (1e6, "microseconds", 1e17),
    (1e9, "nanoseconds", 1e20),
)
# `2023-11-14 22:13:20 +0000 UTC`, `... UTC`, `... GMT`, `... Z`: the same zone in words.
_UTC: Final = re.compile(r"\s*(?:\+00:?00\s+)?(?:UTC|GMT|Z)$", re.IGNORECASE)
_SLASHES: Final = re.compile(r"([0-9]{4})/([0-9]{2})/([0-9]{2})(?![0-9])")
# With dots the day comes first, wherever that is written.
_DOTS: Final = re.compile(r"([0-9]{2})\.([0-9]{2})\.([0-9]{4})(?![0-9])")


class TimeReader:
    """Reads time cells; the first one that can be read decides the unit of all.

    Parameters
    ----------
    log : ProblemLog
        Gets the remarks and the unreadable cells.
    """

    def __init__(self, log: ProblemLog) -> None:
        self._log = log
        self._divisor = 0.0
        self._naive = False

    def number(self, value: float, line: int) -> float | None:
        """Return the unix seconds of a number in the unit of this file, None if it is no time."""
        if not self._divisor and math.isfinite(value):
            self._divisor = self._unit(value, line)
        return self._checked(value / (self._divisor or 1.0), line)

    def text(self, cell: str, line: int) -> float | None:
        """Return the unix seconds of a cell: a number, RFC 3339, or ISO 8601 without a zone."""
        try:
            return self.number(float(cell), line)
        except ValueError:
            pass
        plain = _DOTS.sub(r"\3-\2-\1", _SLASHES.sub(r"\1-\2-\3", cell.strip()))
        utc = _UTC.sub("Z", plain)
        time = parse_rfc3339(utc)
        if time is None:
            time = self._without_zone(plain, line)
        if time is None:
            self._bad(f"unix seconds or RFC 3339 expected, got {cell[:40]!r}", line)
            return None
        return self._checked(time, line)

    def _checked(self, time: float, line: int) -> float | None:
        problem = time_problem(time)
        if problem is None:
            return time
        self._bad(problem, line)
        return None

    def _unit(self, value: float, line: int) -> float:
        if abs(value) < MAX_TIME:
            return 1.0
        for divisor, unit, below in _UNITS:
            if abs(value) < below:
                message = f"time {value:.0f} is taken as {unit}"
                action = "Every time of this file is read in this unit; write unix seconds"
                self._log.add("info", "time-unit", message, action, line=line)
                return divisor
        return 0.0

    def _without_zone(self, cell: str, line: int) -> float | None:
        try:
            time = dt.datetime.fromisoformat(cell)
        except ValueError:
            return None
        if time.tzinfo is None:
            time = time.replace(tzinfo=dt.UTC)
            if not self._naive:
                self._naive = True
                message = f"time {cell!r} has no zone"
                self._log.add("info", "time-zone", message, "It is taken as UTC", line=line)
        return time.timestamp()

    def _bad(self, message: str, line: int) -> None:
        self._log.add("warning", "time", message, "The row is skipped", line=line)
