"""Changes whose first row is known: how well an alarm dates them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from detection.cost import rows_of
from detectors.trigger import Trigger

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
    dated = Parallel(n_jobs=jobs)(delayed(_date)(*run) for run in runs)
    table = []
    for index, change in enumerate(CHANGES):
        mine = [one for (kind, _), one in zip(runs, dated, strict=True) if kind == index]
        found = np.array([one for one in mine if one is not None])
        delay, onset, earliest, latest = found.reshape(-1, 4).T
        table.append(
            {
                "change": change.name,
                "runs": len(mine),
                "found": len(found),
                "inside": int(np.count_nonzero((earliest <= 0) & (latest >= 0))),
            }
            | {
                f"{name}_rows": float(np.median(values)) if len(found) else None
                for name, values in (
                    ("delay", delay),
                    ("error", np.abs(onset)),
                    ("width", latest - earliest),
                )
            }
        )
    return table


def _date(kind: int, seed: int) -> tuple[int, int, int, int] | None:
    """Return delay, onset, and earliest and latest onset of the first alarm, from the first row."""
    start = BASE_ROWS + int(np.random.default_rng(seed).integers(64))
    x = rows_of(SERIES, start + ROWS, seed)
    mean, spread = x[:start].mean(axis=0), x[:start].std(axis=0)
    z = (x - mean) / spread
    CHANGES[kind].apply(z[start:])
    trigger = Trigger(SERIES, 60.0)
    for row, values in enumerate(mean + spread * z, start=-start):
        if row == 0 and trigger.alarm:
            trigger.restart()
        if trigger.update(values).drift_detected and row >= 0:
            earliest, latest = (row - int(rows) for rows in trigger.onset_interval)
            return row, row - trigger.onset_rows, earliest, latest
    return None
