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
EPS = np.finfo(np.float64).eps
# A metric with fewer values before the onset is never anomalous.
LEAST_VALUES = 10
# The benchmark first looks at the third row of an incident that begins a row before the fault.
FIRST_ROW = 1


def ranked_correlation(case: Case) -> dict[str, float]:
    """Anomalous entities by the p-value of their correlation with the KPI inside the fault."""
    best: dict[str, float] = {}
    for target, view, anomalies in _targets(case):
        series = {entity_of(n): view.anomalous[:, i] for i, n in enumerate(view.names)}
        for entity in set(anomalies) - {target}:
            both = ~np.isnan(series[entity]) & ~np.isnan(series[target])
            x, y = series[entity][both], series[target][both]
            if len(x) >= 2 and np.ptp(x) > 0.0 and np.ptp(y) > 0.0:
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
        view = _measured(of_kinds(case, {kind_of(name)}))
        if name not in view.names:
            continue
        score, odd = _anomalies(view)
        start = min(FIRST_ROW, len(odd) - 1)
        rows = np.flatnonzero(odd[start:, view.names.index(name)])
        if len(rows):
            t = start + rows[0]
            found = zip(view.names, score[t].tolist(), odd[t].tolist(), strict=True)
            yield entity_of(name), view, {entity_of(n): s for n, s, o in found if o}


def _measured(case: Case) -> Case:
    """Return the case with the metrics that have values enough before the onset."""
    kept = np.flatnonzero((~np.isnan(case.base)).sum(axis=0) >= LEAST_VALUES)
    names = tuple(case.names[i] for i in kept)
    return case._replace(names=names, base=case.base[:, kept], anomalous=case.anomalous[:, kept])


def _anomalies(case: Case) -> tuple[Floats, NDArray[np.bool_]]:
    """Return distances from the median of the base in scaled MADs, and which are anomalies.

    A metric that never moved has no scale: its score is the distance as it is, and any is an
    anomaly. A missing value is none.
    """
    median = np.nanmedian(case.base, axis=0)
    mad = np.nanmedian(np.abs(case.base - median), axis=0) / MAD_TO_SIGMA
    still = np.nanmax(case.base, axis=0) == np.nanmin(case.base, axis=0)
    scale = np.where(still, 1.0, np.where(mad > 0.0, mad, EPS))
    score = np.nan_to_num(np.abs(case.anomalous - median) / scale, nan=0.0)
    return score, score > np.where(still, 0.0, THRESHOLD)


def _paths(effects: dict[str, set[str]], path: list[str], target: str) -> Iterator[list[str]]:
    """Yield the simple paths along anomalous entities."""
    if path[-1] == target:
        if len(path) > 1:
            yield path
        return
    for effect in sorted(effects[path[-1]]):
        if effect not in path:
            yield from _paths(effects, [*path, effect], target)
