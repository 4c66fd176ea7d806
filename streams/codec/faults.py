"""What is wrong with a payload, in words: path, rule and value."""

import re
from collections.abc import Iterable
from typing import Final, NoReturn

from streams.errors import DecodeError
from streams.records import UNWRITTEN, Problem, ProblemKind, Record

MAX_PROBLEMS: Final = 20_000
"""A record with more unusable parts is refused as a whole."""

_AT = re.compile(r"(.*?)(?: - at `(?:key in )?\$\.?(.*?)`)?", re.DOTALL)
_STEP = re.compile(r"\[(\d+)\]|(\.\.\.|[^.\[\]]+)")
_KINDS = {
    str: "str",
    bool: "bool",
    int: "float",
    float: "float",
    type(None): "null",
    dict: "object",
    list: "array",
}


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
    if isinstance(value, str):
        return f"str {printable(value[:40])!r}"
    if isinstance(value, bool | int | float):
        return f"{type(value).__name__} {value!r}"
    return type(value).__name__


def printable(text: str) -> str:
    """Return `text`, shortened, with what cannot be written as UTF-8 escaped."""
    return text[:120].encode("utf-8", "backslashreplace").decode()


def explained(text: str, raw: object) -> tuple[str, str]:
    """Turn ``Expected `str`, got `int` - at `$.a[0]``` into the rule with its value, and the path.

    Parameters
    ----------
    text : str
        What msgspec said.
    raw : object
        The content that it said it about, as plain values.
    """
    match = _AT.fullmatch(text)
    rule, path = (match[1], match[2] or "") if match else (text, "")
    rule = rule.partition(", got ")[0].replace("`", "")
    value, where = raw, ""
    for index, step in _STEP.findall(path):
        key = step
        if step == "..." and isinstance(value, dict):
            key = next((k for k, v in value.items() if _KINDS[type(v)] not in rule), step)
        try:
            value = value[int(index)] if index else value[key]  # type: ignore[index]
        except (LookupError, TypeError):
            return rule, path
        where += f"[{index}]" if index else f".{printable(key)}"
    return f"{rule}, got {show(value)}", where.lstrip(".")
