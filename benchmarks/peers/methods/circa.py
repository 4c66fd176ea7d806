"""CIRCA's regression test with descendant adjustment (Li et al. 2022), from circa-clue.

Regressions of every metric on its causes, the largest residual in standard deviations, to which
the largest of the effects' scores is added where it is abnormal.
"""

import datetime as dt
from typing import Any

import networkx as nx
from circa.alg.ci import DAScorer, RHTScorer
from circa.model.case import CaseData
from circa.model.data_loader import MemoryDataLoader
from circa.model.graph import MemoryGraph, Node

from peers.case import Case, entity_of, kind_of
from peers.methods.structure import metric_edges, moving

__all__ = ["regression_test"]

# The threshold of the paper's experiments, in standard deviations.
THRESHOLD = 3.0


def regression_test(case: Case) -> dict[str, float]:
    """RHTScorer, then DAScorer."""
    case = moving(case)
    graph = nx.DiGraph()
    graph.add_nodes_from(_node(name) for name in case.names)
    graph.add_edges_from((_node(cause), _node(effect)) for cause, effect in metric_edges(case))
    known, data = MemoryGraph(graph), _data(case)
    scores: Any = None  # each scorer goes on from those of the one before
    for scorer in (RHTScorer(), DAScorer(threshold=THRESHOLD)):
        scores = scorer.score(known, data, current=data.detect_time, scores=scores)
    ranked = sorted(scores.items(), key=lambda item: item[1].key, reverse=True)
    return {f"{node.entity}:{node.metric}": -float(i) for i, (node, _) in enumerate(ranked)}


def _node(name: str) -> Node:
    return Node(entity_of(name), kind_of(name))


def _data(case: Case) -> CaseData:
    """Return the rows one second apart, the last anomalous one at the moment of detection."""
    before, after = len(case.base), len(case.anomalous)
    series: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for i, name in enumerate(case.names):
        values = [*case.base[:, i].tolist(), *case.anomalous[:, i].tolist()]
        rows = [(float(t), value) for t, value in enumerate(values)]
        series.setdefault(entity_of(name), {})[kind_of(name)] = rows
    return CaseData(
        MemoryDataLoader(series),
        sli=_node(case.kpi[0]),
        detect_time=before + after - 1,
        interval=dt.timedelta(seconds=1),
        lookup_window=before + after - 1,
        detect_window=after,
    )
