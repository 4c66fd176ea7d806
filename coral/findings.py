"""From a ranking to what is published: findings in words and numbers."""

import math
from collections.abc import Sequence

import numpy as np

from coral.incident import Cause, MetricFinding, RuledOut, Scored, Tier, timestamp
from coral.localise.layout import Layout
from coral.localise.rank import Localiser, Ranking, entity_maximum

__all__ = ["Findings", "significant"]

METRICS_PER_CAUSE = 3
RULED_OUT = 5
RANKED_NAMES = 200
# Trust: what the consensus of cheap variants of the ranking and the
# distance to the second say. Below the least surprise nothing has happened that could be named.
LIKELY_CONSENSUS = 0.8
LIKELY_MARGIN = math.log(1.25)
LEAST_SURPRISE = math.log(1.1)
# A series that misses this share of its usual cells has fallen silent, in words.
SILENT = 0.5
# A cause counts as explaining an entity in words from this share on.
EXPLAINS = 0.5


def significant(value: float | np.float64, digits: int = 6) -> float:
    """Round to significant digits, so that events are equal on every machine."""
    return float(f"{value:.{digits}g}")


class Findings:
    """Words and numbers of one ranking.

    Parameters
    ----------
    localiser : Localiser
    ranking : Ranking
    times : sequence of float
        Event times of the first rows since the onset, unix s; `Surprise.first` indexes it.
    """

    def __init__(self, localiser: Localiser, ranking: Ranking, times: Sequence[float]) -> None:
        self._layout: Layout = localiser.layout
        self._ranking = ranking
        self._center = localiser.evidence.center
        self._times = times
        self._series_of: list[list[int]] = [[] for _ in self._layout.entities]
        for series in ranking.metric_order:
            self._series_of[self._layout.owner[series]].append(series)

    @property
    def tier(self) -> Tier:
        """How far the first cause can be trusted."""
        ranking = self._ranking
        first = ranking.order[0]
        surprise = max(ranking.surprise.sustained[s] for s in self._series_of[first])
        if ranking.scores[first] <= 0 or surprise < LEAST_SURPRISE:
            return "no clear cause"
        sure = ranking.consensus >= LIKELY_CONSENSUS and ranking.margin >= LIKELY_MARGIN
        return "likely" if sure else "possible"

    def summary(self, causes: Sequence[Cause]) -> str:
        """Return the answer in one sentence."""
        if not causes or self.tier == "no clear cause":
            return "Something changed, but no series stands out as its cause."
        words = "Likely cause" if self.tier == "likely" else "Possible cause"
        others = ", ".join(f"`{cause.entity}`" for cause in causes[1:3])
        then = f" Next: {others}." if others else ""
        return f"{words}: `{causes[0].entity}`. {causes[0].text}{then}"

    @property
    def kpi_changed_at(self) -> float | None:
        """Event time at which the first health signal left its normal range."""
        changed = [self._changed_at(series) for series in self._layout.kpi_series]
        return min((time for time in changed if time is not None), default=None)

    def causes(self, limit: int) -> list[Cause]:
        """Return the best `limit` candidates that have any evidence, best first."""
        found = []
        for rank, entity in enumerate(self._ranking.order[:limit], start=1):
            if self._ranking.scores[entity] <= 0:
                break
            found.append(self._cause(rank, entity))
        return found

    def ruled_out(self, causes: Sequence[Cause]) -> list[RuledOut]:
        """Strongest entities by raw evidence not among the first three, and why."""
        layout, ranking = self._layout, self._ranking
        first = {cause.entity for cause in causes[:3]}
        raw = entity_maximum(layout, ranking.surprise.total).tolist()
        found: list[RuledOut] = []
        for entity in sorted(range(len(raw)), key=lambda e: (-significant(raw[e]), e)):
            if len(found) == RULED_OUT or raw[entity] <= 0:
                break
            if layout.entities[entity] not in first:
                evidence = significant(raw[entity])
                reason = self._reason(entity)
                found.append(
                    RuledOut(entity=layout.entities[entity], evidence=evidence, reason=reason)
                )
        return found

    def entities(self) -> list[Scored]:
        """All entities by falling score, at most `RANKED_NAMES`."""
        names, scores = self._layout.entities, self._ranking.scores
        order = self._ranking.order[:RANKED_NAMES]
        return [Scored(name=names[e], score=significant(scores[e])) for e in order]

    def metrics(self) -> list[Scored]:
        """All series by falling score, at most `RANKED_NAMES`."""
        names, scores = self._layout.names, self._ranking.metric_scores
        order = self._ranking.metric_order[:RANKED_NAMES]
        return [Scored(name=names[s], score=significant(scores[s])) for s in order]

    def _cause(self, rank: int, entity: int) -> Cause:
        ranking, layout = self._ranking, self._layout
        metrics = [self._metric(s) for s in self._series_of[entity][:METRICS_PER_CAUSE]]
        changed, kpi = self._changed_at(self._series_of[entity][0]), self.kpi_changed_at
        after_kpi = None if changed is None or kpi is None else round(changed - kpi, 3)
        path = [layout.entities[e] for e in ranking.paths[rank - 1]]
        tier: Tier = self.tier if rank == 1 else "unlikely"
        if rank > 1 and ranking.scores[entity] >= 0.5 * ranking.scores[ranking.order[0]]:
            tier = "possible"
        return Cause(
            rank=rank,
            entity=layout.entities[entity],
            score=significant(ranking.scores[entity]),
            tier=tier,
            evidence=significant(ranking.evidence[entity]),
            metrics=metrics,
            changed_after_kpi_s=after_kpi,
            path=path,
            text=self._sentence(metrics[0], after_kpi, path),
        )

    def _metric(self, series: int) -> MetricFinding:
        surprise = self._ranking.surprise
        changed = self._changed_at(series)
        after = float(surprise.after[series])
        return MetricFinding(
            name=self._layout.names[series],
            evidence=significant(surprise.total[series] * self._ranking.weights[series]),
            surprise=significant(surprise.sustained[series]),
            deviation=significant(surprise.level[series]),
            before=significant(self._center[series]),
            after=None if math.isnan(after) else significant(after),
            missing=round(float(surprise.missing[series]), 4),
            changed_at=None if changed is None else timestamp(changed),
        )

    def _changed_at(self, series: int) -> float | None:
        first = int(self._ranking.surprise.first[series])
        return self._times[first] if 0 <= first < len(self._times) else None

    def _sentence(self, metric: MetricFinding, after_kpi: float | None, path: Sequence[str]) -> str:
        when = "" if metric.changed_at is None else f" at {metric.changed_at[11:].rstrip('Z')} UTC"
        text = f"`{metric.name}` {_change(metric)}{when}"
        if after_kpi is not None:
            text += f", {_relative(after_kpi)}"
        if len(path) > 1:
            text += f"; it reaches the health signal by {' -> '.join(path)}"
        return text + "."

    def _reason(self, entity: int) -> str:
        layout, ranking = self._layout, self._ranking
        series = max(
            self._series_of[entity], key=lambda s: significant(float(ranking.surprise.total[s]))
        )
        name = layout.names[series]
        explained = ranking.explained[entity]
        cause = int(explained.argmax())
        weight = ranking.weights[series]
        if weight == 0:
            return f"`{name}` is the symptom itself: a health signal of the entity that fails"
        if layout.traffic[series]:
            return f"`{name}` is traffic: more or less work arrives there, which others decide"
        if weight < 1 and layout.healthy[series] * ranking.surprise.level[series] > 0:
            return f"`{name}` moved in its healthy direction"
        if weight < 1:
            return f"`{name}` is another kind of signal than the one that fails"
        if explained[cause] >= EXPLAINS:
            upstream = layout.entities[cause]
            return f"`{upstream}`, which it depends on, explains {explained[cause]:.0%} of it"
        first = ranking.evidence[ranking.order[0]] / max(ranking.evidence[entity], 1e-12)
        if first > 1:
            return f"its evidence is {first:.1f} times weaker than that of the first"
        return "it has no path to the health signal that its evidence explains"


def quantity(value: float) -> str:
    """Return a number for people: four digits, thousands as k, M, G, T."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size <= abs(value) < 1e15:
            return f"{value / (1e3 if letter == 'k' else size):.4g}{letter}"
    return f"{value:.4g}"


def _change(metric: MetricFinding) -> str:
    """Return the change of a series in words: direction, ratio or values."""
    before, after = metric.before, metric.after
    if metric.missing >= SILENT:
        return "fell silent"
    if after is None:
        return "left its normal behaviour"
    direction = "rose" if after > before else "fell"
    if before == after:
        return f"behaves differently at the same level of {quantity(before)}"
    values = f"from {quantity(before)} to {quantity(after)}"
    if before > 0 and after / before >= 1.5:
        ratio = after / before
        return f"{direction} {f'{ratio:.3g}' if ratio < 1000 else 'more than 1000'}x, {values}"
    if before > 0 and 0 <= after / before <= 0.67:
        return f"{direction} to {after / before:.0%}, {values}"
    return f"{direction} {values}"


def _relative(seconds: float) -> str:
    """Time relative to the health signal in words."""
    if seconds == 0:
        return "together with the health signal"
    size = abs(seconds)
    amount = f"{size:.3g} s" if size < 120 else f"{size / 60:.3g} min"
    return f"{amount} {'before' if seconds < 0 else 'after'} the health signal"
