"""How a text table is written: what separates its columns, and where its header stands."""

import csv
import re
from collections.abc import Iterator
from typing import Final, NamedTuple, TextIO

from streams.recorded.problem import ProblemLog
from streams.recorded.text_file import has_bad_bytes

_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"')


class Dialect(NamedTuple):
    """How a text table is written.

    Attributes
    ----------
    delimiter : str
        Between the cells.
    header : list of str
        Cells of the line that names the columns.
    line : int
        Number of that line, from 1.
    """

    delimiter: str
    header: list[str]
    line: int

    def cells(self, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield number and cells of each row below the header.

        Parameters
        ----------
        lines : iterator of str
            Of the file, from the first one on.

        Raises
        ------
        csv.Error
            Where quotes cannot be read.
        """
        for _ in range(self.line - 1):
            next(lines)
        reader = csv.reader(lines, delimiter=self.delimiter)
        next(reader, None)
        for cells in reader:
            yield reader.line_num + self.line - 1, cells


def read_dialect(lines: TextIO, log: ProblemLog) -> Dialect | None:
    """Return how the table is written, None (and an error in `log`) if its header is unusable."""
    first, line = lines.readline(), 1
    named = _SEPARATOR_LINE.fullmatch(first)
    if named is not None:
        first, line = lines.readline(), 2
    if not first.strip():
        message = "the file is empty" if not first else "the first line is empty"
        log.add("error", "no-header", message, "The first line must name the columns", line=line)
        return None
    if has_bad_bytes(first):
        log.add("error", "utf-8", "header is not UTF-8", "Convert the file to UTF-8", line=line)
        return None
    delimiter = named[1] if named is not None else max(",;\t", key=_QUOTED.sub("", first).count)
    if delimiter != ",":
        message = f"columns are separated by {delimiter!r}"
        log.add("info", "delimiter", message, "The file is read with it", line=line)
    try:
        header = next(csv.reader([first], delimiter=delimiter))
    except (csv.Error, TypeError) as e:
        log.add("error", "csv", f"header cannot be read: {e}", "Repair its quotes", line=line)
        return None
    return Dialect(delimiter, [cell.strip() for cell in header], line)
