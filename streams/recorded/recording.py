"""A recorded incident, opened: labels, names, and rows one after another."""

import copy
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.recorded.meta import RecordingMeta, check_topology, read_meta
from streams.recorded.problem import ProblemLog, RecordingError, RecordingProblem
from streams.recorded.series import Selection, select
from streams.recorded.shapes import open_table
from streams.recorded.survey import Rates, Survey, survey
from streams.recorded.table import RecordedTable, increasing

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
        What was noticed on opening, which reads the file once; errors are those at which `rows`
        ends. `validate` adds what is wrong with the labels.
    survey : Survey
        Of the rows of the file, all of its series.

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
        selection: Selection,
        facts: Survey,
    ) -> None:
        self.path = path
        self.meta = meta
        self.problems: tuple[RecordingProblem, ...] = ()
        self.survey = facts
        self._table = table
        self._selection = selection
        self._last = math.inf

    @classmethod
    def open(
        cls,
        path: str | Path,
        kpi: Sequence[str] = (),
        interval_s: float | None = None,
        *,
        keep_counters: bool = False,
    ) -> "Recording":
        """Open the recording at `path`.

        Parameters
        ----------
        path : str or Path
            Folder with `incident.json` and `metrics.csv.gz`, `.csv` or `.parquet`; or a table in
            any shape that `shapes.open_table` knows.
        kpi : sequence of str
            Overrides the KPI of `incident.json`.
        interval_s : float, optional
            Overrides its grid, seconds. Without both: the median step of the first 1000 rows.
        keep_counters : bool
            Whether series that are counted up stay as they are; otherwise their rates a second
            are read.

        Raises
        ------
        RecordingError
            If it cannot be used; lists every problem found.
        """
        log, rows = ProblemLog(Path(path).name), ProblemLog(Path(path).name)
        how = How(tuple(kpi), interval_s, keep_counters=keep_counters)
        recording = prepare(Path(path), how, log, rows)
        unusable = log.failed
        log.take(rows)
        if unusable or recording is None:
            raise RecordingError(log.problems())
        recording.problems = tuple(log.problems())
        return recording

    @property
    def names(self) -> tuple[str, ...]:
        """Series, ``<entity>:<metric>``, in the order of the columns."""
        return self._selection.names

    def rows(self) -> Iterator[tuple[float, NDArray[np.float64]]]:
        """Yield time (unix seconds, increasing) and values of each row, reading as it goes.

        Values are of shape (n_series,), float64, NaN = missing. Rows that cannot be used are
        left out; `problems` say which.

        Raises
        ------
        RecordingError
            At the place where the file turns out to be broken, after the rows before it.
        """
        log = ProblemLog(self.path.name)
        rates, kept = Rates(self._selection.rates), self._selection.kept
        for row in increasing(self._table.rows(log), self._table.columns, log):
            if row.time > self._last:
                return
            yield row.time, rates.apply(row).values[kept]
        log.raise_if_failed()

    def until(self, time: float) -> "Recording":
        """Return the same recording, of which `rows` ends with the last one at or before `time`."""
        part = copy.copy(self)
        part._last = time  # noqa: SLF001 - of our own kind
        return part


class How(NamedTuple):
    """What the user says on a recording.

    Attributes
    ----------
    kpi : tuple of str
        Overrides the health signals of the labels.
    interval_s : float or None
        Overrides their grid, seconds.
    keep_counters : bool
    """

    kpi: tuple[str, ...] = ()
    interval_s: float | None = None
    keep_counters: bool = False


def prepare(path: Path, how: How, log: ProblemLog, rows: ProblemLog) -> Recording | None:
    """Open a recording; None if it has no usable table.

    All that is wrong goes to `log`, and what is wrong with its rows to `rows`: they can be read
    up to the place where they are broken.
    """
    meta = RecordingMeta()
    if path.is_dir():
        log.file = LABELS
        meta = read_meta(path / LABELS, log)
    file = _find_table(path, log)
    if file is None:
        return None
    log.file = rows.file = file.name
    table = open_table(file, log)
    if table is None:
        return None
    facts = survey(table, rows)
    keep = how.keep_counters or meta.counters == "keep"
    selection = select(table.columns, facts, log, keep_counters=keep)
    meta = msgspec.structs.replace(
        meta,
        system=meta.system or (path.name if path.is_dir() else path.name.split(".")[0]),
        kpi=selection.health_signals(how.kpi or meta.kpi, log),
        interval_s=_interval(how.interval_s, meta, facts, log),
    )
    log.file = LABELS
    check_topology(meta, selection.names, log)
    log.file = file.name
    return Recording(path, meta, table, selection, facts)


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


def _interval(
    interval_s: float | None, meta: RecordingMeta, facts: Survey, log: ProblemLog
) -> float:
    if interval_s is not None and not 0 < interval_s < float("inf"):
        message = f"interval_s > 0 expected, got {interval_s!r}"
        log.add("error", "interval", message, "Give the seconds between two rows")
        return 0.0
    if interval_s is not None or meta.interval_s > 0:
        return interval_s or meta.interval_s
    times = facts.times[:_ROWS_FOR_INTERVAL]
    if len(times) < 2:
        message = f"at least 2 rows with a time expected, got {len(times)}"
        log.add("error", "too-few-rows", message, "Check the time column")
        return 0.0
    median = float(np.median(np.diff(times)))
    message = f"no interval given; the median step is {median:g} s"
    log.add("info", "interval", message, f"The grid is {median:g} s")
    return median
