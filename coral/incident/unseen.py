"""Who cannot be seen: entities of the topology without values, and those whose values are late."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from coral.contract.events import Unseen
from coral.incident.situation import Situation
from coral.text import MOSTLY_MISSING, quoted, seconds
from streams.records import Late

__all__ = ["LateLog", "hides_a_cause", "unseen", "unseen_in_words"]

NAMED: Final = 5
KEPT: Final = 100


class LateLog:
    """Sources whose samples came too late, with how late at most and when that was last."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[Late, float]] = {}

    def note(self, time: float, late: Sequence[Late]) -> None:
        """Take what came too late before the row of this time, unix s."""
        for one in late:
            known, _ = self._held.pop(one.source, (one, time))
            self._held[one.source] = max(known, one, key=_behind), time
            if len(self._held) > KEPT:
                del self._held[next(iter(self._held))]

    def since(self, time: float) -> dict[str, Late]:
        """Return those that were late at this time or after it, each as it was latest."""
        return {source: most for source, (most, last) in self._held.items() if last >= time}

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on identically."""
        return {source: [list(most), last] for source, (most, last) in self._held.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._held = {source: (Late(*most), last) for source, (most, last) in state.items()}


def unseen(situation: Situation) -> list[Unseen]:
    """Return who is not seen: late ones first, then those of a known edge that are mostly missing.

    Parameters
    ----------
    situation : Situation
    """
    late = situation.late
    found = [
        Unseen(entity=one.source, late_s=round(one.seconds, 3), text=_late(one))
        for one in sorted(late.values(), key=lambda one: (-one.seconds, one.source))
    ]
    for entity in _gone(situation):
        if entity not in late:
            text = f"{quoted(entity)} has sent nothing since the onset: it is not seen"
            found.append(Unseen(entity=entity, late_s=None, text=text))
    return found[:NAMED]


def unseen_in_words(found: Sequence[Unseen], first: str) -> str:
    """Return who else is not seen, in sentences; empty if nobody is.

    Parameters
    ----------
    found : sequence of Unseen
    first : str
        The first cause: what it did not send is said with it, but for what is late.
    """
    return " ".join(
        f"{one.text[0].upper()}{one.text[1:]}."
        for one in found
        if one.late_s is not None or one.entity != first
    )


def hides_a_cause(situation: Situation) -> bool:
    """Whether the first cause is one of those that can be seen, and others cannot.

    One that sends nothing may be the cause itself; one whose values are late is only not seen.
    """
    first = situation.layout.entities[situation.ranking.order[0]]
    late = _connected(situation) & situation.late.keys()
    return bool(late) or any(entity != first for entity in _gone(situation))


def _connected(situation: Situation) -> set[str]:
    """Return the entities of known edges."""
    return {entity for edge in situation.layout.edges for entity in edge}


def _gone(situation: Situation) -> list[str]:
    """Return the entities of known edges of which most values are missing since the onset."""
    layout, missing = situation.layout, situation.ranking.series.missing
    known = _connected(situation)
    there = {int(owner) for owner in layout.owner[missing < MOSTLY_MISSING]}
    return [name for e, name in enumerate(layout.entities) if name in known and e not in there]


def _late(late: Late) -> str:
    return (
        f"values of {quoted(late.source)} come {seconds(late.seconds)} late and are dropped: set "
        f"`lateness_s` to {late.lateness_s}, or mend its clock"
    )


def _behind(late: Late) -> float:
    return late.seconds
