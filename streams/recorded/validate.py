"""Says in words what is wrong with a recording: line, column, why, and what to do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from streams.recorded.meta import RecordingMeta, check_labels
from streams.recorded.problem import ProblemLog, RecordingProblem
from streams.recorded.recording import LABELS, How, Recording, prepare
from streams.recorded.survey import Survey

_FEW_ROWS: Final = 30
_GAP: Final = 1.5  # intervals
_INTERVAL_TOLERANCE: Final = 0.01
_MUCH_DROPPED: Final = 0.5


def validate(
    path: str | Path,
    kpi: Sequence[str] = (),
    interval_s: float | None = None,
    *,
    keep_counters: bool = False,
) -> list[RecordingProblem]:
    r"""Return everything worth knowing about the recording at `path`, errors first.

    Takes the same arguments as `Recording.open` and reads the whole recording with the same
    reader. Raises nothing, whatever the files hold.

    Examples
    --------
    >>> print(*validate("no-such-folder"), sep="\n")
    error: no-such-folder: there is no file or folder no-such-folder. Check the path. [unreadable]
    """
    log, rows = ProblemLog(Path(path).name), ProblemLog(Path(path).name)
    how = How(tuple(kpi), interval_s, keep_counters=keep_counters)
    recording = prepare(Path(path), how, log, rows)
    if recording is None:
        return log.problems()
    log.take(rows)
    facts = recording.survey
    _check_rows(facts, log)
    _check_times(facts, recording.meta, log)
    _check_columns(facts, recording, log)
    log.file = LABELS
    _check_sizes(facts, recording.meta, log)
    check_labels(recording.meta, recording.names, log)
    return log.problems()


def _check_rows(facts: Survey, log: ProblemLog) -> None:
    rows = len(facts.times)
    if rows == 0:
        log.add("error", "too-few-rows", "no row can be used", "Check the time column")
    elif rows < _FEW_ROWS:
        message = f"only {rows} rows can be used"
        action = f"Give at least {_FEW_ROWS}: the normal state is learned from the first ones"
        log.add("warning", "too-few-rows", message, action)
    dropped = log.count("time-order") + log.count("time-repeated")
    if dropped > _MUCH_DROPPED * (rows + dropped):
        message = f"{dropped} of {rows + dropped} rows are not later than an earlier one"
        action = "Sort the file by time, and remove rows whose time is far ahead"
        log.add("error", "time-order-lost", message, action)


def _check_times(facts: Survey, meta: RecordingMeta, log: ProblemLog) -> None:
    times, interval = facts.times, meta.interval_s
    if len(times) == 0:
        return
    steps = np.diff(times)
    if len(steps) == 0 or interval <= 0:
        return
    median = float(np.median(steps))
    if abs(median - interval) > _INTERVAL_TOLERANCE * interval:
        message = f"interval_s is {interval:g}, the median step {median:g} s"
        action = f"CORAL uses {interval:g} s; correct interval_s if this is not wanted"
        log.add("warning", "interval", message, action)
    gaps = np.flatnonzero(steps > _GAP * interval)
    if len(gaps):
        widest = int(gaps[np.argmax(steps[gaps])])
        message = f"{len(gaps)} gaps in time, the widest {steps[widest]:g} s after this line"
        action = "No frames are made for a gap; nothing is filled in"
        log.add("warning", "gap", message, action, line=int(facts.lines[widest]))


def _check_sizes(facts: Survey, meta: RecordingMeta, log: ProblemLog) -> None:
    rows = len(facts.times)
    if meta.n_rows and meta.n_rows != rows:
        message = f"the label says {meta.n_rows} rows, {rows} can be used"
        log.add("warning", "row-count", message, "The file counts; correct the label")
    if meta.n_metrics and meta.n_metrics != len(facts.present):
        message = f"the label says {meta.n_metrics} metrics, the file has {len(facts.present)}"
        log.add("warning", "metric-count", message, "The file counts; correct the label")
    if not rows:
        return
    times = facts.times
    outside = [
        at
        for at in (meta.fault_start, *(fault.start for fault in meta.faults))
        if at is not None and not times[0] <= at <= times[-1] + meta.interval_s
    ]
    for at in outside:
        message = f"fault start {at:.10g} is outside of {times[0]:.10g}..{times[-1]:.10g}"
        log.add("warning", "fault-start", message, "Delays cannot be judged; correct the label")


def _check_columns(facts: Survey, recording: Recording, log: ProblemLog) -> None:
    rows = len(facts.times)
    if rows == 0:
        return
    names = facts.names
    empty = [i for i in range(len(names)) if facts.present[i] == 0]
    constant = np.flatnonzero((facts.present > 0) & (facts.low == facts.high))
    for i in empty:
        action = "It takes no part; drop it, or repair the recording of it"
        log.add("warning", "empty-column", "column without any value", action, column=names[i])
    if len(constant):
        message = (
            f"{len(constant)} of {len(names)} columns never change, e.g. `{names[constant[0]]}`"
        )
        log.add("info", "constant-column", message, "They count once they change")
    missing = rows * len(names) - int(facts.present.sum())
    if missing:
        worst = int(np.argmin(facts.present))
        share = 100.0 * missing / (rows * len(names))
        message = (
            f"{share:.3g} % of the cells are missing, most in `{names[worst]}` "
            f"({rows - int(facts.present[worst])} of {rows})"
        )
        log.add("info", "missing", message, "They stay missing; nothing is filled in")
    if not recording.meta.kpi:
        message = "no KPI is given"
        log.add("info", "no-kpi", message, "Name the series that show the health of the system")
