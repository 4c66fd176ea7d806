"""What the types of the sections say: fields, tables, choices, secrets."""

import difflib
import json
import re
import types
from collections.abc import Iterable
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from coral.settings.sections import Secret

FILE_KEY = "_file"
"""Ending of the key that names a file which holds a secret."""


@cache
def fields(kind: Any) -> dict[str, Any]:
    """Return the fields of a section with their types; none if it is no section."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return get_type_hints(kind, include_extras=True)
    return {}


def item(kind: Any) -> Any | None:
    """Return the section that a table of sections holds, None if it is no such table."""
    if get_origin(kind) is dict and fields(get_args(kind)[1]):
        return get_args(kind)[1]
    return None


def name_problem(kind: Any, name: str) -> str | None:
    """Return the rule that the name of an entry of a table breaks, None if it is well formed."""
    try:
        msgspec.convert(name, get_args(kind)[0])
    except msgspec.ValidationError as error:
        return str(error).removeprefix("Expected ").replace("`", "") + " expected"
    return None


def is_secret(kind: Any) -> bool:
    """Whether values of this type must not be shown."""
    return any(option is Secret for option in options(kind))


def choices(kind: Any) -> tuple[str, ...]:
    """Return the texts that are allowed, in a table those of its values; none if all are."""
    found: tuple[str, ...] = ()
    for option in options(kind):
        if get_origin(option) is Literal:
            found += get_args(option)
        elif get_origin(option) is dict:
            found += choices(get_args(option)[1])
    return found


def options(kind: Any) -> tuple[Any, ...]:
    """Return the alternatives of a union, without limits; the type itself if it is none."""
    while hasattr(kind, "__metadata__"):
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        return tuple(inner for option in get_args(kind) for inner in options(option))
    return (kind,)


def described(kind: type) -> tuple[str, dict[str, str]]:
    """Return the summary of a section, and what its docstring says of each key."""
    text = re.sub(r"\n    ", "\n", kind.__doc__ or "")
    summary, _, rest = text.partition("\n\nParameters\n----------\n")
    told: dict[str, str] = {}
    for names, words in re.findall(r"^(\S.*?) : .*\n((?:    .*\n?)+)", rest, re.MULTILINE):
        told |= dict.fromkeys(names.split(", "), " ".join(words.split()))
    return " ".join(summary.split()), told


def from_text(kind: Any, text: str) -> Any:
    """Return what the text of a variable or flag stands for: JSON, a list, or the text itself.

    Raises
    ------
    ValueError
        If it must be JSON and is not.
    """
    origins = {get_origin(option) for option in options(kind)}
    if fields(kind) or dict in origins:
        return json.loads(text)
    if tuple in origins:
        return json.loads(text) if text.startswith("[") else [t.strip() for t in text.split(",")]
    return text


def hint(word: str, known: Iterable[str]) -> str:
    """Return a did-you-mean, empty if nothing is near."""
    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean `{near[0]}`?" if near else ""
