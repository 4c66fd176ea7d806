"""The one reader of a recording's rows, for replaying and for validating alike."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streams.codec.values import MAX_ABS_VALUE
from streams.recorded.columns import Columns, TimeReader, read_cell, read_header
from streams.recorded.problem import ProblemLog

Row = tuple[int, float, NDArray[np.float64]]
"""Line, unix seconds, values of shape (n_series,) with NaN = missing."""

_GZIP_MAGIC = b"\x1f\x8b"


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
    last, last_line = -np.inf, 0
    for row in rows:
        line, time, values = row
        if time <= last:
            rule = "time-repeated" if time == last else "time-order"
            message = f"time {time:.10g} is not later than {last:.10g} of line {last_line}"
            log.add(
                "warning", rule, message, "The row is dropped; sort the file by time", line=line
            )
            continue
        last, last_line = time, line
        extreme = np.abs(values) > MAX_ABS_VALUE
        if extreme.any():
            for i in np.flatnonzero(extreme):
                message = f"finite value within +-{MAX_ABS_VALUE:g} expected, got {values[i]!s}"
                column = columns.headers[i]
                log.add("warning", "extreme", message, "Taken as missing", line=line, column=column)
            values[extreme] = np.nan
        yield row


class CsvTable:
    """Text table, plain or gzipped, separated by commas, semicolons or tabs.

    Parameters
    ----------
    path : Path
    columns : Columns
    delimiter : str
    """

    def __init__(self, path: Path, columns: Columns, delimiter: str) -> None:
        self._path = path
        self._columns = columns
        self._delimiter = delimiter
        self._odd = False

    @property
    def columns(self) -> Columns:
        """Meaning of the header."""
        return self._columns

    @classmethod
    def open(cls, path: Path, log: ProblemLog) -> "CsvTable | None":
        """Return the table, None (and an error in `log`) if its header cannot be used."""
        try:
            with _text(path) as lines:
                first = lines.readline()
        except (OSError, EOFError, zlib.error) as e:
            _unreadable(e, log, 1)
            return None
        if not first.strip():
            message = "the file is empty" if not first else "the first line is empty"
            log.add("error", "no-header", message, "The first line must name the columns", line=1)
            return None
        if _has_bad_bytes(first):
            log.add("error", "utf-8", "header is not UTF-8", "Convert the file to UTF-8", line=1)
            return None
        delimiter = max(",;\t", key=first.count)
        if delimiter != ",":
            message = f"columns are separated by {delimiter!r}"
            log.add("info", "delimiter", message, "The file is read with it", line=1)
        try:
            header = next(csv.reader([first], delimiter=delimiter))
        except csv.Error as e:
            log.add("error", "csv", f"header cannot be read: {e}", "Repair its quotes", line=1)
            return None
        columns = read_header(header, log)
        return None if columns is None else cls(path, columns, delimiter)

    def rows(self, log: ProblemLog) -> Iterator[Row]:
        """Yield the rows in file order; stops with an error in `log` where the file is broken."""
        line = 1
        try:
            with _text(self._path) as lines:
                reader = csv.reader(self._watched(lines), delimiter=self._delimiter)
                next(reader)
                times = TimeReader(log)
                for cells in reader:
                    line = reader.line_num
                    row = self._row(cells, line, times, log)
                    if row is not None:
                        yield row
        except (OSError, EOFError, zlib.error) as e:
            _unreadable(e, log, line + 1)
        except csv.Error as e:
            log.add("error", "csv", str(e), "Repair the quotes in this line", line=line + 1)

    def _watched(self, lines: io.TextIOWrapper) -> Iterator[str]:
        """Pass lines on, noting those whose cells `float` alone would be too generous with."""
        for line in lines:
            if "_" in line or not line.isascii():
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
                return line, time, np.array([float(c) if c else np.nan for c in kept])
            except ValueError:
                pass
        return line, time, np.array(self._carefully(kept, line, log))

    def _carefully(self, cells: list[str], line: int, log: ProblemLog) -> list[float]:
        values = []
        for cell, column in zip(cells, self._columns.headers, strict=True):
            value = read_cell(cell)
            if value is None:
                shown = cell[:40].encode("utf-8", "backslashreplace").decode()
                message = f"number with a decimal point expected, got {shown!r}"
                log.add("warning", "cell", message, "Taken as missing", line=line, column=column)
                value = np.nan
            values.append(value)
        return values


def _text(path: Path) -> io.TextIOWrapper:
    """Open a CSV file; bytes that are not UTF-8 become surrogates, so that they can be named."""
    with path.open("rb") as raw:
        zipped = raw.read(2) == _GZIP_MAGIC
    if zipped != (path.suffix == ".gz"):
        what = "is gzip data" if zipped else "is not gzip data"
        raise gzip.BadGzipFile(f"{path.name} {what}")
    binary = gzip.open(path) if zipped else path.open("rb")  # noqa: SIM115 - the wrapper closes it
    return io.TextIOWrapper(
        binary,
        encoding="utf-8-sig",
        errors="surrogateescape",
        newline="",
    )


def _has_bad_bytes(text: str) -> bool:
    return any("\udc80" <= c <= "\udcff" for c in text)


def _unreadable(e: Exception, log: ProblemLog, line: int) -> None:
    """Note why the file cannot be read from `line` on."""
    if isinstance(e, EOFError):
        message = "the gzip data end too early: the file is truncated"
        log.add("error", "truncated", message, "Copy or record the file again", line=line)
    elif isinstance(e, gzip.BadGzipFile | zlib.error):
        action = "Name gzip files *.gz, others not; or copy a damaged file again"
        log.add("error", "gzip", str(e), action, line=line)
    else:
        reason = getattr(e, "strerror", None) or str(e)
        log.add("error", "unreadable", f"the file cannot be read: {reason}", "Check the path")
