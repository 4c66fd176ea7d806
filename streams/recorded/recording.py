"""A recorded incident, opened: labels, names, and rows one after another."""

import copy
import difflib
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.recorded.columns import series_name
from streams.recorded.meta import RecordingMeta, read_meta
from streams.recorded.parquet import ParquetTable
from streams.recorded.problem import ProblemLog, RecordingProblem
from streams.recorded.table import CsvTable, RecordedTable, Row, increasing

_TABLES: Final = ("metrics.csv.gz", "metrics.csv", "metrics.parquet")
LABELS: Final = "incident.json"
_ROWS_FOR_INTERVAL: Final = 1001


class Recording:
    """A recorded incident: a folder of `incident.json` and a table, or a table alone.

    Use `open`; the constructor trusts its arguments.

    Attributes
    ----------
    path : Path
        Folder or file.
    meta : RecordingMeta
        Labels; `system`, `kpi` and `interval_s` are always those in force.
    problems : tuple of RecordingProblem
        What was noticed on opening; no errors. Rows are judged by `validate`.

    Examples
    --------
    >>> recording = Recording.open("incidents/shop")  # doctest: +SKIP
    >>> for time, values in recording.rows():  # doctest: +SKIP
    ...     print(time, dict(zip(recording.names, values)))
    """

    def __init__(
        self,
        path: Path,
        meta: RecordingMeta,
        table: RecordedTable,
        problems: Sequence[RecordingProblem],
    ) -> None:
        self.path = path
        self.meta = meta
        self.problems = tuple(problems)
        self._table = table
        self._last = math.inf

    @classmethod
    def open(
        cls, path: str | Path, kpi: Sequence[str] = (), interval_s: float | None = None
    ) -> "Recording":
        """Open the recording at `path`.

        Parameters
        ----------
        path : str or Path
            Folder with `incident.json` and `metrics.csv.gz`, `.csv` or `.parquet`; or such a
            table with a time column `timestamp` or `time`.
        kpi : sequence of str
            Overrides the KPI of `incident.json`.
        interval_s : float, optional
            Overrides its grid, seconds. Without both: the median step of the first 1000 rows.

        Raises
        ------
        RecordingError
            If it cannot be used; lists every problem found.
        """
        log = ProblemLog(Path(path).name)
        recording = prepare(Path(path), kpi, interval_s, log)
        log.raise_if_failed()
        if recording is None:  # pragma: no cover - prepare says why, and raise_if_failed raises
            raise AssertionError(path)
        return recording

    @property
    def names(self) -> tuple[str, ...]:
        """Series, ``<entity>:<metric>``, in the order of the columns."""
        return self._table.columns.names

    def rows(self) -> Iterator[tuple[float, NDArray[np.float64]]]:
        """Yield time (unix seconds, increasing) and values of each row, reading as it goes.

        Values are of shape (n_series,), float64, NaN = missing. Rows that cannot be used are
        left out; `validate` says which.

        Raises
        ------
        RecordingError
            At the place where the file turns out to be broken, after the rows before it.
        """
        log = ProblemLog(self.path.name)
        for _, time, values in self.read(log):
            if time > self._last:
                return
            yield time, values
        log.raise_if_failed()

    def until(self, time: float) -> "Recording":
        """Return the same recording, of which `rows` ends with the last one at or before `time`."""
        part = copy.copy(self)
        part._last = time  # noqa: SLF001 - of our own kind
        return part

    def read(self, log: ProblemLog) -> Iterator[Row]:
        """Yield line, time and values of each usable row; what is wrong goes to `log`."""
        return increasing(self._table.rows(log), self._table.columns, log)


def prepare(
    path: Path, kpi: Sequence[str], interval_s: float | None, log: ProblemLog
) -> Recording | None:
    """Open a recording with all that is wrong going to `log`; None if it has no usable table."""
    meta = RecordingMeta()
    if path.is_dir():
        log.file = LABELS
        meta = read_meta(path / LABELS, log)
    file = _find_table(path, log)
    if file is None:
        return None
    log.file = file.name
    table = _open_table(file, log)
    if table is None:
        return None
    meta = msgspec.structs.replace(
        meta,
        system=meta.system or (path.name if path.is_dir() else path.name.split(".")[0]),
        kpi=_kpi(tuple(kpi) or meta.kpi, table, log),
        interval_s=_interval(interval_s, meta, table, log),
    )
    return Recording(path, meta, table, log.problems())


def _find_table(path: Path, log: ProblemLog) -> Path | None:
    log.file = path.name
    if not path.is_dir():
        if path.exists():
            return path
        log.add("error", "unreadable", f"there is no file or folder {path}", "Check the path")
        return None
    for name in _TABLES:
        if (path / name).exists():
            return path / name
    message = "the folder holds no table"
    log.add("error", "no-table", message, f"Name it {_TABLES[0]}, .csv or .parquet")
    return None


def _open_table(file: Path, log: ProblemLog) -> RecordedTable | None:
    if file.suffix == ".parquet":
        return ParquetTable.open(file, log)
    return CsvTable.open(file, log)


def _kpi(kpi: tuple[str, ...], table: RecordedTable, log: ProblemLog) -> tuple[str, ...]:
    names = table.columns.names
    found = []
    for name in kpi:
        if series_name(name) in names:
            found.append(series_name(name))
            continue
        near = difflib.get_close_matches(name, names, n=1)
        action = f"Perhaps `{near[0]}` is meant" if near else "Name one of the columns"
        log.add("error", "kpi", f"KPI `{name}` is no column", action)
    return tuple(dict.fromkeys(found))


def _interval(
    interval_s: float | None, meta: RecordingMeta, table: RecordedTable, log: ProblemLog
) -> float:
    if interval_s is not None and not 0 < interval_s < float("inf"):
        message = f"interval_s > 0 expected, got {interval_s!r}"
        log.add("error", "interval", message, "Give the seconds between two rows")
        return 0.0
    if interval_s is not None or meta.interval_s > 0:
        return interval_s or meta.interval_s
    unseen = ProblemLog(log.file)
    rows = increasing(table.rows(unseen), table.columns, unseen)
    times = [time for _, time, _ in islice(rows, _ROWS_FOR_INTERVAL)]
    if len(times) < 2:
        message = f"at least 2 rows with a time expected, got {len(times)}"
        log.add("error", "too-few-rows", message, "Check the time column")
        for problem in unseen.problems():
            log.add(problem.severity, problem.rule, problem.message, problem.action)
        return 0.0
    median = float(np.median(np.diff(times)))
    message = f"no interval given; the median step is {median:g} s"
    log.add("info", "interval", message, f"The grid is {median:g} s")
    return median
