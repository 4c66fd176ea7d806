"""What is wrong with a payload, in words: path, rule and value."""

from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Annotated, Any, Final, NoReturn, Union, get_args, get_origin

import msgspec

from streams.errors import DecodeError
from streams.records import UNWRITTEN, Problem, ProblemKind, Record

MAX_PROBLEMS: Final = 20_000
"""A record with more unusable parts is refused as a whole."""


class Problems(list[Problem]):
    """What is wrong with the parts of one record, so many at most.

    Neither time nor memory may depend on how much of it there is.

    Attributes
    ----------
    record : Record
        To be set before the first one is taken.
    """

    __slots__ = ("record",)

    record: Record

    def append(self, problem: Problem) -> None:
        """Take one more.

        Raises
        ------
        DecodeError
            If there are `MAX_PROBLEMS` already.
        """
        if len(self) >= MAX_PROBLEMS:
            reason = f"at most {MAX_PROBLEMS} unusable parts expected, got more"
            fail(self.record, reason, kind="limit")
        super().append(problem)


def fail(record: Record, reason: str, where: str = "$", kind: ProblemKind = "form") -> NoReturn:
    """Raise the error that says `reason` about the place `where` of `record`."""
    raise DecodeError.of(record, reason, where or "$", kind) from None


def refuse(record: Record, problems: Iterable[Problem]) -> None:
    """Raise the error that says the first of `problems` that is worth a dead letter, if any."""
    for kind, _, where, reason in problems:
        if kind not in UNWRITTEN:
            fail(record, reason, where, kind)


def show(value: object) -> str:
    """Return type and, where it is short, value; containers may be deep, so only their type."""
    if value is None:
        return "null"
    if isinstance(value, str | bool | int | float):
        return f"{type(value).__name__} {_short(value)}"
    return type(value).__name__


def _short(value: object) -> str:
    return repr(printable(value[:40])) if isinstance(value, str) else repr(value)


def printable(text: str) -> str:
    """Return `text`, shortened, with what cannot be written as UTF-8 escaped."""
    return text[:120].encode("utf-8", "backslashreplace").decode()


def explained(raw: object, kind: Any) -> tuple[str, str] | None:
    """Return what a value breaks of a type, and the path to its innermost part that does.

    Parameters
    ----------
    raw : object
        Plain values, as JSON has them.
    kind : type
        What they should be.

    Returns
    -------
    tuple of str or None
        What msgspec says of that part, with its value where it is short, and where it is:
        ``("Expected int, got str 'x'", "a[0]")``. None: it breaks nothing.
    """
    said = _misfit(raw, kind)
    if said is None:
        return None
    for step, part, inner in _parts(raw, kind):
        found = explained(part, inner)
        if found is not None:
            return found[0], f"{step}{found[1]}" if found[1][:1] in (
                "",
                "[",
            ) else f"{step}.{found[1]}"
    return _with_value(said.replace("`", ""), raw), ""


def _misfit(raw: object, kind: Any) -> str | None:
    """Return what msgspec says of a value that is not of a type."""
    try:
        msgspec.json.decode(msgspec.json.encode(raw), type=kind)
    except msgspec.MsgspecError as error:
        return str(error)
    return None


def _first_misfit(raw: list[object], kind: Any) -> int:
    """Return the place of the first element that a list is not of its type by, halving it."""
    first, end = 0, len(raw)
    while end - first > 1:
        middle = (first + end) // 2
        fits = _misfit(raw[first:middle], kind) is None
        first, end = (middle, end) if fits else (first, middle)
    return first


def _with_value(said: str, value: object) -> str:
    """Add a short value to what is said of it, which names its type already or not at all."""
    if ", got " not in said:
        return f"{said}, got {show(value)}"
    return said if value is None or isinstance(value, dict | list) else f"{said} {_short(value)}"


def _parts(raw: object, kind: Any) -> Iterator[tuple[str, object, Any]]:
    """Yield step, value and type of what a value consists of, as far as its type says."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from _parts(raw, inner[0])
    elif origin in (Union, UnionType):
        for one in inner:
            yield from _parts(raw, one)
    elif isinstance(raw, list) and origin is list and raw:
        at = _first_misfit(raw, kind)
        yield f"[{at}]", raw[at], inner[0]
    elif isinstance(raw, dict) and origin is dict:
        yield from ((printable(key), part, inner[1]) for key, part in raw.items())
    elif isinstance(raw, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            if field.encode_name in raw:
                yield field.encode_name, raw[field.encode_name], field.type
