"""The one reader of a recording's rows, for replaying and for validating alike."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from streams.codec.values import MAX_ABS_VALUE
from streams.recorded.columns import Columns, read_header
from streams.recorded.dialect import Dialect
from streams.recorded.numbers import NumberReader
from streams.recorded.problem import ProblemLog
from streams.recorded.text_file import UNREADABLE, open_text, unreadable
from streams.recorded.times import TimeReader

_HOUR_S: Final = 3600.0


class Row(NamedTuple):
    """One row of a table.

    Attributes
    ----------
    line : int
        Where it stands in the file.
    time : float
        Unix seconds.
    values : ndarray of shape (n_series,), float64, NaN = missing
    unread : tuple of int
        Series whose cell holds something that is no number; they are missing in `values`.
    """

    line: int
    time: float
    values: NDArray[np.float64]
    unread: tuple[int, ...] = ()


class RecordedTable(Protocol):
    """A file of rows whose header has been understood."""

    @property
    def columns(self) -> Columns:
        """Meaning of the header."""
        ...

    def rows(self, log: ProblemLog) -> Iterator[Row]:
        """Yield the rows in file order; what cannot be read goes to `log` and is left out."""
        ...


def increasing(rows: Iterator[Row], columns: Columns, log: ProblemLog) -> Iterator[Row]:
    """Yield the rows whose time is later than all before, with extreme values made missing."""
    last, last_line, step, hour = -np.inf, 0, np.nan, _RepeatedHour(log)
    for row in rows:
        line, time, values, unread = row
        if time <= last:
            if hour.drops(line, last + step - time, step):
                continue
            rule = "time-repeated" if time == last else "time-order"
            message = f"time {time:.10g} is not later than {last:.10g} of line {last_line}"
            log.add(
                "warning", rule, message, "The row is dropped; sort the file by time", line=line
            )
            continue
        hour.end()
        step, last, last_line = time - last, time, line
        extreme = np.abs(values) > MAX_ABS_VALUE
        if extreme.any():
            for i in np.flatnonzero(extreme):
                message = f"finite value within +-{MAX_ABS_VALUE:g} expected, got {values[i]!s}"
                column = columns.headers[i]
                log.add("warning", "extreme", message, "Taken as missing", line=line, column=column)
            values[extreme] = np.nan
            unread = (*unread, *np.flatnonzero(extreme).tolist())
        yield Row(line, time, values, unread)
    hour.end()


class _RepeatedHour:
    """Rows of the hour that local time repeats when summer time ends; they have no place.

    Parameters
    ----------
    log : ProblemLog
        Gets one warning for all of them.
    """

    def __init__(self, log: ProblemLog) -> None:
        self._log = log
        self._line = 0
        self._rows = 0

    def drops(self, line: int, back_s: float, step_s: float) -> bool:
        """Whether a row that is not later than the last one belongs to such an hour.

        Parameters
        ----------
        line : int
        back_s, step_s : float
            Seconds by which its time is behind the one expected, and those between two rows.
        """
        without_zone = self._log.count("time-zone") > 0
        if not self._rows and without_zone and abs(back_s - _HOUR_S) < step_s / 2:
            self._line = line
        self._rows += self._line > 0
        return self._line > 0

    def end(self) -> None:
        """Say how many rows are lost, if any are."""
        if self._rows:
            message = f"the local time repeats an hour (end of summer time), {self._rows} rows long"
            action = "They cannot be placed and are dropped; export the table in UTC"
            self._log.add("warning", "local-time", message, action, line=self._line)
        self._line = self._rows = 0


class CsvTable:
    """Text table with one column a series, plain or gzipped.

    Parameters
    ----------
    path : Path
    columns : Columns
    dialect : Dialect
    numbers : NumberReader
        Of the cells of the series, in the order of `columns`.
    """

    def __init__(
        self, path: Path, columns: Columns, dialect: Dialect, numbers: NumberReader
    ) -> None:
        self._path = path
        self._columns = columns
        self._dialect = dialect
        self._numbers = numbers
        self._odd = False

    @property
    def columns(self) -> Columns:
        """Meaning of the header."""
        return self._columns

    @classmethod
    def open(cls, path: Path, dialect: Dialect, log: ProblemLog) -> "CsvTable | None":
        """Return the table, None (and an error in `log`) if its header cannot be used."""
        columns = read_header(dialect.header, log)
        if columns is None:
            return None

        def sample() -> Iterator[list[str]]:
            try:
                with open_text(path) as lines:
                    for _, cells in dialect.cells(lines):
                        if len(cells) == columns.width:
                            yield [cells[i] for i in columns.kept]
            except (*UNREADABLE, csv.Error):
                return  # `rows` says so

        numbers = NumberReader(columns.headers, sample())
        numbers.remark(log, dialect.line + 1)
        return cls(path, columns, dialect, numbers)

    def rows(self, log: ProblemLog) -> Iterator[Row]:
        """Yield the rows in file order; stops with an error in `log` where the file is broken."""
        line = self._dialect.line
        try:
            with open_text(self._path) as lines:
                times = TimeReader(log)
                for line, cells in self._dialect.cells(self._watched(lines)):
                    row = self._row(cells, line, times, log)
                    if row is not None:
                        yield row
                self._numbers.remark_thousands(log)
        except csv.Error as e:
            log.add("error", "csv", str(e), "Repair the quotes in this line", line=line + 1)
        except UNREADABLE as e:
            unreadable(e, log, line + 1)

    def _watched(self, lines: Iterator[str]) -> Iterator[str]:
        """Pass lines on, noting those whose cells `float` alone would be too generous with."""
        point = self._numbers.mark == "."
        for line in lines:
            if "_" in line or not line.isascii() or not (point or "." not in line):
                self._odd = True
            yield line

    def _row(self, cells: list[str], line: int, times: TimeReader, log: ProblemLog) -> Row | None:
        columns = self._columns
        odd, self._odd = self._odd, False
        if len(cells) != columns.width:
            if cells:
                message = f"{columns.width} cells expected, got {len(cells)}"
                log.add("warning", "ragged-row", message, "The row is skipped", line=line)
            return None
        time = times.text(cells[columns.time], line)
        if time is None:
            return None
        kept = [cells[i] for i in columns.kept]
        if not odd:
            try:
                return Row(line, time, np.array([float(c) if c else np.nan for c in kept]))
            except ValueError:
                pass
        return self._carefully(kept, line, time, log)

    def _carefully(self, cells: list[str], line: int, time: float, log: ProblemLog) -> Row:
        values, unread = [], []
        for at, (cell, column) in enumerate(zip(cells, self._columns.headers, strict=True)):
            value = self._numbers.read(cell, at)
            if value is None:
                note_cell(cell, line, column, log)
                unread.append(at)
                value = np.nan
            values.append(value)
        return Row(line, time, np.array(values), tuple(unread))


def note_cell(cell: str, line: int, column: str, log: ProblemLog) -> None:
    """Note a cell that is no number."""
    shown = cell[:40].encode("utf-8", "backslashreplace").decode()
    message = f"number with a decimal point expected, got {shown!r}"
    # `1.85 K` or `1,234` is a number that may be two.
    unclear = cell.strip()[:1].isdecimal()
    action = "Taken as missing; export plain numbers" if unclear else "Taken as missing"
    log.add("warning", "cell", message, action, line=line, column=column)
