"""Changes whose first row is known: how well an alarm dates them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from detection.cost import changed_rows
from detection.ours import watch
from detection.recordings import Run
from detection.scoring import Score, pool, score_alarms

__all__ = ["date_changes"]

SERIES, BASE_ROWS, ROWS = 30, 1440, 240  # rows of a minute
RAMP_ROWS, LAG_ROWS = 20, 4
SEEDS = 40

Rows = NDArray[np.float64]


class Change(NamedTuple):
    """What becomes of the standardised values of all series from its first row on."""

    name: str
    apply: Callable[[Rows], None]  # in place


def _shift(size: float, series: int, first: int = 0) -> Callable[[Rows], None]:
    def apply(z: Rows) -> None:
        z[:, first : first + series] += size

    return apply


def _ramp(size: float, series: int) -> Callable[[Rows], None]:
    def apply(z: Rows) -> None:
        z[:, :series] += size * np.minimum(np.arange(1, len(z) + 1) / RAMP_ROWS, 1.0)[:, None]

    return apply


def _spread(factor: float, series: int) -> Callable[[Rows], None]:
    def apply(z: Rows) -> None:
        z[:, :series] *= factor

    return apply


def _silence(z: Rows) -> None:
    z[:, 0] = np.nan


def _cascade(z: Rows) -> None:
    _shift(6.0, 1)(z)
    _shift(20.0, 6, first=1)(z[LAG_ROWS:])


CHANGES = (
    Change("level of 6 series, 2 scales", _shift(2.0, 6)),
    Change("level of 3 series, 4 scales", _shift(4.0, 3)),
    Change("level of 1 series, 10 scales", _shift(10.0, 1)),
    Change("3 series drift 6 scales in 20 rows", _ramp(6.0, 3)),
    Change("1 series drifts 20 scales in 20 rows", _ramp(20.0, 1)),
    Change("spread of 3 series, 4 times", _spread(4.0, 3)),
    Change("1 series silent", _silence),
    Change("1 series by 6 scales, 6 others by 20 four rows later", _cascade),
)


def date_changes(jobs: int) -> list[dict[str, Any]]:
    """Date changes in thirty autocorrelated series, from a base of a day.

    Returns
    -------
    list of dict
        Per change: `runs`, `found` within four hours, medians in rows of the delay, of the absolute
        onset error and of the interval's width, and `inside`: intervals that hold the first row.
    """
    runs = [(kind, seed) for kind in range(len(CHANGES)) for seed in range(SEEDS)]
    scores = Parallel(n_jobs=jobs)(delayed(_date)(*run) for run in runs)
    table = []
    for index, change in enumerate(CHANGES):
        mine = [score for (kind, _), score in zip(runs, scores, strict=True) if kind == index]
        pooled = pool(mine)
        intervals = [
            (hit.interval[0] - score.starts[0], hit.interval[1] - score.starts[0])
            for score in mine
            for hit in score.hits
            if hit is not None and hit.interval is not None
        ]
        widths = [latest - earliest for earliest, latest in intervals]
        table.append(
            {
                "change": change.name,
                "runs": pooled["runs"],
                "found": pooled["found"],
                "inside": sum(earliest <= 0 <= latest for earliest, latest in intervals),
                "delay_rows": pooled["median_delay_rows"],
                "error_rows": pooled["median_absolute_onset_error_rows"],
                "width_rows": float(np.median(widths)) if widths else None,
            }
        )
    return table


def _date(kind: int, seed: int) -> Score:
    """Score the trigger on one recording, of which the change is the fault."""
    start = BASE_ROWS + int(np.random.default_rng(seed).integers(64))
    x = changed_rows(SERIES, start, ROWS, seed, CHANGES[kind].apply)
    run = Run(
        dataset="made",
        case=CHANGES[kind].name,
        interval_s=60.0,
        x=x,
        adjacent=np.ones(len(x), dtype=bool),
        label=np.arange(len(x)) >= start,
        faults=((start, len(x)),),
        routine=(False,),
        changes=(start,),
        join=None,
        stream=True,
    )
    alarms, on, warm, seconds = watch(run)
    return score_alarms(run, alarms, on, after=warm, seconds=seconds)
