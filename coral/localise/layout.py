"""What is fixed for one incident: series, entities, roles, known edges, pairs to follow."""

from collections.abc import Sequence

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from coral.localise.roles import Role, at_client, healthy_direction, role_of
from streams.codec.labelled.readable import workload
from streams.series import entity_of
from streams.topology import ends_of

__all__ = ["Layout", "metric_of"]

SIGNALS = (Role.LATENCY, Role.ERROR)


def metric_of(series: str) -> str:
    """Metric part of a series name `<entity>:<metric>`."""
    return series.partition(":")[2]


class Layout:
    """Index arrays over series and entities.

    Parameters
    ----------
    names : sequence of str
        Series names; the order of all per-series arrays.
    health : sequence of str
        Health signals; names that are not among the series count by their entity only.
    edges : sequence of (str, str)
        Known topology, (cause, effect).

    Attributes
    ----------
    names, health : tuple of str
    edges : tuple of (str, str)
    entities : tuple of str, sorted
    internal, traffic, signal, other_kind, symptom : ndarrays of shape (n_series,), bool
        What an entity does to itself; load on it; its latency and errors; of these, those of
        another kind than the health signal's, and those of what the health signal's own entity
        serves. What it sees of the calls that it makes is no symptom: that tells whom it waits for.
    load : ndarray of shape (n_series,), bool
        Traffic of an entity that serves it, as its latency and errors tell; what a disk or a lock
        table counts is its own work.
    owner : ndarray of shape (n_series,), int64
        Entity index of every series.
    topology_coverage : float, 0 .. 1
        Share of the entities from which known edges lead to a health signal; 0 without edges.
    call : ndarray of shape (n_entities,), bool
        Whether an entity is what lies between a caller and a callee.
    relations : ndarray of shape (n_relations, 2), int64
        (effect, cause) entity indices of known edges, then of alias nodes.
    first_alias : int
        Index of the first relation that is a possible alias, see `_alias_nodes`.
    pairs, pair_relation : ndarrays of shape (n_pairs, 2) and (n_pairs,), int64
        Same-named signals of both ends of a relation, and which relation they belong to.
    """

    def __init__(
        self,
        names: Sequence[str],
        health: Sequence[str],
        edges: Sequence[tuple[str, str]],
    ) -> None:
        self.names, self.health, self.edges = tuple(names), tuple(health), tuple(edges)
        self.entities = tuple(sorted({entity_of(name) for name in names}))
        index = {entity: i for i, entity in enumerate(self.entities)}
        self.owner = np.array([index[entity_of(name)] for name in names], dtype=np.int64)
        self.health_entities = sorted({index[e] for e in map(entity_of, health) if e in index})
        self.health_series = [i for i, name in enumerate(names) if name in set(health)]
        self.roles = [role_of(metric_of(name)) for name in names]
        self.healthy = np.array([healthy_direction(metric_of(name)) for name in names])
        self.health_roles = {role_of(metric_of(name)) for name in health} & set(SIGNALS)
        self.internal = np.array([role is Role.OTHER for role in self.roles])
        self.traffic = np.array([role is Role.TRAFFIC for role in self.roles])
        self.signal = np.array([role in SIGNALS for role in self.roles], dtype=np.bool_)
        self.load = self.traffic & np.isin(self.owner, self.owner[self.signal])
        self._wanted = self.health_roles or set(SIGNALS)
        self.other_kind = self.signal & np.array([r not in self._wanted for r in self.roles])
        self.symptom = self.signal & np.isin(self.owner, self.health_entities)
        own = [name in self.health or not at_client(metric_of(name)) for name in names]
        self.symptom &= np.array(own, dtype=np.bool_)
        direct = [(index[b], index[a]) for a, b in edges if a in index and b in index]
        # What a workload does, its replicas do.
        wholes = [(workload(entity), i) for entity, i in index.items()]
        direct += [(index[whole], i) for whole, i in wholes if index.get(whole, i) != i]
        known = nx.DiGraph(direct)  # from effects to causes
        self.call = np.array([ends_of(e) is not None for e in self.entities], dtype=np.bool_)
        calls = set(np.flatnonzero(self.call).tolist())
        related = direct + self._alias_nodes(nx.DiGraph(known.subgraph(known.nodes - calls)))
        self.first_alias = len(direct)
        self.relations = np.array(related, dtype=np.int64).reshape(-1, 2)
        self.reaching = self._reaching(known)
        self.topology_coverage = float(self.reaching.mean()) if known else 0.0
        self._set_pairs()

    def idle(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether the component of each series has no load at all in this row: (n_series,).

        Its load is measured, and all of it is exactly zero.
        """
        measured = self.traffic & np.isfinite(x)
        busy = np.bincount(self.owner[measured & (x != 0.0)], minlength=len(self.entities))
        known = np.bincount(self.owner[measured], minlength=len(self.entities))
        idle: NDArray[np.bool_] = (known > 0) & (busy == 0)
        return idle[self.owner]

    def _reaching(self, known: nx.DiGraph) -> NDArray[np.bool_]:
        """Whether a walk back from the health signals can come to each entity."""
        starts = [entity for entity in self.health_entities if entity in known]
        covered = set(self.health_entities).union(*(nx.descendants(known, e) for e in starts))
        return np.isin(np.arange(len(self.entities)), list(covered))

    def _alias_nodes(self, known: nx.DiGraph) -> list[tuple[int, int]]:
        """Leaves that may be another component seen from outside, as (leaf, component).

        Call graphs made from client-side spans list a callee twice: as itself, with its own
        causes, and as the address that the caller used, a leaf with the same latency. What has a
        processor or a memory is seen from inside.
        """
        inner = {entity for entity in known if known.succ[entity]}
        inner |= set(self.owner[self.internal].tolist())
        return sorted(
            {
                (leaf, other)
                for leaf in known.nodes - inner
                for shared in known.pred[leaf]
                for other in known.succ[shared]
                if known.succ[other]
            }
        )

    def _set_pairs(self) -> None:
        signals: list[dict[str, int]] = [{} for _ in self.entities]
        for series, name in enumerate(self.names):
            if self.roles[series] in self._wanted:
                signals[self.owner[series]][metric_of(name)] = series
        pairs, relation = [], []
        for r, (effect, cause) in enumerate(self.relations.tolist()):
            for metric in sorted(signals[effect].keys() & signals[cause].keys()):
                pairs.append((signals[effect][metric], signals[cause][metric]))
                relation.append(r)
        self.pairs: NDArray[np.int64] = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        self.pair_relation: NDArray[np.int64] = np.array(relation, dtype=np.int64)
