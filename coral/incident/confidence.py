"""How far the first cause can be trusted: its tier."""

from collections.abc import Sequence

from coral.contract.events import Pattern, Tier
from coral.incident.policy import VERDICT, VerdictPolicy
from coral.incident.shared_cause import shared_cause
from coral.incident.situation import Situation
from coral.incident.unseen import hides_a_cause
from coral.localise.innovation import InnovationScores
from coral.text import MOSTLY_MISSING

__all__ = [
    "base_is_long_enough",
    "health_is_affected",
    "partly_missing",
    "tier_of_cause",
    "tier_of_first",
]


def tier_of_first(
    situation: Situation, patterns: Sequence[Pattern], policy: VerdictPolicy = VERDICT
) -> Tier:
    """Return how far the first cause can be trusted.

    Parameters
    ----------
    situation : Situation
    patterns : sequence of Pattern
        What kind of incident it is.
    policy : VerdictPolicy

    Returns
    -------
    Tier
        *No clear cause* when nothing deviates, or load alone explains what does; *likely* when the
        evidence can carry it: a cause that is known to vary, moved with the fault and not before
        it, far and in more than one row, ahead of the second, in simpler rankings too, while a
        health signal deviates, nobody of the topology is hidden, what another one shows too is not
        what both depend on, the data give no other reason for what it did, and nobody has rejected
        it in an incident like this one; else *possible*.
    """
    ranking = situation.ranking
    first, deviation = ranking.order[0], ranking.series.sustained
    series = situation.series_of(first)
    kinds = {pattern.kind for pattern in patterns}
    if ranking.scores[first] <= 0 or deviation[series].max() < policy.least_deviation:
        return "no clear cause"
    if "common load rise" in kinds:
        return "no clear cause"
    if "self-sustaining loop" in kinds:  # what began it is over: not what to mend now
        return "possible"
    likely = (
        ranking.consensus >= policy.likely_consensus
        and ranking.margin >= policy.likely_margin
        and ranking.rows >= policy.likely_rows
        and base_is_long_enough(situation, policy)
        and evidence_carries(ranking.series, series[0], policy)
        and situation.artefact_of(series[0]) is None
        and not partly_missing(ranking.series, series[0], policy)
        and health_is_affected(situation, policy)
        and not hides_a_cause(situation)
        and shared_cause(situation, policy) is None
        and not situation.was_rejected(first)
    )
    return "likely" if likely else "possible"


def tier_of_cause(
    situation: Situation, entity: int, first: Tier, policy: VerdictPolicy = VERDICT
) -> Tier:
    """Return how far an entity can be trusted to be the cause, given the tier of the first.

    Parameters
    ----------
    situation : Situation
    entity : int
    first : Tier
    policy : VerdictPolicy
    """
    scores, best = situation.ranking.scores, situation.ranking.order[0]
    if entity == best or first == "no clear cause":
        return first
    possible = scores[entity] >= policy.possible_share * scores[best]
    return "possible" if possible else "unlikely"


def health_is_affected(situation: Situation, policy: VerdictPolicy = VERDICT) -> bool:
    """Whether a health signal deviates in more than single rows, or there is none to ask."""
    deviation = situation.ranking.series.sustained[situation.layout.health_series]
    return not deviation.size or bool(deviation.max() >= policy.least_deviation)


def evidence_carries(
    scores: InnovationScores, series: int, policy: VerdictPolicy = VERDICT
) -> bool:
    """Whether what a series did says by itself that it has to do with the fault.

    One that was constant in all normal rows tells that it never did this before, not how unusual
    that is; one that was out before the onset was so without the fault.
    """
    large = bool(scores.total[series] >= policy.likely_evidence)
    return large and bool(scores.varied[series]) and not scores.outside_before[series]


def partly_missing(scores: InnovationScores, series: int, policy: VerdictPolicy = VERDICT) -> bool:
    """Whether a share of the values of a series is missing: the data may be what changed.

    One that is missing altogether is what happened.
    """
    return bool(policy.missing_share <= scores.missing[series] < MOSTLY_MISSING)


def base_is_long_enough(situation: Situation, policy: VerdictPolicy = VERDICT) -> bool:
    """Whether so many normal rows are known that a series outside their range means something."""
    return situation.base_rows >= min(len(situation.layout.names), policy.most_base_rows)
