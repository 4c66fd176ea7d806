"""Incidents that are not one cause and its consequences: load, loops, several causes at once."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coral.contract.events import Pattern, PatternKind
from coral.incident.situation import Situation
from coral.text import change, quoted

__all__ = ["patterns"]

Floats = NDArray[np.float64]

# Traffic rose at an entity from this mean deviation on, in units of a third of its usual range ...
LOAD_UNITS = 1.0
# ... and everywhere, when it did at this share of the entities that report traffic, two at least.
LOAD_SHARE = 0.75
# A cause stands out of a load rise when its evidence is this many times that of the load itself.
STANDS_OUT = 2.0
# The last quarter of the points of an incident say whether something is over.
LAST_SHARE, LEAST_POINTS = 4, 8
# In units: a series within is over, one that went beyond was concerned, and still is beyond it.
OVER_UNITS, BEYOND_UNITS = 1.5, 3.0
NAMED = 5  # series
# In words, a series is surprising from this surprise on.
SURPRISING = math.log(1.5)
# Whoever began a loop has this share of the best evidence at least.
COMPARABLE = 1 / 3
# A second cause is this far above any third at least, in logarithms of the evidence.
SPLIT = math.log(2.0)


def patterns(situation: Situation) -> list[Pattern]:
    """Return what kind of incident it is, where one cause does not tell it; usually nothing.

    Parameters
    ----------
    situation : Situation
    """
    # Retries are load too, so a loop is looked for first.
    for find in (_loop, _load_rise, _several):
        found = find(situation)
        if found is not None:
            return [found]
    return []


def _load_rise(situation: Situation) -> Pattern | None:
    """More work everywhere, and nothing that stands out of it.

    Which series are traffic follows from published naming conventions (`coral.localise.roles`);
    without them a load rise is not recognised.
    """
    layout, ranking = situation.layout, situation.ranking
    surprise = ranking.series
    traffic = np.flatnonzero(layout.traffic)
    risen = traffic[surprise.level[traffic] >= LOAD_UNITS]
    everywhere, somewhere = set(layout.owner[traffic]), set(layout.owner[risen])
    if len(somewhere) < max(2.0, LOAD_SHARE * len(everywhere)):
        return None
    if ranking.innovation.max() > STANDS_OUT * surprise.total[risen].max():
        return None
    ratio = surprise.after[risen] / np.where(
        situation.center[risen] > 0, situation.center[risen], np.inf
    )
    order = sorted(
        range(len(risen)), key=lambda i: (-round(float(ratio[i]), 6), layout.names[risen[i]])
    )
    named = [int(risen[i]) for i in order[:NAMED]]
    said = "; ".join(_changed(situation, series) for series in named[:2])
    text = (
        f"common load rise: more traffic at {len(somewhere)} of the {len(everywhere)} entities "
        f"that report it ({said}), and no entity stands out of that."
    )
    return _pattern(situation, "common load rise", sorted(somewhere), named, text)


def _loop(situation: Situation) -> Pattern | None:
    """Find what changed before the health signals and is over while they are not back."""
    layout, ranking = situation.layout, situation.ranking
    points = situation.courses.after
    last = max(len(points) // LAST_SHARE, 1)
    if len(points) < LEAST_POINTS or not layout.health_series:
        return None
    unit = np.where(situation.scale > 0, situation.scale, np.inf)
    units: Floats = np.abs(np.nan_to_num((points - situation.center) / unit))
    over = units[-last:].max(axis=0) <= OVER_UNITS
    went = units[:-last].max(axis=0) > BEYOND_UNITS
    still = units[-last:].min(axis=0) > BEYOND_UNITS
    present = np.isfinite(points[-last:]).all(axis=0)
    concerned = ranking.series.sustained >= SURPRISING
    sick = [s for s in layout.health_series if still[s]]
    if not sick:
        return None
    first = np.where(ranking.series.first < 0, ranking.rows, ranking.series.first)
    failed = int(first[sick].min())
    for entity in ranking.order:
        if ranking.innovation[entity] < COMPARABLE * ranking.innovation.max():
            continue
        own = np.flatnonzero((layout.owner == entity) & concerned)
        early = own.size and int(first[own].min()) <= failed
        if early and bool((over & present)[own].all() and went[own].any()):
            return _told_loop(situation, entity, np.flatnonzero(still).tolist())
    return None


def _told_loop(situation: Situation, entity: int, still: Sequence[int]) -> Pattern:
    layout, surprise = situation.layout, situation.ranking.series
    series = sorted(still, key=lambda s: (-round(float(surprise.total[s]), 6), layout.names[s]))
    more = [s for s in series if layout.traffic[s] and surprise.level[s] > 0]
    retries = f" Traffic is up ({_changed(situation, more[0])}): retries?" if more else ""
    listed = ", ".join(quoted(layout.names[s]) for s in series[:NAMED])
    text = (
        f"self-sustaining loop: {quoted(layout.entities[entity])} is back in its normal range, but "
        f"the symptoms stay ({listed}); what began it does not keep it going.{retries}"
    )
    entities = [entity, *dict.fromkeys(int(layout.owner[s]) for s in series)]
    return _pattern(situation, "self-sustaining loop", entities, series[:NAMED], text)


def _several(situation: Situation) -> Pattern | None:
    """Peel: what known edges do not let the first cause explain, nor it the first, is another.

    Only where the evidence splits: in logarithms the second cause is nearer to the first than to
    all else that is unexplained. Without known edges nothing tells it from a consequence.
    """
    layout, ranking = situation.layout, situation.ranking
    first, evidence = ranking.order[0], ranking.innovation
    related = set(layout.relations.ravel().tolist())
    if first not in related or ranking.scores[first] <= 0:
        return None
    explained = ranking.explained
    linked = np.maximum(_reach(explained, first), _reach(explained.T, first))
    own = {
        e: _own_evidence(situation, e) * (1.0 - float(linked[e]))
        for e in ranking.order[1:]
        if e in related
    }
    left = [*sorted(own.items(), key=lambda item: -item[1]), (first, 0.0), (first, 0.0)]
    second = left[0][0]
    height = [math.log1p(value) for value in (evidence[first], left[0][1], left[1][1])]
    if height[1] - height[2] < max(height[0] - height[1], SPLIT):
        return None
    best = [_strongest(situation, entity) for entity in (first, second)]
    said = "; ".join(_changed(situation, series) for series in best)
    names = " and ".join(quoted(layout.entities[entity]) for entity in (first, second))
    text = f"2 causes: {names} ({said}); no known edge lets one explain the other."
    return _pattern(situation, "several causes", (first, second), best, text)


def _own_evidence(situation: Situation, entity: int) -> float:
    """Evidence of an entity if it rests on what it does to itself, else 0."""
    internal = situation.layout.internal[_strongest(situation, entity)]
    return float(situation.ranking.innovation[entity]) if internal else 0.0


def _reach(explained: Floats, cause: int) -> Floats:
    """Share of every entity's evidence that a cause explains along the best path, (n,), 0 .. 1."""
    reach = np.zeros(len(explained))
    reach[cause] = 1.0
    for _ in range(len(explained)):
        further = np.maximum(reach, (explained * reach).max(axis=1, initial=0.0))
        if np.array_equal(further, reach):
            break
        reach = further
    return reach


def _strongest(situation: Situation, entity: int) -> int:
    layout, scores = situation.layout, situation.ranking.metric_scores
    own = np.flatnonzero(layout.owner == entity).tolist()
    return int(max(own, key=lambda s: (scores[s], layout.names[s])))


def _changed(situation: Situation, series: int) -> str:
    surprise, name = situation.ranking.series, situation.layout.names[series]
    after = float(surprise.after[series])
    said = change(
        float(situation.center[series]),
        None if math.isnan(after) else after,
        float(surprise.missing[series]),
    )
    return f"{quoted(name)} {said}"


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
