"""Every detector at every setting, and the curves that follow from it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.care import CareEvents, care_events, care_score
from detection.nab import NabParts, clock_parts, nab_parts, nab_score
from detection.ours import watch
from detection.peers import PEERS, prepare
from detection.recordings import CASE_GROUP, CASES, STREAMS, Run, open_run
from detection.scoring import Alarm, Score, merge_alarms, pool, score_alarms

__all__ = ["OURS", "Swept", "best_below", "care_table", "curves", "nab_table", "sweep"]

OURS = "CORAL"
BUDGETS = (0.1, 1.0, 5.0, 20.0, 100.0)
# A detector that is in alarm all the time raises few: such settings are no detectors.
MOST_QUIET_SHARE = 0.05


class Swept(NamedTuple):
    """One detector at one setting on one recording."""

    method: str
    setting: float
    score: Score
    care: CareEvents | None
    nab: NabParts | None
    clock: NabParts | None


def sweep(path: Path) -> list[Swept]:
    """Run all detectors over one recording; nobody is judged on its warm-up."""
    run = open_run(path)
    z = prepare(run)
    # An alarm that is on when the judged part begins is one that rises there.
    restarts = [run.warmup, *(start for start, _ in run.faults)]
    found = []
    for budget in BUDGETS:
        alarms, on, *_ = watch(run, false_alarms_per_week=budget)
        found.append(_swept(run, OURS, budget, alarms, on))
    for name, peer in PEERS.items():
        fired = peer.fire(z, run.warmup, peer.settings)
        for setting, rows in zip(peer.settings, fired, strict=True):
            found.append(_swept(run, name, float(setting), *merge_alarms(rows, restarts)))
    return found


def _swept(
    run: Run, method: str, setting: float, alarms: list[Alarm], on: NDArray[np.bool_]
) -> Swept:
    score = score_alarms(run, alarms, on, after=run.warmup)
    care = care_events(run, on, after=run.warmup) if run.stream else None
    if run.dataset != "skab":
        return Swept(method, setting, score, care, None, None)
    rows = [alarm.row for alarm in alarms if alarm.row >= run.warmup]
    clock = clock_parts(run, len(rows), after=run.warmup)
    return Swept(method, setting, score, care, nab_parts(run, rows), clock)


def _settings(swept: Sequence[Swept]) -> dict[str, list[float]]:
    methods = dict.fromkeys(s.method for s in swept)
    return {m: sorted({s.setting for s in swept if s.method == m}) for m in methods}


def curves(swept: Sequence[Swept]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Per group of recordings and method: one point a setting.

    Groups are the streams, one each, and the cases together.
    """
    groups = {name: (name,) for name in STREAMS} | {CASE_GROUP: CASES}
    settings = _settings(swept)
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for group, datasets in groups.items():
        chosen = [s for s in swept if s.score.dataset in datasets]
        if chosen:
            found[group] = {
                method: [_point(chosen, method, value) for value in values]
                for method, values in settings.items()
            }
    return found


def _point(swept: Sequence[Swept], method: str, setting: float) -> dict[str, Any]:
    scores = [s.score for s in swept if s.method == method and s.setting == setting]
    pooled = pool(scores)
    wanted = ("faults", "found", "median_delay_rows", "false_alarms", "false_alarms_per_day")
    point = {"setting": setting} | {name: pooled[name] for name in wanted}
    point["alarmed_share"] = round(pooled["runs_with_false_alarm"] / max(pooled["runs"], 1), 4)
    point["quiet_share"] = pooled["quiet_share_in_alarm"]
    point["admitted"] = (pooled["quiet_share_in_alarm"] or 0.0) <= MOST_QUIET_SHARE
    return point


def best_below(points: Sequence[dict[str, Any]], key: str, limit: float) -> dict[str, Any] | None:
    """Return the admitted point with most faults found whose rate is at most `limit`."""
    allowed = [p for p in points if p["admitted"] and p[key] <= limit]
    return max(allowed, key=lambda p: p["found"], default=None)


def care_table(swept: Sequence[Swept], budget: float = 1.0) -> dict[str, dict[str, Any]]:
    """CARE of every method over the streams, at the false-alarm rate of ours or the next lower."""
    streams = [s for s in swept if s.care is not None and s.score.dataset in STREAMS]
    if not streams:
        return {}
    points = {
        method: [_point(streams, method, value) for value in values]
        for method, values in _settings(streams).items()
    }
    ours = next(p for p in points[OURS] if p["setting"] == budget)
    table = {}
    for method, listed in points.items():
        point = ours
        if method != OURS:
            rate = ours["false_alarms_per_day"]
            # None is as quiet as ours: the quietest one then.
            point = best_below(listed, "false_alarms_per_day", rate) or min(
                listed, key=lambda p: p["false_alarms_per_day"]
            )
        parts = [s.care for s in streams if (s.method, s.setting) == (method, point["setting"])]
        table[method] = care_score([p for p in parts if p is not None]) | {
            name: point[name] for name in ("setting", "found", "false_alarms_per_day")
        }
    return table


def nab_table(swept: Sequence[Swept]) -> dict[str, list[dict[str, Any]]]:
    """NAB score on SKAB per method and setting, each beside the clock with as many alarms."""
    chosen = [s for s in swept if s.nab is not None]
    table: dict[str, list[dict[str, Any]]] = {}
    for method, values in _settings(chosen).items():
        table[method] = []
        for value in values:
            same = [s for s in chosen if (s.method, s.setting) == (method, value)]
            parts = [s.nab for s in same if s.nab]
            table[method].append(
                {
                    "setting": value,
                    "alarms": sum(part.alarms for part in parts),
                    "nab": nab_score(parts),
                    "clock": nab_score([s.clock for s in same if s.clock]),
                }
            )
    return table
