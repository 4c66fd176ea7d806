"""The newest incidents of this process, in bounded memory."""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from coral.contract.events import Event
from coral.http.state import Brief, brief

__all__ = ["IncidentMemory", "Remembered"]

MOST_INCIDENTS: Final = 500
MOST_BYTES: Final = 32 << 20


class Remembered(NamedTuple):
    """One incident.

    Attributes
    ----------
    brief : Brief
    event : bytes
        Its newest event, as it was published.
    place : int
        In the order in which events came, from 1 on.
    """

    brief: Brief
    event: bytes
    place: int


class IncidentMemory:
    """Newest event of each incident; written by one thread, read by any.

    Each change makes a new mapping: whoever reads holds one that no longer changes, without a lock.
    When there are too many, those go first that ended, the longest unrevised before all others.

    Parameters
    ----------
    most : int
        Incidents and changes that are remembered, >= 1.
    most_bytes : int
        Bytes of all their events together; the newest is kept whatever its size.

    Attributes
    ----------
    forgotten : int
        How often incidents were forgotten because another process goes on with them.
    """

    def __init__(self, most: int = MOST_INCIDENTS, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._bytes = 0
        self._place = 0
        self._held: dict[str, Remembered] = {}
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._held)

    def take(self, event: Event, encoded: bytes) -> None:
        """Remember the newest event of its incident.

        Parameters
        ----------
        event : Event
        encoded : bytes
            The same, as it is published.
        """
        held = dict(self._held)
        before = held.pop(event.subject, None)
        size = self._bytes + len(encoded) - (0 if before is None else len(before.event))
        while held and (len(held) >= self._most or size > self._most_bytes):
            size -= len(held.pop(_first_to_go(held)).event)
        self._place += 1
        held[event.subject] = Remembered(brief(event), encoded, self._place)
        self._held, self._bytes = held, size

    def forget_open(self, systems: Collection[str]) -> None:
        """Forget what is open in these systems: another process goes on with it."""
        gone = [
            name
            for name, each in self._held.items()
            if each.brief.system in systems and each.brief.state != "resolved"
        ]
        if gone:
            held = {name: each for name, each in self._held.items() if name not in gone}
            self._bytes = sum(len(each.event) for each in held.values())
            self._held = held
            self.forgotten += 1

    def since(self, place: int) -> list[Remembered]:
        """Return what came behind a place, of each incident the newest, in the order it came."""
        return [each for each in self._held.values() if each.place > place]

    def get(self, incident: str) -> Remembered | None:
        """Return one incident, None if it is not remembered."""
        return self._held.get(incident)

    def briefs(self, system: str | None = None) -> list[Brief]:
        """Return all in short, open ones first, then the newest; of one system, if it is named."""
        found = [each.brief for each in reversed(self._held.values())]
        if system is not None:
            found = [each for each in found if each.system == system]
        return sorted(found, key=lambda each: each.state == "resolved")


def _first_to_go(held: Mapping[str, Remembered]) -> str:
    ended = (name for name, each in held.items() if each.brief.state == "resolved")
    return next(ended, next(iter(held)))
