"""One value: what the text of a variable stands for, and which parts of it a type refuses."""

import json
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import msgspec

from coral.settings import kinds
from coral.settings.base import decode_hook
from coral.settings.problem import Path, SettingsProblem, key_of
from coral.text import hint

_LONGEST = 80


def parsed(kind: Any, text: str) -> Any:
    """Return what the text of a variable or flag stands for: JSON, a list, or the text itself.

    Raises
    ------
    ValueError
        If it must be JSON and is not.
    """
    options = [kinds.bare(option) for option in kinds.options(kind)]
    origins = {get_origin(option) for option in options}
    if dict in origins or any(map(kinds.fields, options)) or (tuple in origins and text[:1] == "["):
        return json.loads(text)
    return [part.strip() for part in text.split(",")] if tuple in origins else text


def converted(
    kind: Any, raw: Any, path: Path, place: str, *, strict: bool = True
) -> tuple[Any, list[SettingsProblem]]:
    """Return a value as its type has it; or nothing, and the innermost parts that it refuses.

    If not `strict`, numbers and booleans may be text.
    """
    try:
        return msgspec.convert(raw, kind, strict=strict, dec_hook=decode_hook), []
    except msgspec.ValidationError:
        inner = [
            problem
            for inside, held, part in _parts(kind, raw)
            for problem in converted(held, part, path, place + inside, strict=strict)[1]
        ]
        inner += _misfits(kind, raw, path, place)
    got = shown(kind, raw) + (hint(raw, kinds.choices(kind)) if isinstance(raw, str) else "")
    return None, inner or [SettingsProblem(place, f"{kinds.words(kind)} expected", got, path)]


def _parts(kind: Any, raw: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield place, type and value of what a list or a table holds, where its type says of what."""
    for option in map(kinds.bare, kinds.options(kind)):
        held = get_args(option)
        if isinstance(raw, dict) and get_origin(option) is dict:
            yield from ((f".{key_of((key,))}", held[1], part) for key, part in raw.items())
        elif isinstance(raw, dict):
            known = kinds.fields(option)
            yield from ((f".{key}", known[key], raw[key]) for key in raw if key in known)
        elif isinstance(raw, list) and get_origin(option) is tuple:
            each = held[:1] * len(raw) if Ellipsis in held else held
            if len(each) == len(raw):
                yield from ((f"[{n}]", *pair) for n, pair in enumerate(zip(each, raw, strict=True)))


def _misfits(kind: Any, raw: Any, path: Path, place: str) -> Iterator[SettingsProblem]:
    """Yield the keys of a table that its section does not know, or needs."""
    for option in map(kinds.bare, kinds.options(kind)):
        known = kinds.fields(option)
        if not known or not isinstance(raw, dict):
            continue
        for key in raw:
            if key not in known:
                at, got = f"{place}.{key_of((key,))}", f"`{key}`{hint(key, known)}"
                yield SettingsProblem(at, "known key expected", got, path)
        for field in msgspec.structs.fields(option):
            if field.required and field.encode_name not in raw:
                rule = f"{kinds.words(known[field.encode_name])} expected"
                yield SettingsProblem(f"{place}.{field.encode_name}", rule, "nothing", path)


def shown(kind: Any, raw: object) -> str:
    """Return a value for a message; only its type if it is, or may hold, a secret."""
    if raw and (kinds.is_secret(kind) or kinds.fields(kind) or isinstance(raw, dict)):
        return kinds.noun(type(raw))
    text = repr(raw)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
