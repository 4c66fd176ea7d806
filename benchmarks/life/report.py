"""One life in figures, and several lives in one table."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from life.alerted import breached_at, tell
from life.arrivals import WEEK_S
from life.deployed import change_events
from life.faults import SEVERITIES
from life.frames import matrix_of
from life.opened import Opened
from life.scoring import FaultScore, falsely, in_alarm, score_fault, told_of
from life.series import columns
from life.topology import KPI
from life.watch import Week, watch
from life.world import World, born
from life.yardstick import rolling_medians

__all__ = ["Plan", "figures_of", "live_through", "weeks_of"]

DEPTHS = (1, 3)
SETTLED_WEEK = 2  # the first one in which the engine is expected to know its system


class Plan(NamedTuple):
    """A kind of life: how long, on which grid, how often it breaks, and whether answers matter.

    Of deployments and restarts the engine is told the share `changes`, drawn at random.
    """

    days: float
    interval_s: float
    faults_a_week: float
    seeds: int
    cost_only: bool = False
    changes: float = 0.0


def live_through(seed: int, plan: Plan) -> dict[str, Any]:
    """Simulate one life, let the engine watch it, and score it."""
    world = born(seed, plan.days, plan.interval_s, plan.faults_a_week)
    measured = columns(world)
    opened, weeks = watch(world, measured, change_events(world, plan.changes))
    seconds = plan.days * 86_400.0
    scores = _scores(world, opened)
    told: list[dict[str, Any]] = []
    rule: list[Opened] = []
    if not plan.cost_only:
        health = matrix_of(measured, KPI, len(world.times))
        rule = rolling_medians(world, health)
        for score, fault in zip(scores, world.faults, strict=True):
            row = breached_at(world, health, fault)
            if row is not None:
                answer = tell(world, measured, fault, row)._asdict()
                told.append({"kind": score.kind, "start": score.start} | answer)
    by_rule = _scores(world, rule)
    false = falsely(world.faults, opened, world.benign, seconds)
    return {
        "seed": seed,
        "series_ever": len(measured),
        "weeks": [
            _week(world, scores, opened, false, (number, week)) for number, week in enumerate(weeks)
        ],
        "faults": [
            score._asdict() | {"found_by_rule": rule_score.found}
            for score, rule_score in zip(scores, by_rule, strict=True)
        ],
        "false": false,
        "told": told,
        "false_by_rule": sum(not told_of(world.faults, page.opened) for page in rule),
    }


def _scores(world: World, opened: Sequence[Opened]) -> list[FaultScore]:
    return [
        score_fault(fault, opened, visible=shown)
        for fault, shown in zip(world.faults, world.visible, strict=True)
    ]


def _week(
    world: World,
    scores: Sequence[FaultScore],
    opened: Sequence[Opened],
    false: Sequence[dict[str, Any]],
    numbered: tuple[int, Week],
) -> dict[str, Any]:
    """Return what happened in one week, and what it cost."""
    number, cost = numbered
    span = (number * WEEK_S, min((number + 1) * WEEK_S, float(world.times[-1]) + world.interval_s))
    here = [s for s in scores if span[0] <= s.start < span[1] and s.visible]
    wrong = [f for f in false if span[0] <= 86_400.0 * f["day"] < span[1]]
    return {
        "week": number + 1,
        "share": round((span[1] - span[0]) / WEEK_S, 4),
        "felt": sum(f["felt"] for f in wrong),
        "unfelt": sum(not f["felt"] for f in wrong),
        "in_alarm": round(in_alarm(world.faults, opened, span, felt=False), 5),
        "in_felt_alarm": round(in_alarm(world.faults, opened, span, felt=True), 5),
        "visible": len(here),
        "found": sum(s.found for s in here),
        "first": sum(s.place == 1 for s in here),
        "rows_per_s": round(cost.rows / max(cost.cpu_s, 1e-9), 1),
        **cost._asdict(),
    }


def weeks_of(lives: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the weeks of all lives in one: counts are added up, the rest is a mean."""
    added = ("felt", "unfelt", "visible", "found", "first", "share")
    table = []
    for number in range(max(len(life["weeks"]) for life in lives)):
        rows = [life["weeks"][number] for life in lives if number < len(life["weeks"])]
        held = {name: sum(row[name] for row in rows) for name in added}
        meant = {k: float(np.mean([row[k] for row in rows])) for k in rows[0] if k not in added}
        table.append({k: round(v, 5) for k, v in (meant | held).items()})
    return table


def figures_of(lives: Sequence[dict[str, Any]], name: str) -> dict[str, float]:
    """Return the figures that are tracked from commit to commit, named after the kind of life."""
    weeks = weeks_of(lives)
    first, later = weeks[0], weeks[SETTLED_WEEK - 1 :]
    figures: dict[str, float] = {
        "felt_first_week": first["felt"] / max(first["share"], 1e-9),
        "unfelt_first_week": first["unfelt"] / max(first["share"], 1e-9),
        "in_alarm": float(np.mean([week["in_alarm"] for week in weeks])),
        "rows_per_s_first": first["rows_per_s"],
        "rows_per_s_last": weeks[-1]["rows_per_s"],
        "rss_mb_last": weeks[-1]["rss_mb"],
        "checkpoint_mb_first": first["checkpoint_mb"],
        "checkpoint_mb_last": weeks[-1]["checkpoint_mb"],
        "series_known": weeks[-1]["series_known"],
        "series_alive": weeks[-1]["series_alive"],
    }
    lived = sum(week["share"] for week in later)
    if lived:
        figures["felt_a_week"] = sum(week["felt"] for week in later) / lived
        figures["unfelt_a_week"] = sum(week["unfelt"] for week in later) / lived
    figures |= _faults([fault for life in lives for fault in life["faults"]])
    told = [answer for life in lives for answer in life["told"]]
    figures |= {"told": len(told)} | {f"told_ac@{k}": _within(told, k) for k in DEPTHS}
    every = sum(week["share"] for week in weeks)
    figures["rule_false_a_week"] = sum(life["false_by_rule"] for life in lives) / every
    return {f"{name}_{key}": round(value, 4) for key, value in figures.items()}


def _faults(faults: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Sum up what became of faults."""
    seen = [f for f in faults if f["visible"]]
    found = [f for f in seen if f["found"]]
    likely = [f for f in faults if f["tier"] == "likely"]
    decoyed = [f for f in seen if f["decoy"] is not None]
    figures: dict[str, float] = {
        "faults": len(faults),
        "visible": len(seen),
        "found": len(found),
        "paged": sum(f["paged"] for f in seen),
        "found_by_rule": sum(f["found_by_rule"] for f in seen),
        "invisible_found": sum(f["found"] for f in faults if not f["visible"]),
        "likely": len(likely),
        "likely_right": sum(f["place"] == 1 for f in likely),
        "decoyed": len(decoyed),
        "decoyed_found": sum(f["found"] for f in decoyed),
        "decoyed_first": sum(f["place"] == 1 for f in decoyed),
        "decoy_blamed": sum(f["blamed"] for f in decoyed),
        "median_delay_s": float(np.median([f["delay_s"] for f in found])) if found else 0.0,
        "opened_a_fault": float(np.mean([f["opened"] for f in found])) if found else 0.0,
    }
    figures |= {f"ac@{k}": _within(found, k) for k in DEPTHS}
    for severity in SEVERITIES:
        group = [f for f in seen if f["severity"] == severity]
        key = severity.replace(" ", "_")
        figures |= {f"visible_{key}": len(group), f"found_{key}": sum(f["found"] for f in group)}
    return figures


def _within(answers: Sequence[dict[str, Any]], depth: int) -> float:
    """Return the share of answers with a root among the first."""
    if not answers:
        return 0.0
    hits = [a["place"] is not None and a["place"] <= depth for a in answers]
    return float(np.mean(hits))
