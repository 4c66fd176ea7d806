"""Who is late, and by how much."""

from typing import Any, Final

from streams.records import Late

__all__ = ["LateSources"]

MOST: Final = 100
"""Sources that are told apart; the one that was late longest ago is forgotten first."""


class LateSources:
    """How many samples of each source came for a closed tick, and how late at most.

    Attributes
    ----------
    worst : dict of str to Late
        By source, since the beginning, the newest last.
    """

    def __init__(self) -> None:
        self.worst: dict[str, Late] = {}
        self._new: dict[str, Late] = {}

    def count(self, source: str, seconds: float) -> None:
        """Count one sample that came `seconds` after the newest time agreed on."""
        for held in (self.worst, self._new):
            before = held.pop(source, None)
            known = (0, 0.0) if before is None else before[1:]
            held[source] = Late(source, known[0] + 1, max(known[1], seconds))
            if len(held) > MOST:
                del held[next(iter(held))]

    def take(self) -> tuple[Late, ...]:
        """Return what was counted since the last time."""
        if not self._new:
            return ()
        taken = tuple(self._new.values())
        self._new.clear()
        return taken

    def state(self) -> list[Any]:
        """Return all state as plain values, to go into a checkpoint."""
        return [[list(late) for late in held.values()] for held in (self.worst, self._new)]

    def load(self, state: list[Any]) -> None:
        """Continue from what `state` returned."""
        self.worst, self._new = ({late[0]: Late(*late) for late in held} for held in state)
