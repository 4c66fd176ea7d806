"""Incidents of whose cause people spoke: what a later one that looks the same is told about."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from coral.contract.events import SeenBefore, unix
from coral.contract.feedback import Feedback
from coral.localise.layout import Layout
from coral.localise.policy import RANKING, RecallPolicy
from coral.localise.ranking import Ranking, promoted
from coral.localise.signature import alike, signature, similarity, stem

__all__ = ["PastIncidents", "recognise", "rejected_before"]


class PastIncidents:
    """Incidents of one system whose cause was confirmed, or rejected; a bounded number.

    Parameters
    ----------
    policy : RecallPolicy
    """

    def __init__(self, policy: RecallPolicy = RANKING.recall) -> None:
        self.policy = policy
        self._confirmed: dict[str, Feedback] = {}

    def __len__(self) -> int:
        return len(self._confirmed)

    def __iter__(self) -> Iterator[Feedback]:
        return iter(self._confirmed.values())

    def confirm(self, feedback: Feedback) -> None:
        """Remember what was said of an incident; the last word on an incident counts.

        What is kept does not depend on the order in which feedback on several comes in. Of what is
        withdrawn nothing is kept.
        """
        if feedback.entity is None:
            self._confirmed.pop(feedback.incident, None)
            return
        self._confirmed[feedback.incident] = feedback
        kept = sorted(self._confirmed.values(), key=lambda f: (unix(f.ended), f.incident))
        self._confirmed = {f.incident: f for f in kept[-self.policy.most_confirmed :]}

    def recall(
        self, signed: Mapping[str, float], onset: float, *, rejected: bool = False
    ) -> tuple[Feedback | None, float]:
        """Find the confirmed incident most like the present one, and how like it is, 0 .. 1.

        Parameters
        ----------
        signed : mapping of str to float
            `signature` of the present incident.
        onset : float
            Of the present incident, unix s; what ended later is not before.
        rejected : bool
            Find one whose answer was rejected instead.
        """
        asked = (f for f in self._confirmed.values() if (f.cause is None) == rejected)
        before = (f for f in asked if unix(f.ended) <= onset)
        found = max(
            ((similarity(_signed(f), signed), f) for f in before), key=_similarity, default=None
        )
        if found is None or found[0] < self.policy.least_similarity:
            return None, 0.0
        return found[1], found[0]

    def state_dict(self) -> list[dict[str, Any]]:
        """Plain values, for the checkpoint."""
        return [msgspec.to_builtins(feedback) for feedback in self._confirmed.values()]

    def load_state_dict(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Continue from what `state_dict` returned."""
        listed = msgspec.convert(list(state), list[Feedback])
        self._confirmed = {feedback.incident: feedback for feedback in listed}


def recognise(
    memory: PastIncidents, layout: Layout, ranking: Ranking, onset: float
) -> tuple[Ranking, SeenBefore | None]:
    """Compare an incident with confirmed ones; the cause of the most similar moves up a place.

    If the present incident says about as much for it as for the one that it passes: what was
    confirmed is a claim, and decides between equals only.

    Parameters
    ----------
    memory : PastIncidents
    layout : Layout
    ranking : Ranking
    onset : float
        Unix s.

    Returns
    -------
    ranking, seen
        One place at most differs from the ranking that came; None if no incident is like it.
    """
    seen = _like(memory, layout, ranking, onset, rejected=False)
    if seen is None or seen.entity is None:
        return ranking, seen
    entity = layout.entities.index(seen.entity)
    after = promoted(ranking, entity, memory.policy.least_share)
    return after, msgspec.structs.replace(seen, moved=after.order != ranking.order)


def rejected_before(
    memory: PastIncidents, layout: Layout, ranking: Ranking, onset: float
) -> SeenBefore | None:
    """Return the incident most like the present one whose answer was rejected; None if none is.

    That moves nothing: what it was instead, nobody said.

    Parameters
    ----------
    memory, layout, ranking, onset
        As of `recognise`.
    """
    return _like(memory, layout, ranking, onset, rejected=True)


def _like(
    memory: PastIncidents, layout: Layout, ranking: Ranking, onset: float, *, rejected: bool
) -> SeenBefore | None:
    if not len(memory):
        return None
    signed = signature(layout.names, ranking.series, memory.policy)
    feedback, likeness = memory.recall(signed, onset, rejected=rejected)
    if feedback is None or feedback.entity is None:
        return None
    return SeenBefore(
        incident=feedback.incident,
        ended=feedback.ended,
        cause=feedback.entity,
        entity=_successor(feedback.entity, [layout.entities[e] for e in ranking.order]),
        similarity=round(likeness, 4),
        alike=alike(_signed(feedback), signed, memory.policy),
        moved=False,
    )


def _successor(entity: str, present: Sequence[str]) -> str | None:
    """Return the entity itself, else the first present replica of its name, else None."""
    if entity in present:
        return entity
    return next((other for other in present if stem(other) == stem(entity)), None)


def _similarity(found: tuple[float, Feedback]) -> float:
    return found[0]


def _signed(feedback: Feedback) -> dict[str, float]:
    return {series.name: series.score for series in feedback.signature}
