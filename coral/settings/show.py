"""Settings as TOML, with where each value comes from; secrets masked."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from coral.settings import kinds
from coral.settings.base import Secret
from coral.settings.load import Loaded
from coral.settings.problem import Path, key_of


def as_toml(loaded: Loaded, *, effective: bool) -> str:
    """Return the settings as TOML.

    Parameters
    ----------
    loaded : Loaded
    effective : bool
        Also what is left at its default, commented out where that is nothing.
    """
    return "\n".join(_section(loaded, loaded.settings, (), effective)).strip() + "\n"


def _section(loaded: Loaded, section: msgspec.Struct, path: Path, effective: bool) -> Iterator[str]:
    """Yield the lines of a section, then those of the sections inside."""
    own: list[str] = []
    inner: list[tuple[Path, Any]] = []
    for key, kind in kinds.fields(type(section)).items():
        value, at = getattr(section, key), (*path, key)
        if isinstance(value, msgspec.Struct):
            inner.append((at, value))
        elif kinds.item(kind):
            inner += [((*at, name), held) for name, held in value.items()]
        elif effective or at in loaded.sources:
            source = loaded.sources.get(at, "default")
            text = f"# {key} is not set" if value is None else f"{key} = {toml_value(value)}"
            own.append(f"{text}  # {source}")
    if own or path in loaded.sources:
        yield ""
        yield f"[{key_of(path)}]"
        yield from own
    for at, held in inner:
        yield from _section(loaded, held, at, effective)


def toml_value(value: Any) -> str:
    """Return a value as it is written in TOML; a secret as a mask."""
    if isinstance(value, Secret):
        return json.dumps(str(value))
    if isinstance(value, msgspec.Struct):
        value = msgspec.to_builtins(value)
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {toml_value(held)}" for key, held in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
