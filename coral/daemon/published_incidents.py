"""What the incidents topic says of an incident, for whoever must not take anybody's word for it."""

from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from coral.contract.events import Incident, decode
from coral.errors import EventError

__all__ = ["PublishedIncidents", "Tail"]

MOST_NAMES: Final = 200_000
"""Names of entities and series that are kept; the incidents that were read first are forgotten."""
_LISTS: Final = ("causes", "ruled_out", "metrics", "graph", "health", "patterns")
_LEFT_OUT: Final[dict[str, Any]] = {name: [] for name in _LISTS}


class Tail(Protocol):
    """A topic from its beginning on."""

    def poll(self, timeout_s: float = 0.0) -> list[bytes]:
        """Return the next values."""
        ...

    def caught_up(self) -> bool:
        """Return whether everything that there is was returned."""
        ...


class PublishedIncidents:
    """The newest event of each incident of a topic, read on only when somebody asks.

    Parameters
    ----------
    open_tail : callable
        Begins to read the topic; is called at the first question.
    """

    def __init__(self, open_tail: Callable[[], Tail]) -> None:
        self._open = open_tail
        self._tail: Tail | None = None
        self._held: dict[str, Incident] = {}
        self._names = 0

    def find(self, incident: str) -> Incident | None:
        """Return what was read so far of an incident."""
        return self._held.get(incident)

    def read_on(self) -> bool:
        """Take the next events of the topic; return whether they were the last ones.

        Raises
        ------
        BrokerError
            If it cannot be read.
        """
        if self._tail is None:
            self._tail = self._open()
        for value in self._tail.poll():
            self._take(value)
        return self._tail.caught_up()

    def _take(self, value: bytes) -> None:
        try:
            data = decode(value).data
        except EventError:  # it says nothing of any incident
            return
        self._names -= _names(self._held.pop(data.incident, None))
        # Feedback needs the names alone, and which were first; the rest would take most of the
        # memory.
        first = [msgspec.structs.replace(one, top=one.top[:1]) for one in data.history]
        self._held[data.incident] = msgspec.structs.replace(data, history=first, **_LEFT_OUT)
        self._names += _names(data)
        while self._names > MOST_NAMES and len(self._held) > 1:
            self._names -= _names(self._held.pop(next(iter(self._held))))


def _names(data: Incident | None) -> int:
    if data is None:
        return 0
    return len(data.entities) + len(data.signature) + len(data.history)
