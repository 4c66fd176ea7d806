"""Recordings in Parquet; pyarrow is imported only here, and only when one is opened."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.errors import to_install
from streams.recorded.columns import Columns, read_header
from streams.recorded.problem import ProblemLog
from streams.recorded.table import Row
from streams.recorded.times import TimeReader

_BATCH_ROWS = 1024
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


class ParquetTable:
    """Parquet table; times may be Arrow time stamps, numbers or text.

    Parameters
    ----------
    path : Path
    columns : Columns
    """

    def __init__(self, path: Path, columns: Columns) -> None:
        self._path = path
        self._columns = columns

    @property
    def columns(self) -> Columns:
        """Meaning of the schema."""
        return self._columns

    @classmethod
    def open(cls, path: Path, log: ProblemLog) -> "ParquetTable | None":
        """Return the table, None (and an error in `log`) if its schema cannot be used."""
        try:
            import pyarrow.parquet as pq  # noqa: PLC0415 - an extra
        except ImportError:
            action = f"Install it with: {to_install('parquet')}"
            log.add("error", "parquet", "pyarrow is not installed", action)
            return None
        try:
            with pq.ParquetFile(path) as file:
                header = list(file.schema_arrow.names)
        except Exception as e:  # noqa: BLE001 - Arrow raises what it likes on damaged files
            _unreadable(e, log)
            return None
        columns = read_header(header, log)
        return None if columns is None else cls(path, columns)

    def rows(self, log: ProblemLog) -> Iterator[Row]:
        """Yield the rows in file order; stops with an error in `log` where the file is broken."""
        import pyarrow.parquet as pq  # noqa: PLC0415 - an extra

        line = 0
        times = TimeReader(log)
        try:
            with pq.ParquetFile(self._path) as file:
                for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                    values, unread = self._values(batch, log)
                    for cell, row in zip(self._times(batch), values, strict=True):
                        line += 1
                        time = _time(cell, line, times)
                        if time is not None:
                            yield Row(line, time, row, unread)
        except Exception as e:  # noqa: BLE001 - Arrow raises what it likes on damaged files
            _unreadable(e, log, line + 1)

    def _times(self, batch: Any) -> list[float | str | None]:
        import pyarrow as pa  # noqa: PLC0415 - an extra

        column = batch.column(self._columns.time)
        if pa.types.is_timestamp(column.type):
            seconds = _PER_SECOND[column.type.unit]
            return [t if t is None else t / seconds for t in column.cast(pa.int64()).to_pylist()]
        cells: list[float | str | None] = column.to_pylist()
        return cells

    def _values(self, batch: Any, log: ProblemLog) -> tuple[NDArray[np.float64], tuple[int, ...]]:
        """Return the series of a batch, (rows, n_series), and which of them are no numbers."""
        import pyarrow as pa  # noqa: PLC0415 - an extra

        values = np.empty((batch.num_rows, len(self._columns.kept)))
        unread = []
        for i, at in enumerate(self._columns.kept):
            try:
                column = batch.column(at).cast(pa.float64(), safe=False)
                values[:, i] = column.to_numpy(zero_copy_only=False)
            except (pa.ArrowException, ValueError, TypeError):
                message = f"numbers expected, got type {batch.column(at).type}"
                header = self._columns.headers[i]
                log.add("warning", "cell", message, "Taken as missing", column=header)
                values[:, i] = np.nan
                unread.append(i)
        return values, tuple(unread)


def _time(cell: float | str | None, line: int, times: TimeReader) -> float | None:
    if isinstance(cell, int | float):
        return times.number(float(cell), line)
    return times.text("" if cell is None else str(cell), line)


def _unreadable(e: Exception, log: ProblemLog, line: int | None = None) -> None:
    message = f"the file cannot be read as Parquet: {str(e).splitlines()[0] if str(e) else e!r}"
    log.add("error", "parquet", message, "Write the file again", line=line)
