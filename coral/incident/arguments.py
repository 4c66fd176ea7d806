"""What speaks for a candidate, and what against it: one sentence an argument."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from coral.incident.situation import Situation
from coral.localise.layout import Layout
from coral.localise.ranking import Ranking
from coral.text import SILENT, quoted, relative

__all__ = [
    "LIKELY_CONSENSUS",
    "LIKELY_MARGIN",
    "NORMAL_ROWS",
    "SURPRISING",
    "Candidate",
    "arguments",
    "objection",
    "upstream",
]

# Trust: what the consensus of cheap variants of the ranking and the distance to the second say.
LIKELY_CONSENSUS = 0.8
LIKELY_MARGIN = math.log(1.25)
# Of n series that were normal for m rows, n / (m + 1) are expected to leave their range in the next
# one. With fewer rows than series nothing is likely; more than so many rows need not be known.
NORMAL_ROWS = 512
# A cause counts as explaining an entity in words from this share on.
EXPLAINS = 0.5
# A series is surprising from twice its usual surprise on: rows without a fault seldom get there.
SURPRISING = math.log(2.0)
# Cells missing, above the usual share, that are worth a word.
GAPS = 0.1
# Fewer rows prove nothing.
FEW_ROWS = 4


class Candidate(NamedTuple):
    """One ranked entity, as its finding describes it."""

    rank: int
    entity: int
    series: Sequence[int]  # of the entity, best first
    path: Sequence[int]  # entities, to the health signal
    explains: float | None
    changed_after_kpi_s: float | None
    interval: Sequence[float] | None  # of it


def arguments(situation: Situation, candidate: Candidate) -> tuple[list[str], list[str]]:
    """Return the sentences for and against a candidate, strongest kind first.

    Parameters
    ----------
    situation : Situation
    candidate : Candidate

    Returns
    -------
    favour, against : list of str
        At most six each, whatever the size of the system.
    """
    favour: list[str] = []
    against: list[str] = []
    for aspect in (_trust, _surprise, _timing, _edges, _kind, _data):
        for speaks_for, sentence in aspect(situation, candidate):
            (favour if speaks_for else against).append(sentence)
    return favour[:6], against[:6]


Said = list[tuple[bool, str]]  # whether it speaks for the candidate, and the sentence


def _trust(situation: Situation, candidate: Candidate) -> Said:
    """Distance to the others, and whether cheaper rankings agree."""
    ranking = situation.ranking
    if candidate.rank > 1:
        first = ranking.innovation[ranking.order[0]]
        own = max(float(ranking.innovation[candidate.entity]), 1e-12)
        weaker = first / own
        sentence = f"its evidence is {_times(weaker)} weaker than that of the first"
        return [(False, sentence)] if weaker >= 1.05 else []
    agree = ranking.consensus >= LIKELY_CONSENSUS
    verdict = "agree" if agree else "do not all agree"
    said = [(agree, f"simpler rankings {verdict} that it is first ({ranking.consensus:.2f} of 1)")]
    apart, ratio = ranking.margin >= LIKELY_MARGIN, math.exp(ranking.margin)
    if len(ranking.order) > 1:
        only = "" if apart else "only "
        said.append((apart, f"its score is {only}{_times(ratio)} that of the second"))
    return said


def _surprise(situation: Situation, candidate: Candidate) -> Said:
    """How far it does what the normal state does not predict, and how many of its series do."""
    layout, sustained = situation.layout, situation.ranking.series.sustained
    best = candidate.series[0]
    said: Said = []
    if sustained[best] >= SURPRISING:
        times = _times(math.exp(sustained[best]))
        said.append((True, f"{quoted(layout.names[best])} surprises {times} as much as usual"))
    elif candidate.rank == 1:
        said.append((False, f"{quoted(layout.names[best])} surprises less than twice as usual"))
    count = sum(bool(sustained[s] >= SURPRISING) for s in candidate.series)
    if count > 1 and 2 * count >= len(candidate.series):
        some = "all" if count == len(candidate.series) else f"{count} of"
        said.append((True, f"{some} its {len(candidate.series)} series surprise"))
    return said


def _timing(situation: Situation, candidate: Candidate) -> Said:
    """Whether it changed before the health signal, beyond what the grid leaves open."""
    if candidate.rank == 1 and situation.health_is_normal:
        return [(False, "no health signal has left its normal range")]
    if candidate.rank == 1 and not situation.is_felt:
        return [(False, "no health signal behaves differently for more than single rows")]
    if candidate.interval is None or candidate.changed_after_kpi_s is None:
        return []
    low, high = candidate.interval
    if low <= 0.0 <= high:
        return []
    return [(high < 0.0, f"it changed {relative(candidate.changed_after_kpi_s)}")]


def _edges(situation: Situation, candidate: Candidate) -> Said:
    """Whether known edges lead from it to the health signal, and from another cause to it."""
    layout = situation.layout
    said: Said = []
    if candidate.explains is not None and not situation.health_is_normal:
        enough, share = candidate.explains >= EXPLAINS, f"{candidate.explains:.0%}"
        most = f"up to {share}" if enough else f"only {share}"
        said.append((enough, f"known edges attribute {most} of the health signal to it"))
    elif not candidate.path and len(layout.relations) and layout.health_entities:
        said.append((False, "no known edge leads from it to the health signal"))
    if sentence := upstream(layout, situation.ranking, candidate.entity):
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


def _data(situation: Situation, candidate: Candidate) -> Said:
    """Whether the data themselves give reason for doubt."""
    layout, ranking, best = situation.layout, situation.ranking, candidate.series[0]
    said: Said = []
    name, missing = quoted(layout.names[best]), float(ranking.series.missing[best])
    if GAPS <= missing < SILENT:
        said.append((False, f"{missing:.0%} of the values of {name} are missing"))
    if ranking.series.first[best] < 0:
        said.append((False, f"no single row of {name} left its normal range"))
    if candidate.rank == 1 and situation.base_rows < min(len(layout.names), NORMAL_ROWS):
        known = f"{situation.base_rows} rows of normal state for {len(layout.names)} series"
        said.append((False, f"only {known}: some always do what they never did"))
    if candidate.rank == 1 and ranking.rows < FEW_ROWS:
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
    if weight < 1 and layout.healthy[series] * ranking.series.level[series] > 0:
        return f"{name} moved in its healthy direction"
    if weight < 1:
        return f"{name} is another kind of signal than the one that fails"
    return None


def upstream(layout: Layout, ranking: Ranking, entity: int) -> str | None:
    """Return which direct cause explains an entity; None if none explains half of it."""
    explained = ranking.explained[entity]
    cause = int(explained.argmax())
    if explained[cause] < EXPLAINS:
        return None
    name = quoted(layout.entities[cause])
    return f"{name}, which it depends on, explains {explained[cause]:.0%} of it"


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times" if ratio < 1000 else "more than 1000 times"
