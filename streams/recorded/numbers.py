"""Number cells as tools write them: decimal commas, thousands separators, units."""

import math
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from streams.recorded.problem import ProblemLog

_MISSING: Final = frozenset({"", "nan", "na", "n/a", "null", "none", "-", "undefined"})
_BYTES: Final = {
    "B": 1.0,
    **{f"{prefix}B": 1e3**power for power, prefix in enumerate("kMGTP", start=1)},
    **{f"{prefix}iB": 1024.0**power for power, prefix in enumerate("KMGTP", start=1)},
    "KB": 1e3,
}
# Unit to what is measured, and how many of its base units it is. What may be two things (`m`,
# `K`, `Mil`, `Mb`) is not here.
_UNITS: Final[dict[str, tuple[str, float]]] = {
    **dict.fromkeys(("us", "µs", "μs"), ("s", 1e-06)),
    **dict.fromkeys(("s", "sec", "secs"), ("s", 1.0)),
    **dict.fromkeys(("min", "mins"), ("s", 60.0)),
    **dict.fromkeys(("hour", "hours"), ("s", 3600.0)),
    "ns": ("s", 1e-9),
    "ms": ("s", 1e-3),
    "%": ("%", 1.0),
    **{unit: ("B", size) for unit, size in _BYTES.items()},
    **{f"{unit}/s": ("B/s", size) for unit, size in _BYTES.items()},
    **{f"{unit}ps": ("B/s", size) for unit, size in _BYTES.items()},
    **dict.fromkeys(("req/s", "ops/s", "rps", "qps", "ops", "iops", "/s"), ("1/s", 1.0)),
}
_CELL: Final = re.compile(
    r"(?P<number>[+-]?(?:[0-9][0-9.,'\u2019 \u00a0\u202f]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"[ \u00a0\u202f]*(?P<unit>[^\W\d]*/?[^\W\d]*|%)?",
)
# Marks that only ever stand between thousands.
_SPACED: Final = re.compile(r"(?<=[0-9])['\u2019 \u00a0\u202f](?=[0-9]{3}(?![0-9]))")
_GROUPED: Final = {
    mark: re.compile(rf"[+-]?[1-9][0-9]{{0,2}}(?:{re.escape(mark)}[0-9]{{3}})+") for mark in ",."
}
_SAMPLED_ROWS: Final = 1000


class NumberReader:
    """Reads the number cells of one file by the conventions that its first rows show.

    Parameters
    ----------
    columns : sequence of str
        Headers of the columns.
    sample : iterable of sequences of str
        Cells of the first rows, one a column; as many as are needed are read.

    Attributes
    ----------
    mark : str
        What stands before decimals, "." or ",".
    """

    def __init__(self, columns: Sequence[str], sample: Iterable[Sequence[str]]) -> None:
        self._columns = columns
        self._base: dict[int, tuple[str, float]] = {}  # column to unit, and its size here
        self._example = ""
        first = list(islice(sample, _SAMPLED_ROWS))
        marks: set[str] = set()
        # Files of plain numbers, most of them, are not looked at cell by cell.
        if not all(_are_floats(cells) for cells in first):
            for cells in first:
                for at, cell in enumerate(cells):
                    self._learn(cell.strip(), at, marks)
        self.mark = "," if marks == {","} else "."
        # Whether the other mark may be read as one between thousands.
        self._groups = len(marks) == 1
        # Of each column the first number that was read over marks between its thousands.
        self._grouped: dict[int, str] = {}

    def read(self, cell: str, at: int) -> float | None:
        """Return the value of a cell of column `at`, NaN if it says missing, None if it is unclear.

        Stricter than ``float``, which also takes ``1_000`` and digits of other scripts.
        """
        text = cell.strip()
        if text.lower() in _MISSING:
            return math.nan
        found = _CELL.fullmatch(text)
        if found is None:  # infinities, and what is no number
            return float(text) if text.isascii() and "_" not in text and _is_float(text) else None
        value, unit = self._number(found["number"].rstrip(), at), found["unit"]
        if value is None:
            return None
        base = self._base.get(at)
        if base is None:
            return None if unit else value
        if not unit:
            return 0.0 if value == 0.0 else None
        measure, size = _UNITS.get(unit, ("", 1.0))
        return value * size / base[1] if measure == base[0] else None

    def remark(self, log: ProblemLog, line: int) -> None:
        """Say which conventions the file follows, where they are not the plain ones."""
        if self.mark == ",":
            message = "numbers have a decimal comma"
            log.add("info", "decimal-comma", message, "They are read so", line=line)
        if self._base:
            at, (measure, size) = next(iter(self._base.items()))
            unit = measure if size == 1.0 else self._columns[at].rpartition("_")[2]
            log.add(
                "info",
                "units",
                f"{len(self._base)} of {len(self._columns)} columns have units in their cells, "
                f"e.g. {self._example!r}",
                f"They are read, of this column in {unit}",
                column=self._columns[at],
            )

    def remark_thousands(self, log: ProblemLog) -> None:
        """Say, once the cells are read, where marks between thousands were passed over."""
        if self._grouped:
            at, text = next(iter(self._grouped.items()))
            log.add(
                "info",
                "thousands",
                f"{len(self._grouped)} of {len(self._columns)} columns have thousands set apart, "
                f"e.g. {text!r}",
                f"This one is read as {self._number(text, at):.15g}",
                column=self._columns[at],
            )

    def _learn(self, cell: str, at: int, marks: set[str]) -> None:
        found = _CELL.fullmatch(cell)
        if found is None:
            return
        marks |= _decimal_marks(_SPACED.sub("", found["number"].rstrip()))
        unit = _UNITS.get(found["unit"] or "")
        if unit is not None and at not in self._base:
            named = _UNITS.get(self._columns[at].replace(".", "_").rpartition("_")[2])
            size = named[1] if named is not None and named[0] == unit[0] else 1.0
            self._base[at] = unit[0], size
            self._example = self._example or cell

    def _number(self, text: str, at: int) -> float | None:
        other = "," if self.mark == "." else "."
        whole, mark, decimals = _SPACED.sub("", text).partition(self.mark)
        if other in whole:
            if not (self._groups and _GROUPED[other].fullmatch(whole)):
                return None
            whole = whole.replace(other, "")
        plain = f"{whole}.{decimals}" if mark else whole
        if not _is_float(plain):
            return None
        if len(plain) < len(text):
            self._grouped.setdefault(at, text)
        return float(plain)


def _are_floats(cells: Sequence[str]) -> bool:
    return all(not cell or _is_float(cell) for cell in cells)


def _is_float(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _decimal_marks(number: str) -> set[str]:
    """Return the mark before the decimals of a number, nothing where it does not tell."""
    point, comma = number.rfind("."), number.rfind(",")
    if point >= 0 and comma >= 0:
        return {"." if point > comma else ","}
    for mark, other in (",.", ".,"):
        if mark in number:
            if number.count(mark) > 1:
                return {other}
            return set() if _GROUPED[mark].fullmatch(number) else {mark}
    return set()
