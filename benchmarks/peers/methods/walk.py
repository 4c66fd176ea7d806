"""A walk from the KPIs against the edges of a learned graph."""

import numpy as np
from numpy.typing import NDArray

from peers.case import Case
from peers.methods.deviations import largest_z

__all__ = ["walk"]

Floats = NDArray[np.float64]
RESTART = 0.15
STEPS = 200


def walk(case: Case, strength: Floats, *, anomalies: bool) -> dict[str, float]:
    """Return the share of time that a walk against the edges spends at every metric.

    It starts anew with probability .15, at the KPIs or anywhere if there are none. With
    `anomalies` a step goes to a cause in proportion to strength times largest |z|, and the walk
    may stay where it is with the strength 1 (Ma et al. 2020, AutoMAP, without its backward edges);
    without, it is plain PageRank.
    """
    n = len(case.names)
    step = strength.T.copy()
    np.fill_diagonal(step, 0.0)
    if anomalies:
        z = largest_z(case)
        np.fill_diagonal(step, 1.0)
        step *= np.array([z[name] for name in case.names])
    start = np.full(n, 1.0 / n)
    if anomalies and case.kpi:
        start = np.array([float(name in case.kpi) for name in case.names]) / len(case.kpi)
    total = step.sum(axis=1, keepdims=True)
    step = np.where(total > 0.0, step / np.where(total > 0.0, total, 1.0), start)
    share = start
    for _ in range(STEPS):
        share = RESTART * start + (1.0 - RESTART) * share @ step
    return dict(zip(case.names, share.tolist(), strict=True))
