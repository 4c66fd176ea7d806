"""Tables that hold one point a line, brought into rows and columns in memory."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np

from streams.recorded import legend
from streams.recorded.columns import Columns, check_names
from streams.recorded.numbers import NumberReader
from streams.recorded.problem import ProblemLog, Severity
from streams.recorded.table import Row, note_cell
from streams.recorded.times import TimeReader

Series: TypeAlias = tuple[tuple[str, str], ...]
"""Labels of a series, `legend.METRIC` for its name."""


class Cell(NamedTuple):
    """One value of one series, as it is written.

    Attributes
    ----------
    line : int
        Where it stands in the file.
    series : tuple of (str, str)
    time, value : str
        Cells.
    """

    line: int
    series: Series
    time: str
    value: str


class PointTable:
    """Rows made of points: those of one time are one row; times are sorted.

    Parameters
    ----------
    columns : Columns
    rows : list of Row
    """

    def __init__(self, columns: Columns, rows: list[Row]) -> None:
        self._columns = columns
        self._rows = rows

    @property
    def columns(self) -> Columns:
        """The series, in the order of their first points."""
        return self._columns

    @classmethod
    def of(
        cls, points: Iterable[Cell], what: str, apart: str, log: ProblemLog
    ) -> "PointTable | None":
        """Return the table of points, None (and an error in `log`) if it cannot be used.

        Parameters
        ----------
        points : iterable of Cell
        what : str
            What holds them, for the remark on how they are read.
        apart : str
            How several series of one name are told apart there.
        log : ProblemLog
        """
        listed = _without_mixed(list(points), apart, log)
        places = {series: at for at, series in enumerate(dict.fromkeys(p.series for p in listed))}
        names = tuple(_names([dict(series) for series in places]))
        headers = [_header(dict(series)) for series in places]
        if names or not log.failed:  # else it was said why there are none
            check_names(names, headers, log)
        rows = _rows(listed, places, headers, log)
        if log.failed:
            return None
        example = f", e.g. `{headers[0]}` as `{names[0]}`" if names else ""
        message = f"{what}: its {len(listed)} values are read as {len(names)} series{example}"
        log.add("info", "long-table", message, "Values of one time make one row", line=1)
        return cls(Columns(len(names) + 1, 0, [*range(1, len(names) + 1)], names, headers), rows)

    def rows(self, log: ProblemLog) -> Iterator[Row]:  # noqa: ARG002 - all was said on opening
        """Yield the rows; their values are copies."""
        for row in self._rows:
            yield row._replace(values=row.values.copy())


def _without_mixed(points: list[Cell], apart: str, log: ProblemLog) -> list[Cell]:
    """Leave out what has several values at every time: those are several series of one name.

    Which value is of which of them nobody can tell. A series that is repeated now and then is one.
    """
    values = Counter((p.series, p.time) for p in {p._replace(line=0) for p in points})
    fewest = dict[Series, int]()
    for point in points:
        count = values[point.series, point.time]
        fewest[point.series] = min(count, fewest.get(point.series, count))
    mixed = [series for series, count in fewest.items() if count > 1]
    severity: Severity = "error" if len(mixed) == len(fewest) else "warning"
    for series in mixed:
        message = f"{fewest[series]} values at every time, as of so many series of one name"
        action = f"It is left out; {apart}"
        log.add(severity, "series-mixed", message, action, column=_header(dict(series)))
    return [point for point in points if fewest[point.series] == 1]


def _rows(
    points: list[Cell], places: Mapping[Series, int], headers: list[str], log: ProblemLog
) -> list[Row]:
    numbers = NumberReader(["value"], ([point.value] for point in points))
    numbers.remark(log, 1)
    times, found = TimeReader(log), dict[float, Row]()
    for line, series, cell, number in points:
        time = times.text(cell, line)
        if time is None:
            continue
        at, value = places[series], numbers.read(number, 0)
        row = found.get(time)
        if row is None:
            row = found[time] = Row(line, time, np.full(len(places), np.nan))
        if value is None:
            note_cell(number, line, headers[at], log)
            found[time] = row._replace(unread=(*row.unread, at))
        elif not math.isnan(row.values[at]):
            message = f"a second value at {time:.10g}"
            action = "The last one counts"
            log.add("warning", "point-repeated", message, action, line=line, column=headers[at])
        row.values[at] = math.nan if value is None else value
    numbers.remark_thousands(log)
    return [found[time] for time in sorted(found)]


def _names(series: list[dict[str, str]]) -> list[str]:
    """Return the names of series; a legend in the place of a name has labels of its own."""
    return legend.series_names(
        [labels | (legend.parsed(labels.get(legend.METRIC, "")) or {}) for labels in series]
    )


def _header(labels: Mapping[str, str]) -> str:
    name = labels.get(legend.METRIC, "")
    rest = ",".join(f"{key}={value}" for key, value in labels.items() if key != legend.METRIC)
    return f"{name}{{{rest}}}" if rest else name
