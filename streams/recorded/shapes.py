"""Which shape a file has: the one step that all readers of tables share."""

import csv
from pathlib import Path
from typing import Final

from streams.recorded.dialect import Dialect, read_dialect
from streams.recorded.foreign import recognised
from streams.recorded.long import is_long, read_long
from streams.recorded.parquet import ParquetTable
from streams.recorded.problem import ProblemLog
from streams.recorded.query_range import read_query_range
from streams.recorded.table import CsvTable, RecordedTable
from streams.recorded.text_file import UNREADABLE, head, in_utf8, open_text, unreadable

_PARQUET_MAGIC: Final = b"PAR1"
_JSON: Final = (b"{", b"[")


def open_table(path: Path, log: ProblemLog) -> RecordedTable | None:
    """Return the table in a file, None (and an error in `log`) if there is none that can be used.

    Parquet, answers of Prometheus, long tables and tables with one column a series are told apart
    by what they hold, not by their names.
    """
    try:
        start = in_utf8(head(path))
        if path.suffix == ".parquet" or start.startswith(_PARQUET_MAGIC):
            return ParquetTable.open(path, log)
        foreign = recognised(start)
        if foreign is not None:
            log.add("error", "format", f"this is {foreign.what}, no table", foreign.action)
            return None
        if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_JSON):
            return read_query_range(path, log)
        with open_text(path) as lines:
            dialect = read_dialect(lines, log)
        if dialect is None:
            return None
        if is_long(dialect, _first_row(path, dialect)):
            return read_long(path, dialect, log)
    except UNREADABLE as e:
        unreadable(e, log, 1)
        return None
    return CsvTable.open(path, dialect, log)


def _first_row(path: Path, dialect: Dialect) -> list[str]:
    try:
        with open_text(path) as lines:
            return next((cells for _, cells in dialect.cells(lines) if cells), [])
    except csv.Error:
        return []
