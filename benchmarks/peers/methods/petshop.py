"""The two graph baselines of the PetShop benchmark (Hardt et al. 2024), from their formulas.

Both look at one kind of metric, the KPI's; with several KPIs an entity keeps its best score. Both
name nothing where the KPI itself is not anomalous.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import pearsonr

from peers.case import Case, entity_of, kind_of, of_kinds

__all__ = ["ranked_correlation", "traversal"]

Floats = NDArray[np.float64]
# An anomaly is further from the median than this many scaled median absolute deviations.
THRESHOLD = 5.0
MAD_TO_SIGMA = 0.6744897501960817
# The benchmark looks at the third row of the incident first.
FIRST_ROW = 2


def ranked_correlation(case: Case) -> dict[str, float]:
    """Anomalous entities by the p-value of their correlation with the KPI inside the fault."""
    best: dict[str, float] = {}
    for target, view, anomalies in _targets(case):
        series = _series(view, view.anomalous)
        for entity in anomalies:
            x, y = series[entity], series[target]
            if entity != target and len(x) > 2 and np.ptp(x) > 0.0 and np.ptp(y) > 0.0:
                score = -float(pearsonr(x, y).pvalue)
                best[entity] = max(best.get(entity, -np.inf), score)
    return best


def traversal(case: Case) -> dict[str, float]:
    """Anomalous entities without anomalous causes, by the anomaly on their way to the KPI."""
    best: dict[str, float] = {}
    for target, _, anomalies in _targets(case):
        effects: dict[str, set[str]] = {entity: set() for entity in anomalies}
        caused = set()
        for cause, effect in case.edges:
            if cause in anomalies and effect in anomalies and cause != effect:
                effects[cause].add(effect)
                caused.add(effect)
        for root in set(anomalies) - caused:
            scores = [sum(anomalies[e] for e in path) for path in _paths(effects, [root], target)]
            if scores:
                best[root] = max(best.get(root, -np.inf), *scores)
    return best


def _targets(case: Case) -> Iterator[tuple[str, Case, dict[str, float]]]:
    """Yield every anomalous KPI's entity, the case in its kind of metric, and the anomalies."""
    for name in case.kpi:
        view = of_kinds(case, {kind_of(name)})
        target = entity_of(name)
        z = _distance(view)
        at = view.names.index(name)
        start = min(FIRST_ROW, len(z) - 1)
        rows = np.flatnonzero(z[start:, at] > THRESHOLD)
        if len(rows):
            found = zip(view.names, z[start + rows[0]].tolist(), strict=True)
            yield target, view, {entity_of(n): score for n, score in found if score > THRESHOLD}


def _distance(case: Case) -> Floats:
    """Return distances from the median of the base; a metric that never moved counts from its mean.

    Such a metric has no scale; any change of it is an anomaly (threshold 0 in the benchmark), so
    it is lifted above the threshold.
    """
    median = np.median(case.base, axis=0)
    mad = np.median(np.abs(case.base - median), axis=0) / MAD_TO_SIGMA
    away = np.abs(case.anomalous - median)
    still = case.base.max(axis=0) == case.base.min(axis=0)
    z = away / np.where(mad > 0.0, mad, np.finfo(np.float64).eps)
    return np.where(still, np.where(away > 0.0, THRESHOLD + away, 0.0), z)


def _series(case: Case, rows: Floats) -> dict[str, Floats]:
    return {entity_of(name): rows[:, i] for i, name in enumerate(case.names)}


def _paths(effects: dict[str, set[str]], path: list[str], target: str) -> Iterator[list[str]]:
    """Yield the simple paths along anomalous entities."""
    if path[-1] == target:
        if len(path) > 1:
            yield path
        return
    for effect in sorted(effects[path[-1]]):
        if effect not in path:
            yield from _paths(effects, [*path, effect], target)
