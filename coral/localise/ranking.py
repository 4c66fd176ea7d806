"""Ranking of entities and metrics from the evidence since the onset."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from coral.localise.evidence import Evidence, Surprise
from coral.localise.layout import Layout
from coral.localise.policy import RANKING, RankingPolicy
from coral.localise.random_walk import absorbing_walk, best_paths

__all__ = ["Localiser", "Ranking", "promoted"]

Floats = NDArray[np.float64]


class Ranking(NamedTuple):
    """One revision's answer; all arrays are over entities or series in the layout's order."""

    rows: int
    order: list[int]  # entities, best first
    scores: Floats  # per entity, sum 1 unless nothing has evidence
    evidence: Floats  # per entity, role-weighted
    explained: Floats  # (n_entities, n_entities), see `absorbing_walk`
    paths: list[list[int]]  # in the order of `order`: cause .. KPI entity
    metric_order: list[int]  # series, best first
    metric_scores: Floats  # per series
    weights: Floats  # per series: role weight
    surprise: Surprise
    consensus: float  # 0 .. 1: do cheap variants of the ranking have the same first?
    margin: float  # log of first score over second, >= 0

    def state_dict(self) -> dict[str, Any]:
        """Numbers and arrays, for the checkpoint."""
        return self._asdict() | {"surprise": self.surprise._asdict()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the ranking whose `state_dict` this is."""
        return cls(**{**state, "surprise": Surprise(**state["surprise"])})


def promoted(ranking: Ranking, entity: int) -> Ranking:
    """Move an entity up one place, at a tie with the one that was there.

    Both get the mean of their scores; where that concerns the first, the margin is gone, and with
    it the trust that a first cause without help would have.
    """
    at = ranking.order.index(entity)
    if at == 0 or ranking.scores[entity] <= 0:
        return ranking
    order, paths, scores = list(ranking.order), list(ranking.paths), ranking.scores.copy()
    scores[order[at - 1 : at + 1]] = scores[order[at - 1 : at + 1]].mean()
    order[at - 1], order[at] = order[at], order[at - 1]
    paths[at - 1], paths[at] = paths[at], paths[at - 1]
    return ranking._replace(order=order, paths=paths, scores=scores, margin=margin(scores, order))


class Localiser:
    """Evidence and ranking of one incident.

    Parameters
    ----------
    layout : Layout
    evidence : Evidence
        Of the layout's series and pairs.
    policy : RankingPolicy
    """

    def __init__(self, layout: Layout, evidence: Evidence, policy: RankingPolicy = RANKING) -> None:
        self._policy = policy
        self.layout = layout
        self.evidence = evidence

    @property
    def rows(self) -> int:
        """Rows since the onset."""
        return self.evidence.rows

    def update(self, x: Floats, *, adjacent: bool) -> None:
        """Add one row after the onset; see `Evidence.update`."""
        self.evidence.update(x, adjacent=adjacent)

    def rank(self) -> Ranking:
        """Rank entities and metrics by everything seen since the onset.

        score = walk^p evidence^.8: the walk decides among those who have evidence; p grows with the
        share of entities from which the topology leads to a health signal.
        """
        layout, policy = self.layout, self._policy
        surprise = self.evidence.surprise
        weights = role_weights(layout, surprise, policy.weak_weight)
        weighted = weigh(surprise.total, weights)
        evidence = entity_maximum(layout, weighted)
        moved = self._moved(surprise)
        explained = self._explained(surprise, evidence, moved)
        sure, start = certain(evidence, policy.saturation), certain(moved, policy.saturation)
        stops = absorbing_walk(explained, sure, start, policy)
        least, most = policy.least_walk_power, policy.walk_power
        power = least + layout.reach * (most - least)
        scores = normalised(stops**power * evidence**policy.innovation_power * layout.standing)
        order = ordered(scores, layout.entities)
        share = weighted / np.maximum(evidence, 1e-300)[layout.owner]
        metric_scores = rounded(scores[layout.owner] * share)
        return Ranking(
            rows=self.rows,
            order=order,
            scores=scores,
            evidence=rounded(evidence),
            explained=explained,
            paths=best_paths(explained, layout.kpi_entities, order),
            metric_order=ordered(metric_scores, layout.names),
            metric_scores=metric_scores,
            weights=weights,
            surprise=surprise,
            consensus=self._consensus(order, surprise, weights, evidence, stops),
            margin=margin(scores, order),
        )

    def _explained(self, surprise: Surprise, evidence: Floats, moved: Floats) -> Floats:
        """Share of an entity's evidence that each direct cause explains, (n, n), 0 .. 1.

        Signals of the same name are compared as they move; for the rest there are orders of
        magnitude, as evidence of different metrics has no common unit. Of a health signal's
        entity the symptom is to be explained as well (`moved`).
        """
        layout = self.layout
        n = len(layout.entities)
        result = np.zeros((n, n))
        if not len(layout.relations):
            return result
        together = self._together(surprise)
        noise = self._policy.saturation
        sure = certain(evidence, noise)
        effect, cause = layout.relations[:, 0], layout.relations[:, 1]
        whole = magnitude(np.maximum(evidence, moved), noise)[effect]
        larger = magnitude(evidence, noise)[cause] / np.where(whole > 0, whole, np.inf)
        larger = np.minimum(larger, 1.0)
        larger[layout.views :] = 0.0
        together[layout.views :] *= together[layout.views :] > self._policy.alias_comovement
        believed = together * sure[cause] / (sure[cause] + noise)
        share = np.maximum(larger, believed) * self._external_share(surprise)[effect]
        np.maximum.at(result, (effect, cause), share)
        return result

    def _together(self, surprise: Surprise) -> Floats:
        """How much of an effect's evidence moved with its cause's, per relation, 0 .. 1.

        Mean over their pairs of signals, by the evidence of the effect's: a maximum that hardly
        moved together is not made good by a quiet median that did.
        """
        layout = self.layout
        n = len(layout.relations)
        evidence = surprise.total[layout.pairs[:, 0]]
        moved = np.bincount(layout.pair_relation, evidence * self.evidence.comovement, n)
        total = np.bincount(layout.pair_relation, evidence, n)
        return moved / np.where(total > 0.0, total, 1.0)

    def _moved(self, surprise: Surprise) -> Floats:
        """How much the health signals of each entity moved: (n,), >= 0; alike if none did."""
        layout = self.layout
        moved = np.zeros(len(layout.entities))
        np.maximum.at(moved, layout.owner[layout.kpi_series], surprise.total[layout.kpi_series])
        if not moved.any():
            moved[layout.kpi_entities] = 1.0
        return moved

    def _external_share(self, surprise: Surprise) -> Floats:
        """How much of an entity's evidence others may explain, per entity, 0 .. 1.

        Latency, errors and traffic come in over the network; what an entity does to itself (its
        processor, memory, disk) is never explained away by a callee.
        """
        layout = self.layout
        external = entity_maximum(layout, np.where(layout.internal, 0.0, surprise.total))
        internal = entity_maximum(layout, np.where(layout.internal, surprise.total, 0.0))
        has_signals = entity_maximum(layout, np.where(layout.internal, 0.0, 1.0)) > 0
        both = np.maximum(external + internal, 1e-300)
        return np.where(has_signals, np.sqrt(external / both), 1.0)

    def _consensus(
        self,
        order: list[int],
        surprise: Surprise,
        weights: Floats,
        evidence: Floats,
        stops: Floats,
    ) -> float:
        """Mean reciprocal rank of our first entity under cheap variants of the ranking."""
        layout = self.layout
        variants = (
            evidence,
            stops,
            entity_maximum(layout, surprise.total),
            entity_maximum(layout, weights * surprise.sustained),
            entity_maximum(layout, weights * surprise.largest),
        )
        first = order[0]
        ranks = [1 + int((v > v[first]).sum()) for v in map(rounded, variants)]
        return round(sum(1.0 / r for r in ranks) / len(ranks), 4)


def role_weights(layout: Layout, surprise: Surprise, weak: float) -> Floats:
    """Weight of the logarithm of every series' evidence by its role: (n_series,), 0 .. 1.

    Traffic is rather a victim or a driver from outside; a health signal of another kind than those
    that fail, or one that got better, does not explain them, however large: their weight is `weak`.
    The health signals of the entity that fails are the symptom and count nothing.
    """
    better = layout.signal & (layout.healthy * surprise.level > 0)
    weights = np.where(layout.traffic, weak, 1.0)
    weights = weights * np.where(layout.other_kind, weak, 1.0)
    weights = weights * np.where(better, weak, 1.0)
    return np.where(layout.symptom, 0.0, weights)


def certain(evidence: Floats, noise: float) -> Floats:
    """Evidence without what may be noise: E^2 / (E + noise)."""
    return evidence**2 / (evidence + noise)


def magnitude(evidence: Floats, noise: float) -> Floats:
    """Order of magnitude, to compare evidence of different metrics by: >= 0."""
    return np.log1p(certain(evidence, noise))


def weigh(evidence: Floats, weights: Floats) -> Floats:
    """Evidence with its logarithm multiplied by the weights."""
    return np.expm1(weights * np.log1p(evidence))


def entity_maximum(layout: Layout, values: Floats) -> Floats:
    """Largest of the values (>= 0) of an entity's series, per entity."""
    result = np.zeros(len(layout.entities))
    np.maximum.at(result, layout.owner, values)
    return result


def rounded(values: Floats) -> Floats:
    """Six significant digits: the same order and bytes whatever linear algebra library computes."""
    with np.errstate(divide="ignore"):
        magnitude = np.where(values != 0, np.floor(np.log10(np.abs(values))), 0.0)
    unit = 10.0 ** (magnitude - 5)
    return np.round(values / unit) * unit


def normalised(scores: Floats) -> Floats:
    total = float(scores.sum())
    return rounded(scores / total) if total > 0 else np.zeros_like(scores)


def ordered(scores: Floats, names: tuple[str, ...]) -> list[int]:
    """Return indices by falling score; ties by name, not by the order of columns."""
    return sorted(range(len(names)), key=lambda i: (-scores[i], names[i]))


def margin(scores: Floats, order: list[int]) -> float:
    """Logarithm of the first score over the second; 0 for one candidate or none."""
    if len(order) < 2 or scores[order[0]] <= 0:
        return 0.0
    second = max(float(scores[order[1]]), 1e-6)
    return round(float(np.log(scores[order[0]] / second)), 4)
