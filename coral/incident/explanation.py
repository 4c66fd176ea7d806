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
    SeenBefore,
    StateSeen,
    Tier,
    significant,
    timestamp,
)
from coral.incident.arguments import Candidate, arguments, objection, upstream
from coral.incident.confidence import tier_of_cause, tier_of_first
from coral.incident.patterns import patterns
from coral.incident.policy import VERDICT, VerdictPolicy
from coral.incident.situation import Situation
from coral.incident.unseen import unseen, unseen_in_words
from coral.localise.ranking import entity_maximum, weigh
from coral.localise.signature import signature
from coral.text import change, done, named, quoted, relative, where

__all__ = ["Findings", "correction"]

METRICS_PER_CAUSE = 3
SPARKLINES = 5  # causes whose first metric is drawn
RULED_OUT = 5
RANKED_NAMES = 200
HEALTH_SIGNALS = 3
OTHERS = 3  # causes named in the summary
CHANGES = 2  # change events named in it


class Findings:
    """Words and numbers of one ranking.

    Parameters
    ----------
    situation : Situation
    policy : VerdictPolicy

    Attributes
    ----------
    patterns : list of Pattern
        What kind of incident it is; usually nothing.
    tier : Tier
        How far the first cause can be trusted.
    unseen : list of Unseen
        Entities that are not seen.
    """

    def __init__(self, situation: Situation, policy: VerdictPolicy = VERDICT) -> None:
        self._situation, self._policy = situation, policy
        self._layout, self._ranking = situation.layout, situation.ranking
        self.patterns = patterns(situation, policy)
        self.tier: Tier = tier_of_first(situation, self.patterns, policy)
        self.unseen = unseen(situation)

    def summary(
        self, causes: Sequence[Cause], settled: Convergence, state: StateSeen | None
    ) -> str:
        """Return the summary of an event."""
        hidden = unseen_in_words(self.unseen, causes[0].entity if causes else "")
        more = (hidden, self.changed(), correction(settled), self.recognised(state))
        return " ".join(filter(None, (self.answer(causes), *more)))

    def answer(self, causes: Sequence[Cause]) -> str:
        """Return what kind of incident it is, the cause, and who else it could be."""
        if any(pattern.kind == "common load rise" for pattern in self.patterns):
            return f"No clear cause: {self.patterns[0].text}"
        if not causes or self.tier == "no clear cause":
            return "Something changed, but no entity stands out as its cause."
        sentences = [f"{pattern.text[0].upper()}{pattern.text[1:]}" for pattern in self.patterns]
        word = "Likely" if self.tier == "likely" else "Possible"
        sentences += [
            f"{word} cause: {where(causes[0].entity, self._layout.entities)}.",
            causes[0].text,
        ]
        others = list(causes[1:OTHERS])
        if second := self._second(causes):
            sentences += [
                f"Second cause: {where(second.entity, self._layout.entities)}.",
                second.text,
            ]
            others = [cause for cause in others if cause is not second]
        for tier, start in (("possible", "Also possible"), ("unlikely", "Unlikely")):
            if names := ", ".join(quoted(c.entity) for c in others if c.tier == tier):
                sentences.append(f"{start}: {names}.")
        return " ".join(sentences)

    def _second(self, causes: Sequence[Cause]) -> Cause | None:
        """Second of several causes, if it is one of those listed."""
        second = {p.entities[1] for p in self.patterns if p.kind == "several causes"}
        return next((cause for cause in causes[1:] if cause.entity in second), None)

    def recognised(self, state: StateSeen | None) -> str:
        """Return what is known of incidents that looked like this one; empty if of none.

        A confirmed incident says more than a state that the graph knows.
        """
        seen, told = self._situation.seen, ""
        if seen is not None:
            told = self._confirmed(seen)
        elif state is not None:
            told = (
                f"The system was last in this state in incident {state.incident}, which ended at "
                f"{state.ended}."
            )
        wrong = self._situation.rejected
        if wrong is None:
            return told
        rejected = (
            f"In incident {named(wrong.incident)}, which ended at {wrong.ended} and is "
            f"{wrong.similarity:.0%} similar, somebody said that {quoted(wrong.cause)} was not the "
            "cause."
        )
        return f"{told} {rejected}".lstrip()

    def _confirmed(self, seen: SeenBefore) -> str:
        text = (
            f"Seen before: this incident is {seen.similarity:.0%} similar to incident "
            f"{named(seen.incident)}, which ended at {seen.ended}. Its confirmed cause was "
            f"{quoted(seen.cause)}"
        )
        if seen.entity is None:
            return f"{text}, which no longer exists."
        now = "" if seen.entity == seen.cause else f", now {quoted(seen.entity)}"
        moved = f" Hence {quoted(seen.entity)} moved up one place." if seen.moved else ""
        return f"{text}{now}.{moved}"

    def changed(self) -> str:
        """Return what was done to the first causes, or to all of the system, before the onset."""
        sentences = [
            f"{text[0].upper()}{text[1:]}."
            for one in self._situation.changes
            if one.before_onset_s >= 0.0 or one.supports
            if one.entity is None or (one.rank is not None and one.rank <= OTHERS)
            if (text := done(one.entity, one.kind, one.before_onset_s))
        ]
        return " ".join(sentences[:CHANGES])

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
        series = self._situation.series_of(entity)
        metrics = [
            self._metric(s, draw=i == 0 and rank <= SPARKLINES)
            for i, s in enumerate(series[:METRICS_PER_CAUSE])
        ]
        after_health_s, interval = self._situation.after_health(series[0])
        path = ranking.paths[rank - 1]
        explains = self._share(path)
        candidate = Candidate(rank, entity, series, path, explains, after_health_s, interval)
        supporting, opposing = arguments(self._situation, candidate, self._policy)
        confirmed, rejected = self._said_before(entity)
        opposing += rejected
        supporting += confirmed
        supporting += [
            f"{done(one.entity, one.kind, one.before_onset_s)}, and it changed then"
            for one in self._situation.changes
            if one.supports and one.entity == layout.entities[entity]
        ]
        entities = [layout.entities[e] for e in path]
        return Cause(
            rank=rank,
            entity=layout.entities[entity],
            score=significant(ranking.scores[entity]),
            tier=tier_of_cause(self._situation, entity, self.tier, self._policy),
            evidence=significant(ranking.innovation[entity]),
            metrics=metrics,
            changed_after_kpi_s=after_health_s,
            path=entities,
            text=self._sentence(metrics[0], after_health_s, entities, explains),
            changed_after_kpi_interval_s=interval,
            explains=None if explains is None else round(explains, 4),
            evidence_for=supporting,
            evidence_against=opposing,
        )

    def _said_before(self, entity: int) -> tuple[list[str], list[str]]:
        """Return what people said of an entity in incidents like this one, for it and against."""
        seen, wrong = self._situation.seen, self._situation.rejected
        confirmed, rejected = list[str](), list[str]()
        if seen is not None and seen.entity == self._layout.entities[entity]:
            confirmed.append(
                f"it was the confirmed cause of a similar incident, {named(seen.incident)}"
            )
        if wrong is not None and self._situation.was_rejected(entity):
            rejected.append(
                "somebody said that it was not the cause of a similar incident, "
                f"{named(wrong.incident)}"
            )
        return confirmed, rejected

    def _share(self, path: Sequence[int]) -> float | None:
        """Share of the health signal's evidence that the edges of a path attribute to its start."""
        if len(path) < 2:
            return None
        return math.prod(float(self._ranking.explained[b, a]) for a, b in itertools.pairwise(path))

    def _metric(self, series: int, *, draw: bool) -> MetricFinding:
        scores = self._ranking.series
        changed = self._situation.changed_at(series)
        before, after = self._situation.levels(series)
        return MetricFinding(
            name=self._layout.names[series],
            evidence=significant(float(weigh(scores.total[series], self._ranking.weights[series]))),
            surprise=significant(scores.sustained[series]),
            deviation=significant(scores.level[series]),
            before=significant(before),
            after=None if math.isnan(after) else significant(after),
            missing=round(float(scores.missing[series]), 4),
            changed_at=None if changed is None else timestamp(changed),
            course=self._sparkline(series) if draw else None,
            kind=self._situation.kind_of(series),
        )

    def _sentence(
        self,
        metric: MetricFinding,
        after_health_s: float | None,
        path: Sequence[str],
        explains: float | None,
    ) -> str:
        """Say what changed, when, how long before which health signal, and what it explains."""
        moment = "" if metric.changed_at is None else f"{metric.changed_at[11:].rstrip('Z')} UTC"
        growth = metric.kind == "counter"
        changed = change(
            metric.name, metric.before, metric.after, metric.missing, moment, growth=growth
        )
        text = f"{quoted(metric.name)} {changed}"
        first = self._situation.first_health
        health = "the health signal" if first is None else quoted(self._layout.names[first])
        if after_health_s is not None and health != quoted(metric.name):
            text += f", {relative(after_health_s, health)}"
        way = " -> ".join(map(named, path))
        if explains is not None and self._situation.health_is_normal:
            text += (
                f". The topology leads from it to the health signal ({way}), which is still normal"
            )
        elif explains is not None:
            text += f". Along {way} it can explain up to {explains:.0%} of the change of {health}"
        return f"{text}."

    def _sparkline(self, series: int) -> Course:
        span, before, after = self._situation.sparklines
        return Course(
            rows=span,
            before=[_point(value) for value in before[:, series].tolist()],
            after=[_point(value) for value in after[:, series].tolist()],
        )

    def _reason(self, entity: int) -> str:
        layout, ranking = self._layout, self._ranking
        series = max(
            self._situation.series_of(entity),
            key=lambda s: significant(float(ranking.series.total[s])),
        )
        said = objection(layout, ranking, series) or upstream(layout, ranking, entity, self._policy)
        if said:
            return said
        best = quoted(layout.entities[ranking.order[0]])
        weaker = ranking.innovation[ranking.order[0]] / max(ranking.innovation[entity], 1e-12)
        if 1 < weaker < self._policy.visible_weakness:
            return f"its evidence is a little weaker than that of {best}"
        if weaker > 1:
            return f"its evidence is {weaker:.1f} times weaker than that of {best}"
        return "its evidence is strong, but the topology hardly links it to a health signal"


def correction(settled: Convergence) -> str:
    """Say that an earlier, settled ranking had another first; empty if it had not."""
    first = settled.corrected
    return f"Corrected: the ranking had settled on {quoted(first)} before." if first else ""


def _point(value: float) -> float | None:
    return significant(value, 4) if math.isfinite(value) else None
