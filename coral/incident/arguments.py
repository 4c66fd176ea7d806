"""What speaks for a candidate, and what against it: one sentence an argument."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from coral.incident.confidence import base_is_long_enough, health_is_affected
from coral.incident.policy import DEFAULT, VerdictPolicy
from coral.incident.situation import Situation
from coral.localise.layout import Layout
from coral.localise.ranking import Ranking
from coral.text import SILENT, quoted, relative

__all__ = ["Candidate", "arguments", "objection", "upstream"]


class Candidate(NamedTuple):
    """One ranked entity, as its finding describes it."""

    rank: int
    entity: int
    series: Sequence[int]  # of the entity, best first
    path: Sequence[int]  # entities, to the health signal
    explains: float | None
    changed_after_kpi_s: float | None
    interval: Sequence[float] | None  # of it


Said = list[tuple[bool, str]]  # whether it speaks for the candidate, and the sentence


def arguments(
    situation: Situation, candidate: Candidate, policy: VerdictPolicy = DEFAULT
) -> tuple[list[str], list[str]]:
    """Return the sentences for and against a candidate, strongest kind first.

    Parameters
    ----------
    situation : Situation
    candidate : Candidate
    policy : VerdictPolicy

    Returns
    -------
    favour, against : list of str
        At most `VerdictPolicy.most_arguments` each, whatever the size of the system.
    """
    said = [
        *_trust(situation, candidate, policy),
        *_surprise(situation, candidate, policy),
        *_timing(situation, candidate, policy),
        *_edges(situation, candidate, policy),
        *_kind(situation, candidate),
        *_data(situation, candidate, policy),
    ]
    favour = [sentence for speaks_for, sentence in said if speaks_for]
    against = [sentence for speaks_for, sentence in said if not speaks_for]
    return favour[: policy.most_arguments], against[: policy.most_arguments]


def _trust(situation: Situation, candidate: Candidate, policy: VerdictPolicy) -> Said:
    """Distance to the others, and whether cheaper rankings agree."""
    ranking = situation.ranking
    if candidate.rank > 1:
        first = ranking.evidence[ranking.order[0]]
        own = max(float(ranking.evidence[candidate.entity]), 1e-12)
        weaker = first / own
        sentence = f"its evidence is {_times(weaker)} weaker than that of the first"
        return [(False, sentence)] if weaker >= policy.visible_weakness else []
    agree = ranking.consensus >= policy.likely_consensus
    verdict = "agree" if agree else "do not all agree"
    said = [(agree, f"simpler rankings {verdict} that it is first ({ranking.consensus:.2f} of 1)")]
    apart, ratio = ranking.margin >= policy.likely_margin, math.exp(ranking.margin)
    if len(ranking.order) > 1:
        only = "" if apart else "only "
        said.append((apart, f"its score is {only}{_times(ratio)} that of the second"))
    return said


def _surprise(situation: Situation, candidate: Candidate, policy: VerdictPolicy) -> Said:
    """How far it does what the normal state does not predict, and how many of its series do."""
    layout, sustained = situation.layout, situation.ranking.surprise.sustained
    best = candidate.series[0]
    said: Said = []
    if sustained[best] >= policy.clear_deviation:
        times = _times(math.exp(sustained[best]))
        said.append((True, f"{quoted(layout.names[best])} surprises {times} as much as usual"))
    elif candidate.rank == 1:
        said.append((False, f"{quoted(layout.names[best])} surprises less than twice as usual"))
    count = sum(bool(sustained[s] >= policy.clear_deviation) for s in candidate.series)
    if count > 1 and 2 * count >= len(candidate.series):
        some = "all" if count == len(candidate.series) else f"{count} of"
        said.append((True, f"{some} its {len(candidate.series)} series surprise"))
    return said


def _timing(situation: Situation, candidate: Candidate, policy: VerdictPolicy) -> Said:
    """Whether it changed before the health signal, beyond what the grid leaves open."""
    if candidate.rank == 1 and situation.health_is_normal:
        return [(False, "no health signal has left its normal range")]
    if candidate.rank == 1 and not health_is_affected(situation, policy):
        return [(False, "no health signal behaves differently for more than single rows")]
    if candidate.interval is None or candidate.changed_after_kpi_s is None:
        return []
    low, high = candidate.interval
    if low <= 0.0 <= high:
        return []
    return [(high < 0.0, f"it changed {relative(candidate.changed_after_kpi_s)}")]


def _edges(situation: Situation, candidate: Candidate, policy: VerdictPolicy) -> Said:
    """Whether known edges lead from it to the health signal, and from another cause to it."""
    layout = situation.layout
    said: Said = []
    if candidate.explains is not None and not situation.health_is_normal:
        enough, share = candidate.explains >= policy.explains, f"{candidate.explains:.0%}"
        most = f"up to {share}" if enough else f"only {share}"
        said.append((enough, f"known edges attribute {most} of the health signal to it"))
    elif not candidate.path and len(layout.relations) and layout.kpi_entities:
        said.append((False, "no known edge leads from it to the health signal"))
    if sentence := upstream(layout, situation.ranking, candidate.entity, policy):
        said.append((False, sentence))
    return said


def _kind(situation: Situation, candidate: Candidate) -> Said:
    """Kind of signal that its evidence rests on."""
    layout, best = situation.layout, candidate.series[0]
    if sentence := objection(layout, situation.ranking, best):
        return [(False, sentence)]
    if layout.internal[best] and not layout.internal.all():
        return [(True, f"{quoted(layout.names[best])} is its own: no latency, error or traffic")]
    return []


def _data(situation: Situation, candidate: Candidate, policy: VerdictPolicy) -> Said:
    """Whether the data themselves give reason for doubt."""
    layout, ranking, best = situation.layout, situation.ranking, candidate.series[0]
    said: Said = []
    name, missing = quoted(layout.names[best]), float(ranking.surprise.missing[best])
    if policy.missing_share <= missing < SILENT:
        said.append((False, f"{missing:.0%} of the values of {name} are missing"))
    if ranking.surprise.first[best] < 0:
        said.append((False, f"no single row of {name} left its normal range"))
    if candidate.rank == 1 and not base_is_long_enough(situation, policy):
        known = f"{situation.base_rows} rows of normal state for {len(layout.names)} series"
        said.append((False, f"only {known}: some always do what they never did"))
    if candidate.rank == 1 and ranking.rows < policy.few_rows:
        rows = "one row" if ranking.rows == 1 else f"{ranking.rows} rows"
        said.append((False, f"only {rows} so far"))
    return said


def objection(layout: Layout, ranking: Ranking, series: int) -> str | None:
    """Return why the kind of a series makes its evidence count less; None if it does not."""
    name, weight = quoted(layout.names[series]), ranking.weights[series]
    if weight == 0:
        return f"{name} is the symptom itself: a health signal of the entity that fails"
    if layout.traffic[series]:
        return f"{name} is traffic: more or less work arrives there, which others decide"
    if weight < 1 and layout.healthy[series] * ranking.surprise.level[series] > 0:
        return f"{name} moved in its healthy direction"
    if weight < 1:
        return f"{name} is another kind of signal than the one that fails"
    return None


def upstream(layout: Layout, ranking: Ranking, entity: int, policy: VerdictPolicy) -> str | None:
    """Return which direct cause explains an entity; None if none explains enough of it."""
    explained = ranking.explained[entity]
    cause = int(explained.argmax())
    if explained[cause] < policy.explains:
        return None
    name = quoted(layout.entities[cause])
    return f"{name}, which it depends on, explains {explained[cause]:.0%} of it"


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times" if ratio < 1000 else "more than 1000 times"
