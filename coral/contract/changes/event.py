"""A change event: what somebody, or a controller, did to a part of a system."""

from typing import Literal

import msgspec

__all__ = ["ChangeEvent", "ChangeKind"]

ChangeKind = Literal[
    "deployed",
    "upgraded",
    "rolled back",
    "removed",
    "published",
    "modified",
    "restarted",
    "scaled",
]
"""What was done, the way a sentence says it."""


class ChangeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was done to a part of a system, or to all of it.

    Parameters
    ----------
    system : str
    entities : tuple of str
        What the part may be called in the metrics, best first; empty = the system as a whole.
    kind : str
    time : float
        When, unix s.
    text : str
        What it was: a version, an artifact, a message.
    """

    system: str
    entities: tuple[str, ...] = ()
    kind: ChangeKind
    time: float
    text: str = ""

    @property
    def key(self) -> str:
        """What makes two of them one: the same thing, done to the same part at the same time."""
        return f"{self.time!r} {self.kind} {' '.join(self.entities[:1])}"

    @property
    def since(self) -> float:
        """As `time`: the earliest are forgotten first."""
        return self.time
