"""What all sections stand on: a table without unknown keys, and text that is not shown."""

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

__all__ = ["Count", "Secret", "Section", "decode_hook"]

Count: TypeAlias = Annotated[int, Meta(ge=1)]


class Secret:
    """Text that is not shown: neither printed, nor in a traceback, nor in a log.

    Examples
    --------
    >>> Secret("hunter2"), f"{Secret('hunter2')}", Secret("hunter2").reveal()
    (Secret('********'), '********', 'hunter2')
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, to hand it to a client."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __str__(self) -> str:
        return "********"

    def __repr__(self) -> str:
        return "Secret('********')"


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration."""


def decode_hook(kind: type, value: Any) -> Any:
    """Make secrets of text, for msgspec."""
    if kind is Secret and isinstance(value, str) and value:
        return Secret(value)
    raise msgspec.ValidationError("Expected `str` of length >= 1")
