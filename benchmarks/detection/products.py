"""Pages and changes: what the health signals say, what the trigger says, and both.

The engine's rules without its ranking: a page opens an incident, the trigger opens a change, a
change that a health signal follows becomes an incident, and nothing is learned while one is open.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.config import EngineConfig, SystemConfig
from coral.incident.health_signals import HealthSignals
from detection.recordings import Run
from detectors.trigger import Trigger

__all__ = ["HOW", "Found", "Opened", "products", "products_table", "rolling_median"]

How = Literal["health signals", "trigger", "both", "rolling median"]
HOW: tuple[How, ...] = ("health signals", "trigger", "both", "rolling median")
# The rule to beat: this many rows, this many scales, this many rows in a row.
MEDIAN_ROWS, MEDIAN_SCALES, MEDIAN_HELD = 64, 6.0, 2


class Opened(NamedTuple):
    """An incident or a change: the row that opened it, and the one that was felt, if any."""

    row: int
    felt: int | None


class Found(NamedTuple):
    """What was found on one recording."""

    dataset: str
    case: str
    faults: int
    found: int  # faults with anything opened in them
    paged: int  # faults with a page in them
    delays: list[int]  # rows from the start of a fault until it was found
    false_pages: int
    false_changes: int
    clean_days: float


def opened(run: Run, *, health: bool, trigger: bool) -> list[Opened]:
    """Return what the engine opens on a recording."""
    config = EngineConfig()
    system = SystemConfig(name="system", interval_s=run.interval_s, kpi=run.kpi)
    signals = HealthSignals(system, config.false_alarms_per_week)
    signals.follow(run.names)
    rate = config.changes_per_week if run.kpi and health else config.false_alarms_per_week
    watch = Trigger(run.x.shape[1], run.interval_s, false_alarms_per_week=rate)
    found: list[Opened] = []
    starts = {start for start, _ in run.faults}
    on = False
    for row, x in enumerate(run.x):
        if row in starts and on:  # as in every other table: re-armed at the first row of a fault
            watch.restart()
            signals.restart()
            on = False
        if health:
            signals.update(row * run.interval_s, x, learn=not on)
        if trigger:
            if not run.adjacent[row]:
                watch.break_lags()
            watch.update(x, hold=on or signals.alarm, felt=signals.moving)
        alarm = watch.alarm or signals.alarm
        if not on and (watch.drift_detected or signals.paged is not None):
            found.append(Opened(row, None))
        if alarm and signals.alarm and found and found[-1].felt is None:
            found[-1] = found[-1]._replace(felt=row)
        if watch.alarm and signals.alarm:
            watch.confirm()
            signals.confirm()
        on = alarm
    return found


def rolling_median(run: Run) -> list[Opened]:
    """Return the pages of the rule to beat: a rolling median and a multiple of the MAD."""
    rows: set[int] = set()
    places = [run.names.index(name) for name in run.kpi]
    for x in run.x[:, places].T:
        held = 0
        for row in range(24, len(x)):
            window = x[max(row - MEDIAN_ROWS, 0) : row]
            window = window[np.isfinite(window)]
            if len(window) < 24 or not np.isfinite(x[row]):
                continue
            middle = np.median(window)
            scale = 1.4826 * np.median(np.abs(window - middle))
            held = held + 1 if abs(x[row] - middle) > MEDIAN_SCALES * scale else 0
            if held == MEDIAN_HELD:
                rows.add(row)
    return [Opened(row, row) for row in sorted(rows)]


def products(run: Run, how: How) -> Found:
    """Judge one way of noticing on one recording."""
    if how == "rolling median":
        events = rolling_median(run)
    else:
        events = opened(run, health=how != "trigger", trigger=how != "health signals")
    if how == "trigger" or not run.kpi:
        events = [event._replace(felt=None) for event in events]
    clean = ~run.label
    false = [e for e in events if not run.label[e.row] and not run.is_artefact(e.row)]
    hits = [[e for e in events if start <= e.row < stop] for start, stop in run.faults]
    return Found(
        run.dataset,
        run.case,
        len(run.faults),
        sum(bool(hit) for hit in hits),
        sum(any(e.felt is not None for e in hit) for hit in hits),
        [hit[0].row - start for hit, (start, _) in zip(hits, run.faults, strict=True) if hit],
        sum(e.felt is not None for e in false),
        sum(e.felt is None for e in false),
        float(clean.sum()) * run.interval_s / 86_400.0,
    )


def products_table(found: list[Found]) -> dict[str, dict[str, Any]]:
    """Sum up by data set."""
    table: dict[str, dict[str, Any]] = {}
    for name in sorted({one.dataset for one in found}):
        group = [one for one in found if one.dataset == name]
        days = sum(one.clean_days for one in group)
        pages = sum(one.false_pages for one in group)
        delays: NDArray[np.float64] = np.array([d for one in group for d in one.delays], float)
        table[name] = {
            "runs": len(group),
            "faults": sum(one.faults for one in group),
            "found": sum(one.found for one in group),
            "paged": sum(one.paged for one in group),
            "median_delay_rows": float(np.median(delays)) if delays.size else None,
            "false_pages": pages,
            "false_changes": sum(one.false_changes for one in group),
            "false_pages_per_day": round(
                sum(one.false_pages for one in group) / max(days, 1e-9), 5
            ),
            "clean_days": round(days, 3),
        }
    return table
