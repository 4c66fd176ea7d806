"""One wild series among ordinary ones: what it does to the limits, and to a planted fault."""

from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from detection.cost import rows_of
from detectors.trigger import Trigger

__all__ = ["KINDS", "wild_table"]

Floats = NDArray[np.float64]
KINDS = (
    "heavy-tailed",
    "stepping",
    "sparse",
    "counting",
    "constant",
    "huge",
    "one burst",
    "one small step",
)
SERIES = (40, 1000)
BASE_ROWS, FAULT_ROWS, FAULT_SCALES = 400, 30, 6.0
SEEDS = (0, 1, 2)
# A gate that only confirms has no limit of its own to be judged by.
GATE = "novelty"


def wild(kind: str, rows: int, seed: int) -> Floats:
    """Return one wild series."""
    rng = np.random.default_rng(seed)
    noise, at = rng.normal(size=rows), np.arange(rows)
    match kind:
        case "heavy-tailed":
            return rng.standard_cauchy(size=rows)
        case "stepping":
            return np.asarray(np.cumsum((rng.random(rows) < 1 / 150) * noise * 50) + 0.02 * noise)
        case "sparse":
            return np.where(rng.random(rows) < 0.01, 10 * rng.exponential(size=rows), 0.0)
        case "counting":
            return np.cumsum(rng.poisson(5, size=rows)).astype(float)
        case "constant":
            return np.full(rows, 7.0)
        case "huge":
            return np.asarray(1e12 * (1.0 + 1e-3 * noise))
        case "one burst":
            return noise + np.where(np.abs(at - BASE_ROWS // 3) <= 1, 1e4, 0.0)
        case _:  # the virtual memory of a process
            wiggle = 2e4 * (rng.random(rows) < 0.3) * noise
            return np.asarray(1e8 + wiggle + np.where(at >= BASE_ROWS // 2, 1e6, 0.0))


def one(n: int, kind: str | None, seed: int) -> tuple[Floats, int | None, int]:
    """Return the limits at the fault, the rows until it is found, and the alarms before."""
    x = rows_of(n, BASE_ROWS + FAULT_ROWS, seed)
    x[BASE_ROWS:, : int(np.ceil(np.sqrt(n)))] += FAULT_SCALES * x[:BASE_ROWS].std()
    if kind is not None:
        x = np.column_stack([x, wild(kind, len(x), seed)])
    trigger = Trigger(x.shape[1], 60.0)
    alarms = 0
    for row in x[:BASE_ROWS]:
        alarms += trigger.update(row).drift_detected
    limits = trigger.thresholds
    if trigger.alarm:
        trigger.restart()
    delay = next(
        (t for t, row in enumerate(x[BASE_ROWS:]) if trigger.update(row).drift_detected), None
    )
    return limits, delay, alarms


def wild_table(jobs: int) -> list[dict[str, Any]]:
    """Compare a system with one wild series with the same system without it."""
    rows = []
    for n in SERIES:
        work = [(kind, seed) for kind in (None, *KINDS) for seed in SEEDS]
        done = Parallel(n_jobs=jobs)(delayed(one)(n, kind, seed) for kind, seed in work)
        found = dict(zip(work, done, strict=True))
        names = Trigger(n, 60.0).names
        judged = [i for i, name in enumerate(names) if name != GATE]
        for kind in KINDS:
            ratios, later = [], []
            for seed in SEEDS:
                (limits, delay, _), (usual, before, _) = found[kind, seed], found[None, seed]
                ratios.append((limits / usual)[judged])
                if before is not None:
                    later.append(FAULT_ROWS if delay is None else delay - before)
            worst = np.fmax.reduce(ratios)  # NaN: no limit yet
            rows.append(
                {
                    "series": n,
                    "wild": kind,
                    "worst_ratio": round(float(np.nanmax(worst)), 3),
                    "statistic": names[judged[int(np.nanargmax(worst))]],
                    "rows_later": max(later),
                    "alarms_before": sum(found[kind, seed][2] for seed in SEEDS),
                }
            )
    return rows
