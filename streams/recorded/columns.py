"""Header and cells of a recording: which column is what, and what a cell means."""

import datetime as dt
import math
from typing import Final, NamedTuple

from streams.codec.values import MAX_TIME, parse_rfc3339, time_problem
from streams.recorded.problem import ProblemLog
from streams.series import name_problem

TIME_COLUMNS: Final = ("timestamp", "time")
_MISSING: Final = frozenset({"", "nan", "na", "n/a", "null", "none", "-"})
_UNITS: Final = (
    (1e3, "milliseconds", 1e14),
    (1e6, "microseconds", 1e17),
    (1e9, "nanoseconds", 1e20),
)


class Columns(NamedTuple):
    """Meaning of a header.

    Parameters
    ----------
    width : int
        Number of columns in the file.
    time : int
        Position of the time column.
    kept : list of int, length n
        Positions of the series.
    names : tuple of str, length n
        ``<entity>:<metric>`` of each series.
    headers : list of str, length n
        The same columns as they are called in the file.
    """

    width: int
    time: int
    kept: list[int]
    names: tuple[str, ...]
    headers: list[str]


def series_name(header: str) -> str:
    """Return the series name of a column: ``foo`` alone is metric ``value`` of entity ``foo``."""
    return header if ":" in header else f"{header}:value"


def read_header(header: list[str], log: ProblemLog) -> Columns | None:
    """Return what the columns mean, None (and an error in `log`) if they cannot be used."""
    cells = [cell.strip() for cell in header]
    times = [i for i, cell in enumerate(cells) if cell.lower() in TIME_COLUMNS]
    if len(times) != 1:
        got = ", ".join(f"`{c}`" for c in cells[:8]) if not times else f"{len(times)} of them"
        log.add(
            "error",
            "time-column",
            f"one column `timestamp` or `time` expected, got {got or 'an empty line'}",
            "The first line must name the columns; name the one that holds the time `timestamp`",
            line=1,
        )
        return None
    kept = [i for i, cell in enumerate(cells) if i not in times and _is_series(cell, log)]
    names = tuple(series_name(cells[i]) for i in kept)
    _check_names(names, [cells[i] for i in kept], log)
    return Columns(len(cells), times[0], kept, names, [cells[i] for i in kept])


def _is_series(header: str, log: ProblemLog) -> bool:
    if header and not header.startswith("Unnamed:"):
        return True
    action = "The column is ignored; write the file without a row index"
    log.add("warning", "unnamed-column", "column without a name", action, line=1, column=header)
    return False


def _check_names(names: tuple[str, ...], headers: list[str], log: ProblemLog) -> None:
    if not names:
        action = "Add one column `<entity>:<metric>` per series"
        log.add("error", "no-series", "no column besides the time", action, line=1)
    seen: set[str] = set()
    for name, header in zip(names, headers, strict=True):
        problem = name_problem(name)
        if problem is not None:
            log.add("error", "name", problem, "Rename the column", line=1, column=header)
        if name in seen:
            message = f"series `{name}` appears twice"
            log.add(
                "error", "duplicate-column", message, "Rename or drop one", line=1, column=header
            )
        seen.add(name)
    bare = [header for header in headers if ":" not in header]
    if bare:
        log.add(
            "info",
            "bare-column",
            f"{len(bare)} columns have no `:` in their name, e.g. `{bare[0]}`",
            f"Each is taken as metric `value` of an entity of its own: `{bare[0]}:value`",
            line=1,
            column=bare[0],
        )


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
        time = parse_rfc3339(cell.strip())
        if time is None:
            time = self._without_zone(cell.strip(), line)
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


def read_cell(cell: str) -> float | None:
    """Return the value of a text cell, NaN if it says missing, None if it is no number.

    Stricter than ``float``, which also takes ``1_000`` and digits of other scripts.
    """
    if cell.strip().lower() in _MISSING:
        return math.nan
    if "_" in cell or not cell.isascii():
        return None
    try:
        return float(cell)
    except ValueError:
        return None
