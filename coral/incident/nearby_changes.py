"""Change events around the onset of an incident, and which causes they support."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from coral.contract.changes import ChangeEvent
from coral.contract.events import NearbyChange, timestamp
from coral.incident.change_log import ChangeLog, part_of
from coral.localise.layout import Layout
from coral.localise.policy import ChangePolicy
from coral.localise.ranking import Ranking, supported

__all__ = ["Moments", "with_changes"]


class Moments(NamedTuple):
    """When an incident is, all in unix s.

    Attributes
    ----------
    earliest, onset, now : float
        Earliest likely onset, the onset as it is published, and the newest row.
    rows : sequence of float
        First rows since the onset.
    interval_s : float
        Between two rows.
    """

    earliest: float
    onset: float
    now: float
    rows: Sequence[float]
    interval_s: float


def with_changes(
    log: ChangeLog, ranking: Ranking, layout: Layout, at: Moments
) -> tuple[Ranking, list[NearbyChange]]:
    """Let change events support the entities that changed with them and with the health signals.

    Parameters
    ----------
    log : ChangeLog
    ranking : Ranking
    layout : Layout
    at : Moments

    Returns
    -------
    ranking, changes
        Those from the look-back on, of the first causes first, at most `ChangePolicy.most_listed`.
        Without any the ranking is the one that came.
    """
    policy = log.policy
    found = log.between(min(at.earliest, at.onset) - policy.look_back_s, at.now)
    if not found:
        return ranking, []
    place = {name: number for number, name in enumerate(layout.entities)}
    parts = [part_of(change, place) for change in found]
    supporting = {
        number
        for number, (change, part) in enumerate(zip(found, parts, strict=True))
        if part is not None and _coincides(change, place[part], ranking, layout, (at, policy))
    }
    entities = {place[part] for n in supporting if (part := parts[n]) is not None}
    ranking = supported(ranking, entities, policy.odds, layout)
    ranks = {
        layout.entities[entity]: rank
        for rank, entity in enumerate(ranking.order, start=1)
        if ranking.scores[entity] > 0
    }
    changes = [
        NearbyChange(
            entity=part or next(iter(change.entities), None),
            kind=change.kind,
            time=timestamp(change.time),
            before_onset_s=round(at.onset - change.time, 3),
            rank=None if part is None else ranks.get(part),
            supports=number in supporting,
            text=change.text,
        )
        for number, (change, part) in enumerate(zip(found, parts, strict=True))
    ]
    return ranking, sorted(changes, key=_by_rank)[: policy.most_listed]


def _by_rank(change: NearbyChange) -> tuple[float, float]:
    rank = np.inf if change.rank is None else change.rank
    return rank, abs(change.before_onset_s)


def _coincides(
    change: ChangeEvent,
    entity: int,
    ranking: Ranking,
    layout: Layout,
    when: tuple[Moments, ChangePolicy],
) -> bool:
    """Whether an entity changed soon after it was changed, and a health signal at that time too.

    Without health signals the onset stands for them.
    """
    at, policy = when
    near = max(policy.coincides_s, policy.coincides_rows * at.interval_s)
    own = np.flatnonzero(layout.owner == entity)
    best = int(own[np.argmax(ranking.metric_scores[own])])
    moved = ranking.changed_at(best, at.rows)
    if moved is None or ranking.series.sustained[best] < policy.least_deviation:
        return False
    if before := int(ranking.series.outside_before[best]):
        moved = at.rows[0] - before * at.interval_s
    if not -at.interval_s <= moved - change.time <= near:
        return False
    known = [ranking.changed_at(series, at.rows) for series in layout.health_series]
    felt = [time for time in known if time is not None]
    symptom = min(felt) if felt else None if known else at.onset
    return symptom is not None and abs(symptom - moved) <= near
