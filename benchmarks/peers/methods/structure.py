"""From known relations of entities to a causal graph of metrics."""

from collections import defaultdict

import numpy as np

from peers.case import Case, entity_of, kind_of

__all__ = ["metric_edges", "moving"]


def metric_edges(case: Case) -> list[tuple[str, str]]:
    """Return edges (cause, effect) between the metrics of a case.

    The structural graph of CIRCA (Li et al. 2022, section 4.1) with the two layers that every
    recording has. Inside an entity its metrics cause its signals, the ones of the KPI's kind;
    along a known edge the signals of the cause do the same to the signals of the effect. An
    entity without such metrics takes part with all it has.
    """
    kinds = {kind_of(name) for name in case.kpi}
    members: dict[str, list[str]] = defaultdict(list)
    for name in case.names:
        members[entity_of(name)].append(name)
    signals = {
        entity: [name for name in names if kind_of(name) in kinds] or names
        for entity, names in members.items()
    }
    edges = {
        (cause, effect)
        for entity, names in members.items()
        for cause in names
        for effect in signals[entity]
        if cause not in signals[entity]
    }
    edges |= {
        (cause, effect)
        for a, b in case.edges
        for cause in signals.get(a, ())
        for effect in signals.get(b, ())
        if a != b
    }
    return sorted(edges)


def moving(case: Case) -> Case:
    """Return the case without the metrics that never move, which learners cannot take."""
    rows = np.vstack([case.base, case.anomalous])
    kept = np.flatnonzero(rows.max(axis=0) > rows.min(axis=0))
    names = tuple(case.names[i] for i in kept)
    return case._replace(
        names=names,
        base=case.base[:, kept],
        anomalous=case.anomalous[:, kept],
        kpi=tuple(name for name in case.kpi if name in names),
    )
