"""From alarms to figures: false alarms, faults found, delay, onset error; pure functions.

A hit is an alarm that rises inside the label. At the first row of a fault every detector is
re-armed: one that is in alarm there forgets the alarm and the evidence for it, and keeps what it
has learned, so that a false alarm before a fault does not decide whether the fault is found. That
false alarm is counted all the same.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from detection.recordings import Run

__all__ = ["Alarm", "Score", "merge_alarms", "poisson_interval", "pool", "score_alarms"]

DAY_S = 86_400.0
# Rows without evidence after which an alarm has ended; the trigger's own rule, given to all.
CALM_ROWS = 8


class Alarm(NamedTuple):
    """One alarm: where it rose, and where the change is said to have begun."""

    row: int
    onset: int | None = None
    channel: str = ""
    interval: tuple[int, int] | None = None  # first and last row at which it may have begun


class Score(NamedTuple):
    """What a detector did on one recording."""

    dataset: str
    case: str
    false: list[Alarm]
    artefacts: int  # alarms at a join that is not the fault, left out
    hits: list[Alarm | None]  # per fault
    starts: list[int]  # first row of each fault
    routine: list[bool]  # per fault: a daily job
    clean_days: float
    clean_rows: int
    quiet_rows: int  # clean rows in alarm
    seconds: float = 0.0


def score_alarms(
    run: Run, alarms: Sequence[Alarm], on: NDArray[np.bool_], *, after: int, seconds: float = 0.0
) -> Score:
    """Judge alarms against the labels.

    Parameters
    ----------
    run : Run
    alarms : sequence of Alarm
        In the order of rows.
    on : ndarray of shape (rows,), bool
        Rows in alarm.
    after : int
        Rows before this one are warm-up: not clean, and faults that start there are left out.
    seconds : float
        What the detector took.
    """
    kept = [i for i, (start, _) in enumerate(run.faults) if start >= after]
    faults = [run.faults[i] for i in kept]
    clean = ~run.label
    clean[:after] = False
    quiet = [alarm for alarm in alarms if alarm.row >= after and not run.label[alarm.row]]
    false = [alarm for alarm in quiet if not run.is_artefact(alarm.row)]
    hits = [
        next((alarm for alarm in alarms if start <= alarm.row < stop), None)
        for start, stop in faults
    ]
    rows = int(np.count_nonzero(clean))
    return Score(
        run.dataset,
        run.case,
        false,
        len(quiet) - len(false),
        hits,
        [start for start, _ in faults],
        [run.routine[i] for i in kept],
        rows * run.interval_s / DAY_S,
        rows,
        int(np.count_nonzero(on & clean)),
        seconds,
    )


def merge_alarms(
    fired: NDArray[np.bool_], restarts: Iterable[int]
) -> tuple[list[Alarm], NDArray[np.bool_]]:
    """Turn rows with evidence into alarms that last until `CALM_ROWS` rows brought none.

    Parameters
    ----------
    fired : ndarray of shape (rows,), bool
    restarts : iterable of int
        Rows at which an alarm that is on is forgotten.

    Returns
    -------
    alarms : list of Alarm
    on : ndarray of shape (rows,), bool
    """
    on = np.zeros(len(fired), dtype=bool)
    alarms: list[Alarm] = []
    edges = sorted({0, len(fired), *(row for row in restarts if row < len(fired))})
    for start, stop in pairwise(edges):
        rows = start + np.flatnonzero(fired[start:stop])
        if not rows.size:
            continue
        rises = rows[np.diff(rows, prepend=-CALM_ROWS - 1) > CALM_ROWS]
        alarms += [Alarm(int(row)) for row in rises]
        for row in rows:
            on[row : min(row + CALM_ROWS, stop)] = True
    return alarms, on


def poisson_interval(count: int, level: float = 0.95) -> tuple[float, float]:
    """Exact central interval of the mean of a Poisson count (Garwood 1936)."""
    tail = (1.0 - level) / 2.0
    low = 0.5 * chi2.ppf(tail, 2 * count) if count else 0.0
    return float(low), float(0.5 * chi2.ppf(1.0 - tail, 2 * count + 2))


def pool(scores: Sequence[Score], *, routine: bool = False) -> dict[str, Any]:
    """Sum up the scores of several recordings; medians over the faults that were found.

    Daily jobs that the source labels as anomalies count as faults only with `routine`; alarms in
    them are never false.
    """
    faults = [
        (start, hit)
        for s in scores
        for start, hit, daily in zip(s.starts, s.hits, s.routine, strict=True)
        if routine or not daily
    ]
    found = [(start, hit) for start, hit in faults if hit is not None]
    onsets = [hit.onset - start for start, hit in found if hit.onset is not None]
    false = sum(len(s.false) for s in scores)
    days = sum(s.clean_days for s in scores)
    low, high = poisson_interval(false)
    rows = sum(s.clean_rows for s in scores)
    return {
        "runs": len(scores),
        "runs_with_false_alarm": sum(bool(s.false) for s in scores),
        "faults": len(faults),
        "found": len(found),
        "median_delay_rows": _median([hit.row - start for start, hit in found]),
        "p90_delay_rows": _quantile([hit.row - start for start, hit in found], 0.9),
        "median_onset_error_rows": _median(onsets),
        "median_absolute_onset_error_rows": _median([abs(error) for error in onsets]),
        "false_alarms": false,
        "artefacts_at_joins": sum(s.artefacts for s in scores),
        "clean_days": round(days, 4),
        "false_alarms_per_day": _rate(false, days),
        "false_alarms_per_day_95": [_rate(low, days), _rate(high, days)],
        "quiet_share_in_alarm": _rate(sum(s.quiet_rows for s in scores), rows),
        "channels_false": _count([a.channel for s in scores for a in s.false]),
        "channels_found": _count([hit.channel for _, hit in found]),
        "seconds": round(sum(s.seconds for s in scores), 2),
    }


def _median(values: Sequence[float]) -> float | None:
    return _quantile(values, 0.5)


def _quantile(values: Sequence[float], q: float) -> float | None:
    return float(np.quantile(values, q)) if values else None


def _rate(count: float, amount: float) -> float | None:
    return round(count / amount, 5) if amount > 0 else None


def _count(names: Iterable[str]) -> dict[str, int]:
    listed = [name for name in names if name]
    return {name: listed.count(name) for name in sorted(set(listed))}
