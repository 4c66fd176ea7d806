"""Text tables with one value a line and the names of its series beside it.

Grafana exports such (`Series,Time,Value`), and so does InfluxDB: there several tables follow one
another, each with a header of its own, and lines that begin with `#` tell the types of columns.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from streams.recorded import legend
from streams.recorded.columns import time_columns
from streams.recorded.dialect import Dialect
from streams.recorded.points import Cell, PointTable, Series
from streams.recorded.problem import ProblemLog
from streams.recorded.text_file import UNREADABLE, open_text, unreadable

_VALUES: Final = frozenset({"value", "_value"})
_METRICS: Final = frozenset({"series", "metric", "name", "__name__"})
# Columns of InfluxDB that name no series.
_OWN: Final = frozenset({"", "result", "table", "_start", "_stop"})
_ANNOTATION: Final = "#"


class LongColumns(NamedTuple):
    """Positions of time, value and the columns that name a series, those with what they name."""

    time: int
    value: int
    labels: tuple[tuple[int, str], ...]


def layout_of(header: list[str]) -> LongColumns | None:
    """Return what the columns of a long table are, None if the header is not that of one.

    Examples
    --------
    >>> layout_of(["Series", "Time", "Value"])
    LongColumns(time=1, value=2, labels=((0, '__name__'),))
    >>> layout_of(["time", "web:latency"])
    """
    names = [cell.strip().lower() for cell in header]
    times = time_columns(header)
    values = [i for i, name in enumerate(names) if name in _VALUES]
    labels = tuple(
        (i, legend.METRIC if name in _METRICS else header[i].strip())
        for i, name in enumerate(names)
        if i not in (*times, *values) and name not in _OWN
    )
    if len(times) != 1 or len(values) != 1 or not labels:
        return None
    return LongColumns(times[0], values[0], labels)


def is_long(dialect: Dialect, row: list[str]) -> bool:
    """Whether a table is a long one, by its header and its first row: names are no numbers."""
    if dialect.header[0].startswith(_ANNOTATION):
        return True
    layout = layout_of(dialect.header)
    if layout is None or len(row) != len(dialect.header):
        return False
    return not all(_is_number(row[at]) for at, _ in layout.labels)


def read_long(path: Path, dialect: Dialect, log: ProblemLog) -> PointTable | None:
    """Return a long table in rows and columns, None (and an error in `log`) if it is unusable."""
    apart = "export it with the label that tells them apart"
    return PointTable.of(_points(path, dialect, log), "one value a line", apart, log)


def _points(path: Path, dialect: Dialect, log: ProblemLog) -> Iterator[Cell]:
    line, layout, width = dialect.line, layout_of(dialect.header), len(dialect.header)
    fresh = False  # whether another table may begin
    try:
        with open_text(path) as lines:
            for line, cells in dialect.cells(lines):
                if not "".join(cells) or cells[0].startswith(_ANNOTATION):
                    fresh = True
                    continue
                header = layout_of(cells) if fresh or layout is None else None
                fresh = False
                if header is not None:
                    layout, width = header, len(cells)
                elif layout is None:
                    got = ", ".join(f"`{cell}`" for cell in cells[:8])
                    message = f"columns of a time, a value and names expected, got {got}"
                    action = "Export it without pivot(), with `_time` and `_value`"
                    log.add("error", "time-column", message, action, line=line)
                    return
                elif len(cells) == width:
                    series = _series(cells, layout)
                    yield Cell(line, series, cells[layout.time], cells[layout.value])
                else:
                    message = f"{width} cells expected, got {len(cells)}"
                    log.add("warning", "ragged-row", message, "It is skipped", line=line)
    except csv.Error as e:
        log.add("error", "csv", str(e), "Repair the quotes in this line", line=line + 1)
    except UNREADABLE as e:
        unreadable(e, log, line + 1)


def _series(cells: list[str], layout: LongColumns) -> Series:
    labels = {name: cells[at].strip() for at, name in layout.labels if cells[at].strip()}
    parts = [labels.pop(key, "") for key in ("_measurement", "_field")]
    if metric := ".".join(filter(None, parts)):
        labels[legend.METRIC] = metric
    return tuple(labels.items())


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
