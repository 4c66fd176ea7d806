"""From a ranking to what is published: findings in words and numbers."""

import itertools
import math
from collections.abc import Sequence

from coral.contract.events import (
    Cause,
    Convergence,
    Course,
    MetricFinding,
    RuledOut,
    Scored,
    StateSeen,
    Tier,
    significant,
    timestamp,
)
from coral.incident.arguments import (
    LIKELY_CONSENSUS,
    LIKELY_MARGIN,
    NORMAL_ROWS,
    SURPRISING,
    Candidate,
    arguments,
    objection,
    upstream,
)
from coral.incident.patterns import patterns
from coral.incident.situation import LEAST_SURPRISE, Situation
from coral.localise.ranking import entity_maximum, weigh
from coral.localise.signature import signature
from coral.text import change, named, quoted, relative

__all__ = ["Findings", "correction"]

METRICS_PER_CAUSE = 3
COURSES = 5  # causes whose first metric is drawn
RULED_OUT = 5
RANKED_NAMES = 200
HEALTH_SIGNALS = 3


class Findings:
    """Words and numbers of one ranking.

    Parameters
    ----------
    situation : Situation
    """

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._layout, self._ranking = situation.layout, situation.ranking
        self.patterns = patterns(situation)
        self._kinds = {pattern.kind for pattern in self.patterns}
        self._series_of: list[list[int]] = [[] for _ in self._layout.entities]
        for series in self._ranking.metric_order:
            self._series_of[self._layout.owner[series]].append(series)

    @property
    def tier(self) -> Tier:
        """How far the first cause can be trusted."""
        ranking = self._ranking
        first, sustained = ranking.order[0], ranking.series.sustained
        series = self._series_of[first]
        nothing = ranking.scores[first] <= 0 or sustained[series].max() < LEAST_SURPRISE
        if nothing or "common load rise" in self._kinds:
            return "no clear cause"
        if "self-sustaining loop" in self._kinds:
            return "possible"
        apart = ranking.consensus >= LIKELY_CONSENSUS and ranking.margin >= LIKELY_MARGIN
        known = self._situation.base_rows >= min(len(self._layout.names), NORMAL_ROWS)
        surprising = sustained[series[0]] >= SURPRISING and self._situation.is_felt
        return "likely" if apart and known and surprising else "possible"

    def summary(self, causes: Sequence[Cause]) -> str:
        """Return the answer in one sentence, after what kind of incident it is."""
        kinds = "".join(
            f"{pattern.text[0].upper()}{pattern.text[1:]} " for pattern in self.patterns
        )
        if "common load rise" in self._kinds:
            return f"No clear cause: {self.patterns[0].text}"
        if not causes or self.tier == "no clear cause":
            return "Something changed, but no series stands out as its cause."
        words = "Likely cause" if self.tier == "likely" else "Possible cause"
        others = ", ".join(quoted(cause.entity) for cause in causes[1:3])
        then = f" Next: {others}." if others else ""
        return f"{kinds}{words}: {quoted(causes[0].entity)}. {causes[0].text}{then}"

    def recognised(self, state: StateSeen | None) -> str:
        """Return what is known of an incident that looked like this one; empty if of none.

        A confirmed incident says more than a state that the graph knows.
        """
        seen = self._situation.seen
        if seen is None and state is not None:
            return f"This state was last seen in incident {state.incident}, until {state.ended}."
        if seen is None:
            return ""
        text = (
            f"Seen before: this looks {seen.similarity:.0%} like incident {named(seen.incident)}, "
            f"until {seen.ended}; its confirmed cause was {quoted(seen.cause)}"
        )
        if seen.entity is None:
            return f"{text}, which is gone."
        now = "" if seen.entity == seen.cause else f", now {quoted(seen.entity)}"
        moved = " It was moved up one place for that." if seen.moved else ""
        return f"{text}{now}.{moved}"

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
        raw = entity_maximum(layout, ranking.series.total).tolist()
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

    def signature(self) -> list[Scored]:
        """Series that moved most, with their signed evidence."""
        signed = signature(self._layout.names, self._ranking.series)
        return [Scored(name=name, score=score) for name, score in signed.items()]

    def health(self) -> list[MetricFinding]:
        """Describe what the health signals themselves did, the first few of them."""
        return [self._metric(s, draw=True) for s in self._layout.health_series[:HEALTH_SIGNALS]]

    def _cause(self, rank: int, entity: int) -> Cause:
        ranking, layout = self._ranking, self._layout
        series = self._series_of[entity]
        metrics = [
            self._metric(s, draw=i == 0 and rank <= COURSES)
            for i, s in enumerate(series[:METRICS_PER_CAUSE])
        ]
        after_kpi, interval = self._situation.after_health(series[0])
        path = ranking.paths[rank - 1]
        explains = self._share(path)
        candidate = Candidate(rank, entity, series, path, explains, after_kpi, interval)
        favour, against = arguments(self._situation, candidate)
        seen = self._situation.seen
        if seen is not None and seen.entity == layout.entities[entity]:
            favour.append(f"it was the cause of incident {named(seen.incident)}, alike")
        entities = [layout.entities[e] for e in path]
        return Cause(
            rank=rank,
            entity=layout.entities[entity],
            score=significant(ranking.scores[entity]),
            tier=self._tier_of(rank, entity),
            evidence=significant(ranking.innovation[entity]),
            metrics=metrics,
            changed_after_kpi_s=after_kpi,
            path=entities,
            text=self._sentence(metrics[0], after_kpi, entities, explains),
            changed_after_kpi_interval_s=interval,
            explains=None if explains is None else round(explains, 4),
            evidence_for=favour,
            evidence_against=against,
        )

    def _tier_of(self, rank: int, entity: int) -> Tier:
        if rank == 1 or self.tier == "no clear cause":
            return self.tier
        scores = self._ranking.scores
        return "possible" if scores[entity] >= 0.5 * scores[self._ranking.order[0]] else "unlikely"

    def _share(self, path: Sequence[int]) -> float | None:
        """Share of the health signal's evidence that the edges of a path attribute to its start."""
        if len(path) < 2:
            return None
        return math.prod(float(self._ranking.explained[b, a]) for a, b in itertools.pairwise(path))

    def _metric(self, series: int, *, draw: bool) -> MetricFinding:
        surprise = self._ranking.series
        changed = self._situation.changed_at(series)
        after = float(surprise.after[series])
        return MetricFinding(
            name=self._layout.names[series],
            evidence=significant(
                float(weigh(surprise.total[series], self._ranking.weights[series]))
            ),
            surprise=significant(surprise.sustained[series]),
            deviation=significant(surprise.level[series]),
            before=significant(self._situation.center[series]),
            after=None if math.isnan(after) else significant(after),
            missing=round(float(surprise.missing[series]), 4),
            changed_at=None if changed is None else timestamp(changed),
            course=self._course(series) if draw else None,
        )

    def _sentence(
        self,
        metric: MetricFinding,
        after_kpi: float | None,
        path: Sequence[str],
        explains: float | None,
    ) -> str:
        """Say what changed, when, how long before which health signal, and what it explains."""
        when = "" if metric.changed_at is None else f" at {metric.changed_at[11:].rstrip('Z')} UTC"
        text = f"{quoted(metric.name)} {change(metric.before, metric.after, metric.missing)}{when}"
        first = self._situation.first_health
        health = "the health signal" if first is None else quoted(self._layout.names[first])
        if after_kpi is not None and health != quoted(metric.name):
            text += f", {relative(after_kpi, health)}"
        way = " -> ".join(map(named, path))
        if explains is not None and self._situation.health_is_normal:
            text += f"; known edges lead from it to the health signal ({way}), which stayed normal"
        elif explains is not None:
            text += f"; known edges let it explain up to {explains:.0%} of {health} ({way})"
        return f"{text}."

    def _course(self, series: int) -> Course:
        span, before, after = self._situation.courses
        return Course(
            rows=span,
            before=[_point(value) for value in before[:, series].tolist()],
            after=[_point(value) for value in after[:, series].tolist()],
        )

    def _reason(self, entity: int) -> str:
        layout, ranking = self._layout, self._ranking
        series = max(
            self._series_of[entity], key=lambda s: significant(float(ranking.series.total[s]))
        )
        said = objection(layout, ranking, series) or upstream(layout, ranking, entity)
        if said:
            return said
        first = ranking.innovation[ranking.order[0]] / max(ranking.innovation[entity], 1e-12)
        if 1 < first < 1.05:
            return "its evidence is a little weaker than that of the first"
        if first > 1:
            return f"its evidence is {first:.1f} times weaker than that of the first"
        return "it has no path to the health signal that its evidence explains"


def correction(settled: Convergence) -> str:
    """Say that the ranking had settled on another entity; empty if it had not."""
    first = settled.corrected
    return f"Corrected: the ranking had settled on {quoted(first)} before." if first else ""


def _point(value: float) -> float | None:
    return significant(value, 4) if math.isfinite(value) else None
