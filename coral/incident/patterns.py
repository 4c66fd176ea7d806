"""Incidents that are not one cause and its consequences: load, loops, several causes at once."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coral.contract.events import Pattern, PatternKind
from coral.incident.policy import VERDICT, VerdictPolicy
from coral.incident.situation import Situation
from coral.text import change, quoted

__all__ = ["patterns"]

Floats = NDArray[np.float64]

NAMED = 5  # series


def patterns(situation: Situation, policy: VerdictPolicy = VERDICT) -> list[Pattern]:
    """Return what kind of incident it is, where one cause does not tell it; usually nothing.

    Parameters
    ----------
    situation : Situation
    policy : VerdictPolicy
    """
    # Retries are load too, so a loop is looked for first.
    for find in (_loop, _load_rise, _several):
        found = find(situation, policy)
        if found is not None:
            return [found]
    return []


def _load_rise(situation: Situation, policy: VerdictPolicy) -> Pattern | None:
    """More work everywhere, and nothing that stands out of it.

    Which series are traffic follows from published naming conventions (`coral.localise.roles`);
    without them a load rise is not recognised.
    """
    layout, ranking = situation.layout, situation.ranking
    scores = ranking.series
    traffic = np.flatnonzero(layout.traffic)
    risen = traffic[scores.level[traffic] >= policy.load_units]
    everywhere, somewhere = set(layout.owner[traffic]), set(layout.owner[risen])
    if len(somewhere) < max(policy.load_entities, policy.load_share * len(everywhere)):
        return None
    if ranking.innovation.max() > policy.stands_out * scores.total[risen].max():
        return None
    ratio = scores.after[risen] / np.where(
        situation.center[risen] > 0, situation.center[risen], np.inf
    )
    order = sorted(
        range(len(risen)), key=lambda i: (-round(float(ratio[i]), 6), layout.names[risen[i]])
    )
    named = [int(risen[i]) for i in order[:NAMED]]
    listed = "; ".join(_changed(situation, series) for series in named[:2])
    text = (
        f"common load rise: traffic rose at {len(somewhere)} of the {len(everywhere)} entities "
        f"that measure it: {listed}. No entity deviates much more than the load itself."
    )
    return _pattern(situation, "common load rise", sorted(somewhere), named, text)


def _loop(situation: Situation, policy: VerdictPolicy) -> Pattern | None:
    """Find what changed before the health signals and is over while they are not back."""
    layout, ranking = situation.layout, situation.ranking
    points = situation.sparklines.after
    last = max(len(points) // policy.last_share, 1)
    if len(points) < policy.least_points or not layout.health_series:
        return None
    unit = np.where(situation.scale > 0, situation.scale, np.inf)
    units: Floats = np.abs(np.nan_to_num((points - situation.center) / unit))
    over = units[-last:].max(axis=0) <= policy.over_units
    went = units[:-last].max(axis=0) > policy.beyond_units
    still = units[-last:].min(axis=0) > policy.beyond_units
    present = np.isfinite(points[-last:]).all(axis=0)
    concerned = ranking.series.sustained >= policy.loop_deviation
    sick = [s for s in layout.health_series if still[s]]
    if not sick:
        return None
    first = np.where(ranking.series.first < 0, ranking.rows, ranking.series.first)
    failed = int(first[sick].min())
    for entity in ranking.order:
        if ranking.innovation[entity] < policy.loop_share * ranking.innovation.max():
            continue
        own = np.flatnonzero((layout.owner == entity) & concerned)
        early = own.size and int(first[own].min()) <= failed
        if early and bool((over & present)[own].all() and went[own].any()):
            return _describe_loop(situation, entity, np.flatnonzero(still).tolist())
    return None


def _describe_loop(situation: Situation, entity: int, still: Sequence[int]) -> Pattern:
    layout, scores = situation.layout, situation.ranking.series
    series = sorted(still, key=lambda s: (-round(float(scores.total[s]), 6), layout.names[s]))
    more = [s for s in series if layout.traffic[s] and scores.level[s] > 0]
    retries = f" Check for retries: {_changed(situation, more[0])}." if more else ""
    listed = ", ".join(quoted(layout.names[s]) for s in series[:NAMED])
    text = (
        f"self-sustaining loop: {quoted(layout.entities[entity])}, which changed first, is back in "
        f"its normal range, but these are not: {listed}. Something else keeps them there.{retries}"
    )
    entities = [entity, *dict.fromkeys(int(layout.owner[s]) for s in series)]
    return _pattern(situation, "self-sustaining loop", entities, series[:NAMED], text)


def _several(situation: Situation, policy: VerdictPolicy) -> Pattern | None:
    """Find a second cause: neither explains the other along the known edges.

    Only where the evidence splits: in logarithms the second cause is nearer to the first than to
    all else that is unexplained. Without known edges nothing tells it from a consequence.
    """
    layout, ranking = situation.layout, situation.ranking
    first, evidence = ranking.order[0], ranking.innovation
    related = set(layout.relations.ravel().tolist())
    if first not in related or ranking.scores[first] <= 0:
        return None
    explained = ranking.explained
    linked = np.maximum(_explained_by(first, explained), _explained_by(first, explained.T))
    own = {
        e: _own_evidence(situation, e) * (1.0 - float(linked[e]))
        for e in ranking.order[1:]
        if e in related
    }
    left = [*sorted(own.items(), key=lambda item: -item[1]), (first, 0.0), (first, 0.0)]
    second = left[0][0]
    height = [math.log1p(value) for value in (evidence[first], left[0][1], left[1][1])]
    if height[1] - height[2] < max(height[0] - height[1], policy.second_split):
        return None
    best = [_strongest(situation, entity) for entity in (first, second)]
    names = " and ".join(quoted(layout.entities[entity]) for entity in (first, second))
    text = f"2 causes: {names}. By the topology neither explains much of the other."
    return _pattern(situation, "several causes", (first, second), best, text)


def _own_evidence(situation: Situation, entity: int) -> float:
    """Evidence of an entity if it rests on what it does to itself, else 0."""
    internal = situation.layout.internal[_strongest(situation, entity)]
    return float(situation.ranking.innovation[entity]) if internal else 0.0


def _explained_by(cause: int, explained: Floats) -> Floats:
    """Share of every entity's evidence that a cause explains along the best path, (n,), 0 .. 1."""
    share = np.zeros(len(explained))
    share[cause] = 1.0
    for _ in range(len(explained)):
        longer = np.maximum(share, (explained * share).max(axis=1, initial=0.0))
        if np.array_equal(longer, share):
            break
        share = longer
    return share


def _strongest(situation: Situation, entity: int) -> int:
    layout, scores = situation.layout, situation.ranking.metric_scores
    own = np.flatnonzero(layout.owner == entity).tolist()
    return int(max(own, key=lambda s: (scores[s], layout.names[s])))


def _changed(situation: Situation, series: int) -> str:
    name, missing = situation.layout.names[series], situation.ranking.series.missing[series]
    before, since = situation.levels(series)
    after = None if math.isnan(since) else since
    growth = situation.kind_of(series) == "counter"
    return f"{quoted(name)} {change(name, before, after, float(missing), growth=growth)}"


def _pattern(
    situation: Situation,
    kind: PatternKind,
    entities: Sequence[int],
    series: Sequence[int],
    text: str,
) -> Pattern:
    layout = situation.layout
    return Pattern(
        kind=kind,
        entities=[layout.entities[e] for e in entities],
        series=[layout.names[s] for s in series],
        text=text,
    )
