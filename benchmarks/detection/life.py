"""The first days of a trigger, and those after a deployment: what is normal is not known yet."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from detection.cost import changed_rows
from detection.ours import watch
from detection.recordings import open_run
from detectors.trigger import Trigger

__all__ = ["deployments", "first_days"]

DAY_S = 86_400
DAYS, STARTS = 7, 5

SERIES, CHANGED, FAULTY = 30, slice(5), slice(10, 13)
BASE_ROWS, DAY_ROWS, HOURS = 2160, 1440, (6, 24)  # rows of a minute
FAULT_SIZE, FAULT_ROWS = 10.0, 120
SEEDS = 8

Rows = NDArray[np.float64]


def first_days(paths: Sequence[Path], jobs: int) -> dict[str, list[dict[str, float]]]:
    """Count false alarms by day of life, of triggers started at five places of each stream.

    Returns
    -------
    dict
        Per data set one row a day: `false_alarms`, `clean_days` in which there could be one.
    """
    work = [(path, start / STARTS) for path in paths for start in range(STARTS)]
    lives = Parallel(n_jobs=jobs, batch_size=1)(delayed(_live)(*one) for one in work)
    found: dict[str, list[dict[str, float]]] = {}
    for dataset in dict.fromkeys(name for name, _, _ in lives):
        alarms = sum(a for name, a, _ in lives if name == dataset)
        clean = sum(c for name, _, c in lives if name == dataset)
        found[dataset] = [
            {"day": day + 1, "false_alarms": float(a), "clean_days": float(c)}
            for day, (a, c) in enumerate(zip(alarms, clean, strict=True))
        ]
    return found


def _live(path: Path, start: float) -> tuple[str, Rows, Rows]:
    """Return the false alarms and the clean days of each day of one trigger's life."""
    run = open_run(path)
    day_rows = round(DAY_S / run.interval_s)
    first = round(start * (len(run.x) - DAYS * day_rows))
    life = slice(first, first + DAYS * day_rows)
    # Without faults to be found it is never re-armed: an alarm that goes on is one.
    run = run._replace(x=run.x[life], adjacent=run.adjacent[life], label=run.label[life], faults=())
    alarms, _, warm, _ = watch(run)
    day = np.arange(len(run.x)) // day_rows
    clean = ~run.label & (np.arange(len(run.x)) >= warm)
    false = [alarm.row for alarm in alarms if clean[alarm.row]]
    return (
        run.dataset,
        np.bincount(day[false], minlength=DAYS).astype(float),
        np.bincount(day[clean], minlength=DAYS) / day_rows,
    )


class Deployment(NamedTuple):
    """A lasting change of five of thirty series."""

    name: str
    change: Callable[[Rows], Rows]  # standardised values, before and after


DEPLOYMENTS = (
    Deployment("level, 6 scales", lambda z: z + 6.0),
    Deployment("level, 30 scales", lambda z: z + 30.0),
    Deployment("level, 100 scales", lambda z: z + 100.0),
    Deployment("spread, 3 times", lambda z: z * 3.0),
    Deployment("spread, 10 times", lambda z: z * 10.0),
)


def deployments(jobs: int) -> list[dict[str, Any]]:
    """Count alarms in three days after a deployment, and faults found 6 and 24 hours after it.

    Thirty series a minute, a base of a day and a half, a fault of ten scales in three series that
    the deployment left alone; a fault is found by an alarm that rises within two hours.
    """
    runs = [
        (kind, seed, hours)
        for kind in range(len(DEPLOYMENTS))
        for seed in range(SEEDS)
        for hours in (None, *HOURS)
    ]
    told = Parallel(n_jobs=jobs)(delayed(_deploy)(*one) for one in runs)
    rows = []
    for kind, deployment in enumerate(DEPLOYMENTS):
        counts = {
            hours: [n for run, n in zip(runs, told, strict=True) if run[::2] == (kind, hours)]
            for hours in (None, *HOURS)
        }
        rows.append(
            {"deployment": deployment.name, "alarms_in_3_days": float(np.mean(counts[None]))}
            | {f"found_after_{hours}_h": int(np.sum(np.sign(counts[hours]))) for hours in HOURS}
            | {"faults": SEEDS}
        )
    return rows


def _deploy(kind: int, seed: int, hours: int | None) -> int:
    """Return the number of alarms after a deployment, or those of a fault some hours later."""
    later = 3 * DAY_ROWS if hours is None else hours * 60

    def change(z: Rows) -> None:
        z[:, CHANGED] = DEPLOYMENTS[kind].change(z[:, CHANGED])
        z[later:, FAULTY] += FAULT_SIZE

    rows = later + (0 if hours is None else FAULT_ROWS)
    x = changed_rows(SERIES, BASE_ROWS, rows, seed, change)
    trigger = Trigger(SERIES, 60.0)
    raised = [t for t, row in enumerate(x) if trigger.update(row).drift_detected]
    return sum(t >= BASE_ROWS + (0 if hours is None else later) for t in raised)
