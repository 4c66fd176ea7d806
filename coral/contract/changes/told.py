"""What one message tells of one change, before it is known what the metrics call its part."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from coral.contract.changes.event import ChangeKind
from streams.codec.values import parse_rfc3339

__all__ = ["Reader", "Told", "time_at"]


class Told(NamedTuple):
    """What one message tells of one change.

    Attributes
    ----------
    kind : str
    time : float
        Unix s.
    labels : mapping of str to str
        For templates, in several conventions at once.
    names : tuple of str
        What its part is called where no template fits; empty = it is all of the system.
    text : str
    system : str
        "" where it does not say.
    """

    kind: ChangeKind
    time: float
    labels: Mapping[str, str]
    names: tuple[str, ...]
    text: str
    system: str = ""


Reader: TypeAlias = Callable[[Mapping[str, Any]], Told | None]
"""Makes of one document, as plain values, what it tells; None of one that is no change.

Raises `ValueError` or `msgspec.ValidationError`, saying which rule of its form it breaks.
"""


def time_at(place: str, text: str) -> float:
    """Return the unix seconds of the time that stands at a place of a document.

    Raises
    ------
    ValueError
        Naming the place, the rule and the text.
    """
    time = parse_rfc3339(text)
    if time is None:
        raise ValueError(f"{place}: RFC 3339 time with its zone expected, got {text[:40]!r}")
    return time
