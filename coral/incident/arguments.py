"""What speaks for a candidate, and what against it: one sentence an argument."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from coral.incident.confidence import base_is_long_enough, health_is_affected, partly_missing
from coral.incident.policy import VERDICT, VerdictPolicy
from coral.incident.shared_cause import shared_cause
from coral.incident.situation import Situation
from coral.incident.unseen import hides_a_cause
from coral.localise.layout import Layout
from coral.localise.ranking import Ranking
from coral.localise.roles import Role
from coral.text import MOSTLY_MISSING, quoted, relative

__all__ = ["Candidate", "arguments", "objection", "upstream"]


class Candidate(NamedTuple):
    """One ranked entity, as its finding describes it."""

    rank: int
    entity: int
    series: Sequence[int]  # of the entity, best first
    path: Sequence[int]  # entities, to the health signal
    explains: float | None
    changed_after_health_s: float | None
    interval: Sequence[float] | None  # of it


Arguments = list[tuple[bool, str]]  # whether it speaks for the candidate, and the sentence


def arguments(
    situation: Situation, candidate: Candidate, policy: VerdictPolicy = VERDICT
) -> tuple[list[str], list[str]]:
    """Return the sentences for and against a candidate, strongest kind first.

    Parameters
    ----------
    situation : Situation
    candidate : Candidate
    policy : VerdictPolicy

    Returns
    -------
    supporting, opposing : list of str
        At most `VerdictPolicy.most_arguments` each, whatever the size of the system.
    """
    found = [
        *_distance(situation, candidate, policy),
        *_deviation(situation, candidate, policy),
        *_timing(situation, candidate, policy),
        *_topology(situation, candidate, policy),
        *_kind(situation, candidate),
        *_data(situation, candidate, policy),
        *_hidden(situation, candidate, policy),
    ]
    supporting = [sentence for speaks_for, sentence in found if speaks_for]
    opposing = [sentence for speaks_for, sentence in found if not speaks_for]
    return supporting[: policy.most_arguments], opposing[: policy.most_arguments]


def _distance(situation: Situation, candidate: Candidate, policy: VerdictPolicy) -> Arguments:
    """Distance to the others, and whether simpler rankings agree."""
    ranking, entities = situation.ranking, situation.layout.entities
    best = ranking.order[0]
    if candidate.rank > 1:
        weaker = ranking.innovation[best] / max(float(ranking.innovation[candidate.entity]), 1e-12)
        sentence = f"its evidence is {_times(weaker)} weaker than that of {quoted(entities[best])}"
        return [(False, sentence)] if weaker >= policy.visible_weakness else []
    agree = ranking.consensus >= policy.likely_consensus
    verdict = "agree" if agree else "do not all agree"
    agreement = f"agreement {ranking.consensus:.2f} of 1"
    found = [(agree, f"simpler rankings {verdict} that it is first ({agreement})")]
    if len(ranking.order) > 1:
        apart, second = ranking.margin >= policy.likely_margin, entities[ranking.order[1]]
        ratio = f"{'' if apart else 'only '}{_times(math.exp(ranking.margin))}"
        found.append((apart, f"its score is {ratio} that of {quoted(second)}, the second"))
    return found


def _deviation(situation: Situation, candidate: Candidate, policy: VerdictPolicy) -> Arguments:
    """How far it is from what the normal state predicts, and how many of its series are."""
    scores, best = situation.ranking.series, candidate.series[0]
    name, deviation = quoted(situation.layout.names[best]), scores.sustained
    found: Arguments = []
    if deviation[best] < policy.clear_deviation:
        if candidate.rank == 1:
            sentence = f"{name} is less than twice as far from its prediction as usual"
            found.append((False, sentence))
    elif scores.missing[best] >= MOSTLY_MISSING:
        found.append((True, f"{name} has no value in {scores.missing[best]:.0%} of the rows"))
    else:
        times = _times(math.exp(deviation[best]))
        found.append((True, f"{name} is {times} as far from its prediction as usual"))
    count = sum(bool(deviation[s] >= policy.clear_deviation) for s in candidate.series)
    if count > 1 and 2 * count >= len(candidate.series):
        part = "all" if count == len(candidate.series) else f"{count} of"
        sentence = f"{part} its {len(candidate.series)} series deviate clearly from prediction"
        found.append((True, sentence))
    return found


def _timing(situation: Situation, candidate: Candidate, policy: VerdictPolicy) -> Arguments:
    """Whether it changed before the health signal, beyond what the grid leaves open."""
    if candidate.rank == 1 and situation.health_is_normal:
        return [(False, "no health signal has left its normal range")]
    if candidate.rank == 1 and not health_is_affected(situation, policy):
        return [(False, "the health signals deviate in single rows only")]
    if candidate.interval is None or candidate.changed_after_health_s is None:
        return []
    low, high = candidate.interval
    if low <= 0.0 <= high:
        return []
    return [(high < 0.0, f"it changed {relative(candidate.changed_after_health_s)}")]


def _topology(situation: Situation, candidate: Candidate, policy: VerdictPolicy) -> Arguments:
    """Whether known edges lead from it to the health signal, and from another cause to it."""
    layout = situation.layout
    found: Arguments = []
    if candidate.explains is not None and not situation.health_is_normal:
        enough, share = candidate.explains >= policy.explains, f"{candidate.explains:.0%}"
        most = f"up to {share}" if enough else f"only {share}"
        sentence = f"by the topology it can explain {most} of the change of the health signal"
        found.append((enough, sentence))
    elif not candidate.path and len(layout.relations) and layout.health_entities:
        found.append((False, "the topology has no path from it to a health signal"))
    if reason := upstream(layout, situation.ranking, candidate.entity, policy):
        found.append((False, reason))
    return found


def _kind(situation: Situation, candidate: Candidate) -> Arguments:
    """Kind of signal that its evidence rests on."""
    layout, best = situation.layout, candidate.series[0]
    if sentence := objection(layout, situation.ranking, best):
        return [(False, sentence)]
    if layout.internal[best] and not layout.internal.all():
        name = quoted(layout.names[best])
        return [(True, f"{name} is internal to it: not latency, errors or traffic")]
    return []


def _data(situation: Situation, candidate: Candidate, policy: VerdictPolicy) -> Arguments:
    """Whether the data themselves give reason for doubt."""
    layout, ranking, best = situation.layout, situation.ranking, candidate.series[0]
    found: Arguments = []
    name, missing = quoted(layout.names[best]), float(ranking.series.missing[best])
    if artefact := situation.artefact_of(best):
        found.append((False, f"{name} {artefact}: the data may be what changed"))
    if partly_missing(ranking.series, best, policy):
        found.append((False, f"{missing:.0%} of the values of {name} are missing"))
    if not ranking.series.varied[best]:
        found.append((False, f"{name} never varied before: how far it may move is not known"))
    if before := int(ranking.series.outside_before[best]):
        rows = "one row" if before == 1 else f"{before} rows"
        found.append((False, f"{name} had left its earlier range {rows} before the onset"))
    if ranking.series.first[best] < 0:
        found.append((False, f"no single value of {name} is outside its normal range"))
    if candidate.rank == 1 and not base_is_long_enough(situation, policy):
        known = f"{situation.base_rows} normal rows are known for {len(layout.names)} series"
        found.append((False, f"only {known}: some series leave their range by chance"))
    if candidate.rank == 1 and ranking.rows < policy.few_rows:
        rows = "one row" if ranking.rows == 1 else f"{ranking.rows} rows"
        found.append((False, f"only {rows} since the onset"))
    return found


def _hidden(situation: Situation, candidate: Candidate, policy: VerdictPolicy) -> Arguments:
    """Whether others of the topology are not seen, or would show nothing."""
    found: Arguments = []
    if candidate.rank == 1 and hides_a_cause(situation):
        found.append((False, "another entity of the topology is not seen: it could be that one"))
    if candidate.rank == 1 and (shared := shared_cause(situation, policy)):
        other, both = (quoted(situation.layout.entities[entity]) for entity in shared)
        found.append((False, f"{other} moved too, and both depend on {both}: it could be that one"))
    return found


def objection(layout: Layout, ranking: Ranking, series: int) -> str | None:
    """Return why the kind of a series makes its evidence count less; None if it does not."""
    name, weight = quoted(layout.names[series]), ranking.weights[series]
    if ranking.series.flag[series]:
        return f"{name} is a symptom: a flag that was set together with the health signals"
    if weight == 0:
        return f"{name} is a symptom: latency or errors of the entity whose health is watched"
    if layout.load[series]:
        return f"{name} is traffic: others decide how much work arrives"
    if layout.signal[series] and layout.healthy[series] * ranking.series.level[series] > 0:
        return f"{name} changed for the better"
    if layout.other_kind[series]:
        latency = layout.roles[series] is Role.LATENCY
        kind, other = ("latency", "errors") if latency else ("errors", "latency")
        return f"{name} measures {kind}, but the health signals measure {other}"
    return None


def upstream(layout: Layout, ranking: Ranking, entity: int, policy: VerdictPolicy) -> str | None:
    """Return which direct cause explains an entity; None if none explains enough of it."""
    explained = ranking.explained[entity]
    cause = int(explained.argmax())
    if explained[cause] < policy.explains:
        return None
    name = quoted(layout.entities[cause])
    return f"{name}, which it depends on, explains {explained[cause]:.0%} of its change"


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times" if ratio < 1000 else "more than 1000 times"
