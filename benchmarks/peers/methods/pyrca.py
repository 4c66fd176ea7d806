"""PyRCA's analysers (Liu et al. 2023), from the package sfr-pyrca.

It is installed without its dependency javabridge, a bridge to Java that none of these needs.
"""

import numpy as np
import pandas as pd
from pyrca.analyzers.ht import HT, HTConfig
from pyrca.analyzers.random_walk import RandomWalk, RandomWalkConfig
from pyrca.analyzers.rcd import RCD, RCDConfig

from peers.case import Case
from peers.methods.deviations import largest_z
from peers.methods.structure import metric_edges, moving

__all__ = ["hypothesis_test", "random_walk", "rcd"]

# The packages cut their lists, at 3 to 5 by default; all that is scored here is kept.
KEPT = 1000
RCD_KEPT = 5
# The walk starts from metrics that an alarm names: the KPIs above this |z|, else all KPIs.
ALARM_Z = 3.0


def hypothesis_test(case: Case) -> dict[str, float]:
    """Regression of every metric on its causes; the largest residual, no descendant adjustment."""
    case = moving(case)
    model = HT(HTConfig(graph=_adjacency(case), root_cause_top_k=KEPT))
    model.train(pd.DataFrame(case.base, columns=case.names))
    found = model.find_root_causes(pd.DataFrame(case.anomalous, columns=case.names))
    return {name: float(score) for name, score in found.root_cause_nodes}


def random_walk(case: Case) -> dict[str, float]:
    """Random walks from the KPIs, by correlation; names only what has no cause itself."""
    case = moving(case)
    z = largest_z(case)
    alarmed = [name for name in case.kpi if z[name] > ALARM_Z] or list(case.kpi)
    model = RandomWalk(RandomWalkConfig(graph=_adjacency(case), root_cause_top_k=KEPT))
    rows = pd.DataFrame(case.anomalous, columns=case.names)
    found = model.find_root_causes(alarmed, rows, random_seed=0)
    return {name: float(score) for name, score in found.root_cause_nodes}


def rcd(case: Case) -> dict[str, float]:
    """Hierarchical search for the metrics that depend on the fault (Ikram et al. 2022)."""
    case = moving(case)
    np.random.seed(0)  # noqa: NPY002 - the package draws from the global generator
    columns = [f"m{i}" for i in range(len(case.names))]
    found = RCD(RCDConfig(k=RCD_KEPT)).find_root_causes(
        pd.DataFrame(case.base, columns=columns), pd.DataFrame(case.anomalous, columns=columns)
    )
    ranks = [name for name, _ in found.root_cause_nodes]
    return {case.names[int(name[1:])]: -float(place) for place, name in enumerate(ranks)}


def _adjacency(case: Case) -> pd.DataFrame:
    matrix = pd.DataFrame(0, index=list(case.names), columns=list(case.names))
    for cause, effect in metric_edges(case):
        matrix.loc[cause, effect] = 1
    return matrix
