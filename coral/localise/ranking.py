"""Ranking of entities and metrics from the innovation scores since the onset."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from coral.localise.innovation import InnovationScorer, InnovationScores
from coral.localise.layout import Layout
from coral.localise.policy import RANKING, RankingPolicy
from coral.localise.random_walk import absorbing_walk, best_paths

__all__ = ["Localiser", "Ranking", "promoted", "supported"]

Floats = NDArray[np.float64]

# Fields that have another name in a checkpoint.
_KEYS = {"innovation": "evidence", "series": "surprise"}


class Ranking(NamedTuple):
    """One revision's answer; all arrays are over entities or series in the layout's order."""

    rows: int
    order: list[int]  # entities, best first
    scores: Floats  # per entity, sum 1 unless nothing has an innovation score
    innovation: Floats  # per entity, role-weighted innovation score
    explained: Floats  # (n_entities, n_entities), see `absorbing_walk`
    paths: list[list[int]]  # in the order of `order`: cause .. entity of a health signal
    metric_order: list[int]  # series, best first
    metric_scores: Floats  # per series
    weights: Floats  # per series: role weight
    series: InnovationScores
    consensus: float  # 0 .. 1: do cheap variants of the ranking have the same first?
    margin: float  # log of first score over second, >= 0

    def state_dict(self) -> dict[str, Any]:
        """Numbers and arrays, for the checkpoint."""
        state = self._asdict()
        for name, key in _KEYS.items():
            state[key] = state.pop(name)
        return state | {_KEYS["series"]: self.series._asdict()}

    def changed_at(self, series: int, times: Sequence[float]) -> float | None:
        """Return the event time at which a series left its normal range, None if it did not.

        Parameters
        ----------
        series : int
        times : sequence of float
            Event times of the first rows since the onset, unix s.
        """
        first = int(self.series.first[series])
        return times[first] if 0 <= first < len(times) else None

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the ranking whose `state_dict` this is."""
        fields = {name: state[key] for name, key in _KEYS.items()}
        fields["series"] = InnovationScores(**_without_history(fields["series"]))
        others = {key: value for key, value in state.items() if key not in _KEYS.values()}
        return cls(**others, **fields)


def _without_history(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of scores with what those of older checkpoints lack."""
    n = len(scores["total"])
    history = {
        "flag": np.zeros(n, dtype=np.bool_),
        "varied": np.ones(n, dtype=np.bool_),
        "outside_before": np.zeros(n, dtype=np.int64),
    }
    return history | dict(scores)


def promoted(ranking: Ranking, entity: int, least_share: float) -> Ranking:
    """Move an entity up one place, at a tie with the one that was there.

    Nothing moves if it has less than `least_share` of the score of that one.

    Both get the mean of their scores; where that concerns the first, the margin is gone, and with
    it the trust that a first cause without help would have.
    """
    at = ranking.order.index(entity)
    own = ranking.scores[entity]
    if at == 0 or own <= 0 or own < least_share * ranking.scores[ranking.order[at - 1]]:
        return ranking
    order, paths, scores = list(ranking.order), list(ranking.paths), ranking.scores.copy()
    scores[order[at - 1 : at + 1]] = scores[order[at - 1 : at + 1]].mean()
    order[at - 1], order[at] = order[at], order[at - 1]
    paths[at - 1], paths[at] = paths[at], paths[at - 1]
    return ranking._replace(order=order, paths=paths, scores=scores, margin=margin(scores, order))


def supported(ranking: Ranking, entities: Collection[int], odds: float, layout: Layout) -> Ranking:
    """Multiply the scores of some entities, of which something else than metrics speaks.

    Where that makes another one first, the margin is gone, and with it the trust that a first
    cause without help would have.

    Parameters
    ----------
    ranking : Ranking
    entities : collection of int
    odds : float
        Factor, >= 1.
    layout : Layout
    """
    if not entities or not ranking.scores.any():
        return ranking
    factor = np.ones(len(ranking.scores))
    factor[list(entities)] = odds
    scores = normalised(ranking.scores * factor)
    order = ordered(scores, layout.entities)
    paths = dict(zip(ranking.order, ranking.paths, strict=True))
    metric_scores = rounded(ranking.metric_scores * factor[layout.owner])
    same = order[0] == ranking.order[0]
    return ranking._replace(
        order=order,
        scores=scores,
        paths=[paths[entity] for entity in order],
        metric_order=ordered(metric_scores, layout.names),
        metric_scores=metric_scores,
        margin=margin(scores, order) if same else 0.0,
    )


class Localiser:
    """Innovation scores and ranking of one incident.

    Parameters
    ----------
    layout : Layout
    scorer : InnovationScorer
        Of the layout's series and pairs.
    policy : RankingPolicy
    """

    def __init__(
        self, layout: Layout, scorer: InnovationScorer, policy: RankingPolicy = RANKING
    ) -> None:
        self._policy = policy
        self.layout = layout
        self.scorer = scorer

    @property
    def rows(self) -> int:
        """Rows since the onset."""
        return self.scorer.rows

    def update(self, x: Floats, *, adjacent: bool) -> None:
        """Add one row after the onset; see `InnovationScorer.update`."""
        self.scorer.update(x, adjacent=adjacent)

    def rank(self) -> Ranking:
        """Rank entities and metrics by everything seen since the onset.

        score = walk^p innovation^.8: the walk decides among those who have an innovation score; p
        grows with the share of entities from which the topology leads to a health signal.
        """
        layout, policy = self.layout, self._policy
        series = self.scorer.scores
        weights = role_weights(layout, series, policy.weak_weight)
        weighted = weigh(series.total, weights)
        innovation = entity_maximum(layout, weighted)
        restart = self._restart_weights(series)
        explained = self._explained(series, innovation, restart)
        sure, start = certain(innovation, policy.saturation), certain(restart, policy.saturation)
        stops = absorbing_walk(explained, sure, start, policy)
        least, most = policy.least_walk_power, policy.walk_power
        power = least + layout.topology_coverage * (most - least)
        scores = normalised(stops**power * innovation**policy.innovation_power)
        order = ordered(scores, layout.entities)
        share = weighted / np.maximum(innovation, 1e-300)[layout.owner]
        metric_scores = rounded(scores[layout.owner] * share)
        return Ranking(
            rows=self.rows,
            order=order,
            scores=scores,
            innovation=rounded(innovation),
            explained=explained,
            paths=best_paths(explained, layout.health_entities, order),
            metric_order=ordered(metric_scores, layout.names),
            metric_scores=metric_scores,
            weights=weights,
            series=series,
            consensus=self._consensus(order, series, weights, innovation, stops),
            margin=margin(scores, order),
        )

    def _explained(self, series: InnovationScores, innovation: Floats, restart: Floats) -> Floats:
        """Share of an entity's innovation score that each direct cause explains, (n, n), 0 .. 1.

        Signals of the same name are compared as they move; for the rest there are orders of
        magnitude, as scores of different metrics have no common unit. Of a health signal's
        entity the symptom is to be explained as well (`restart`).
        """
        layout = self.layout
        n = len(layout.entities)
        result = np.zeros((n, n))
        if not len(layout.relations):
            return result
        together = self._together(series)
        noise = self._policy.saturation
        sure = certain(innovation, noise)
        effect, cause = layout.relations[:, 0], layout.relations[:, 1]
        whole = magnitude(np.maximum(innovation, restart), noise)[effect]
        larger = magnitude(innovation, noise)[cause] / np.where(whole > 0, whole, np.inf)
        larger = np.minimum(larger, 1.0)
        larger[layout.first_alias :] = 0.0
        together = np.maximum(together, self._seen_by_others(innovation))
        together[layout.first_alias :] *= (
            together[layout.first_alias :] > self._policy.alias_comovement
        )
        believed = together * sure[cause] / (sure[cause] + noise)
        share = np.maximum(larger, believed) * self._external_share(series)[effect]
        np.maximum.at(result, (effect, cause), share)
        return result

    def _together(self, series: InnovationScores) -> Floats:
        """How much of an effect's innovation score moved with its cause's, per relation, 0 .. 1.

        Mean over their pairs of signals, by the score of the effect's: a maximum that hardly
        moved together is not made good by a quiet median that did.
        """
        layout = self.layout
        n = len(layout.relations)
        innovation = series.total[layout.pairs[:, 0]]
        moved = np.bincount(layout.pair_relation, innovation * self.scorer.comovement, n)
        total = np.bincount(layout.pair_relation, innovation, n)
        return moved / np.where(total > 0.0, total, 1.0)

    def _seen_by_others(self, innovation: Floats) -> Floats:
        """How much of what moved on a call those of other callers show too, per relation, 0 .. 1.

        What two callers see of one callee lies with it, not on the way of either.
        """
        layout = self.layout
        seen = np.zeros(len(layout.relations))
        calls = np.flatnonzero(layout.call[layout.relations[:, 0]])
        moved = certain(innovation, self._policy.saturation)[layout.relations[:, 0]]
        for callee in np.unique(layout.relations[calls, 1]).tolist():
            same = calls[layout.relations[calls, 1] == callee]
            if len(same) > 1:
                second, first = np.sort(moved[same])[-2:]
                others = np.where(moved[same] == first, second, first)
                seen[same] = np.minimum(others / np.maximum(moved[same], 1e-300), 1.0)
        return seen

    def _restart_weights(self, series: InnovationScores) -> Floats:
        """How much the symptoms of each entity moved: (n,), >= 0; alike if none did."""
        layout = self.layout
        restart = np.zeros(len(layout.entities))
        symptoms = series.flag.copy()
        symptoms[layout.health_series] = True
        np.maximum.at(restart, layout.owner[symptoms], series.total[symptoms])
        if not restart.any():
            restart[layout.health_entities] = 1.0
        return restart

    def _external_share(self, series: InnovationScores) -> Floats:
        """How much of an entity's innovation score others may explain, per entity, 0 .. 1.

        Latency, errors and traffic come in over the network; what an entity does to itself (its
        processor, memory, disk) is never explained away by a callee.
        """
        layout = self.layout
        external = entity_maximum(layout, np.where(layout.internal, 0.0, series.total))
        internal = entity_maximum(layout, np.where(layout.internal, series.total, 0.0))
        has_signals = entity_maximum(layout, np.where(layout.internal, 0.0, 1.0)) > 0
        both = np.maximum(external + internal, 1e-300)
        return np.where(has_signals, np.sqrt(external / both), 1.0)

    def _consensus(
        self,
        order: list[int],
        series: InnovationScores,
        weights: Floats,
        innovation: Floats,
        stops: Floats,
    ) -> float:
        """Mean reciprocal rank of our first entity under cheap variants of the ranking."""
        layout = self.layout
        variants = (
            innovation,
            stops,
            entity_maximum(layout, series.total),
            entity_maximum(layout, weights * series.sustained),
            entity_maximum(layout, weights * series.largest),
        )
        first = order[0]
        ranks = [1 + int((v > v[first]).sum()) for v in map(rounded, variants)]
        return round(sum(1.0 / r for r in ranks) / len(ranks), 4)


def role_weights(layout: Layout, series: InnovationScores, weak: float) -> Floats:
    """Weight of the logarithm of every series' innovation score by its role: (n_series,), 0 .. 1.

    Load is rather a victim or a driver from outside; a health signal of another kind than those
    that fail, or one that got better, does not explain them, however large: their weight is `weak`.
    The health signals of the entity that fails are the symptom and count nothing, nor do flags
    that are set with them.
    """
    better = layout.signal & (layout.healthy * series.level > 0)
    weights = np.where(layout.load, weak, 1.0)
    weights = weights * np.where(layout.other_kind, weak, 1.0)
    weights = weights * np.where(better, weak, 1.0)
    # The more entities reach a health signal, the less likely one that does not is the cause.
    apart = 1.0 - max(2.0 * layout.topology_coverage - 1.0, 0.0) * (1.0 - weak)
    weights = weights * np.where(layout.reaching, 1.0, apart)[layout.owner]
    return np.where(layout.symptom | series.flag, 0.0, weights)


def certain(innovation: Floats, noise: float) -> Floats:
    """Scores without what may be noise: E^2 / (E + noise)."""
    return innovation**2 / (innovation + noise)


def magnitude(innovation: Floats, noise: float) -> Floats:
    """Order of magnitude, to compare scores of different metrics by: >= 0."""
    return np.log1p(certain(innovation, noise))


def weigh(innovation: Floats, weights: Floats) -> Floats:
    """Scores with their logarithm multiplied by the weights."""
    return np.expm1(weights * np.log1p(innovation))


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
