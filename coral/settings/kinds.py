"""What the types of the sections say: fields, tables, choices, secrets, and all of it in words."""

import re
from functools import cache
from inspect import get_annotations
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from coral.settings.base import Secret

FILE_KEY = "_file"
"""Ending of the key that names a file which holds a secret."""

_NOUNS = {
    str: "text",
    Secret: "non-empty text",
    int: "integer",
    float: "number",
    bool: "true or false",
    list: "list",
    dict: "table",
}
_LIMITS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


@cache
def fields(kind: Any) -> dict[str, Any]:
    """Return the fields of a section with their types, its own first; none if it is no section.

    By the names that they have in the file.
    """
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return {}
    hints = get_type_hints(kind, include_extras=True)
    named = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    return {named[key]: hints[key] for base in kind.__mro__ for key in get_annotations(base)}


def item(kind: Any) -> Any | None:
    """Return the section that a table of sections holds, None if it is no such table."""
    if get_origin(kind) is dict and fields(get_args(kind)[1]):
        return get_args(kind)[1]
    return None


def listed(kind: Any) -> Any | None:
    """Return the section that an item of a list may be, None if none may."""
    held = get_args(kind)[0] if get_origin(kind) is tuple else None
    return next((option for option in options(held) if fields(option)), None)


def options(kind: Any) -> list[Any]:
    """Return the alternatives of a union without None, each with its limits."""
    held = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return [option for option in held if option is not NoneType]


def bare(kind: Any) -> Any:
    """Return a type without its limits."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def is_secret(kind: Any) -> bool:
    """Whether values of this type must not be shown."""
    return Secret in options(kind)


def choices(kind: Any) -> tuple[str, ...]:
    """Return the texts that are allowed, none if all are."""
    return tuple(
        choice for each in options(kind) if get_origin(each) is Literal for choice in get_args(each)
    )


def described(kind: type) -> tuple[str, dict[str, str]]:
    """Return the summary of a section, and what its docstring, and its bases', say of each key."""
    told: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        text = re.sub(r"\n    ", "\n", base.__doc__ or "")
        summary, _, rest = text.partition("\n\nParameters\n----------\n")
        for names, words in re.findall(r"^(\S.*?) : .*\n((?:    .*\n?)+)", rest, re.MULTILINE):
            told |= dict.fromkeys(names.split(", "), " ".join(words.split()))
    return " ".join(summary.split()), told


def words(kind: Any) -> str:
    """Say what a value of this type must be, the way messages and the documentation do.

    Examples
    --------
    >>> words(Annotated[int, msgspec.Meta(ge=1)] | None), words(tuple[tuple[str, str], ...])
    ('integer >= 1', 'list of [text, text]')
    """
    allowed = choices(kind)
    if allowed:
        return f"one of {', '.join(allowed)}"
    return " or ".join(_limited(option) for option in options(kind))


def _limited(kind: Any) -> str:
    said = noun(bare(kind))
    for limit in getattr(kind, "__metadata__", ()):
        if limit.description:
            return str(limit.description)
        bounds = {sign: getattr(limit, name) for name, sign in _LIMITS.items()}
        rule = " and ".join(f"{sign} {n}" for sign, n in bounds.items() if n is not None)
        said = f"{said} {rule}" if rule else said
        said = f"non-empty {said}" if limit.min_length else said
        said = f"{said} matching `{limit.pattern}`" if limit.pattern else said
    return said


def noun(kind: Any) -> str:
    """Name a type without its limits."""
    if len(options(kind)) > 1:
        return " or ".join(noun(bare(option)) for option in options(kind))
    if get_origin(kind) is tuple:
        held = [noun(bare(inner)) for inner in get_args(kind) if inner is not Ellipsis]
        return f"list of {held[0]}" if Ellipsis in get_args(kind) else f"[{', '.join(held)}]"
    if fields(kind):
        return "table"
    return _NOUNS.get(get_origin(kind) or kind) or str(getattr(kind, "__name__", "a value"))
