"""What the file, the environment and the flags set, each value with its key, type and place."""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, NamedTuple, TypeAlias, get_args

from coral.settings import kinds
from coral.settings.base import Secret
from coral.settings.problem import Path, SettingsProblem, key_of
from coral.settings.sections import Settings
from coral.settings.values import converted, parsed, shown
from coral.text import hint

PREFIX = "CORAL_"

_MAX_SECRET = 64 << 10


class Given(NamedTuple):
    """What somebody wrote for a key; of a table of sections, that it has this entry.

    Parameters
    ----------
    path : tuple of str
        The key, from its section on.
    kind, raw : type, object
        What the value must be, and what it is.
    place : str
        Where it stands, for messages.
    strict : bool
        Whether numbers are written as numbers; in variables and flags everything is text.
    """

    path: Path
    kind: Any
    raw: Any
    place: str
    strict: bool = True


class _Text(str):
    """Text of a variable or flag, which becomes what its key asks for."""

    __slots__ = ()


Layer: TypeAlias = Iterator[Given | SettingsProblem]
"""What one of the three sets, in its order, and what is wrong with it."""

_Place: TypeAlias = Callable[[Path], str]


def of_file(file: FilePath) -> Layer:
    """Find what a TOML file sets."""
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        got = error.strerror or "an error"
        yield SettingsProblem(str(file), "file that can be read expected", got)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        yield SettingsProblem(str(file), "TOML expected", str(error) or "tables nested too deeply")
    else:
        yield from _walk(Settings, raw, (), lambda path: f"{file.name}:{key_of(path)}")


def of_environment(environment: Mapping[str, str]) -> Layer:
    """Find what variables set, ``CORAL_<SECTION>__<KEY>``."""
    near = {
        f"{PREFIX}{section}_{key}".upper(): f"{PREFIX}{section}__{key}".upper()
        for section, kind in kinds.fields(Settings).items()
        for key in kinds.fields(kind)
    }
    for name in sorted(environment):
        if name.startswith(PREFIX) and "__" in name:
            path = tuple(name.removeprefix(PREFIX).lower().split("__"))
            yield from _of_text(path, environment[name], name)
        elif name in near:
            # Other single underscores are not ours: Kubernetes sets CORAL_SERVICE_HOST.
            yield SettingsProblem(name, f"`{near[name]}` expected, with two underscores", "one")


def of_flags(flags: Iterable[str]) -> Layer:
    """Find what flags set, ``<section>.<key>=<value>``."""
    for flag in flags:
        key, equals, text = flag.partition("=")
        try:
            path = _path_of(tomllib.loads(f"{key} = 0")) if equals and "\n" not in key else ()
        except tomllib.TOMLDecodeError:
            path = ()
        if path:
            yield from _of_text(path, text, f"--set {key.strip()}")
        else:
            yield SettingsProblem("--set", "<section>.<key>=<value> expected", "something else")


def _path_of(table: Any) -> Path:
    """Return the keys of a table that holds one value."""
    path: list[str] = []
    while isinstance(table, dict):
        if len(table) != 1:
            return ()
        ((key, table),) = table.items()
        path.append(key)
    return tuple(path)


def _of_text(path: Path, text: str, name: str) -> Layer:
    """Find what one variable or flag sets."""
    raw: Any = _Text(text)
    for key in reversed(path):
        raw = {key: raw}

    def place(at: Path) -> str:
        return name if len(at) <= len(path) else f"{name}: {key_of(at)}"

    return _walk(Settings, raw, (), place)


def _walk(kind: Any, raw: Any, path: Path, place: _Place) -> Layer:
    """Go down the sections, as their types say, to the values."""
    strict = not isinstance(raw, _Text)
    known, inner = kinds.fields(kind), kinds.item(kind)
    try:
        raw = raw if strict else parsed(kind, str(raw))
    except (ValueError, RecursionError):
        yield SettingsProblem(place(path), "JSON expected", shown(kind, raw), path)
        return
    if not known and inner is None:
        yield Given(path, kind, raw, place(path), strict)
    elif not isinstance(raw, dict):
        yield SettingsProblem(place(path), "table expected", shown(kind, raw), path)
    else:
        for key, value in raw.items():
            yield from _entry(kind, (*path, key), value, place)


def _entry(kind: Any, path: Path, raw: Any, place: _Place) -> Layer:
    """Go into one entry of a table."""
    known, inner, key = kinds.fields(kind), kinds.item(kind), path[-1]
    if inner is not None:
        yield from converted(get_args(kind)[0], key, path, place(path))[1]
        yield Given(path, inner, {}, place(path))
        yield from _walk(inner, raw, path, place)
    elif key in known:
        yield from _walk(known[key], raw, path, place)
    elif kinds.is_secret(known.get(key.removesuffix(kinds.FILE_KEY))):
        yield _secret_in(raw, path, place(path))
    else:
        yield SettingsProblem(place(path), "known key expected", f"`{key}`{hint(key, known)}", path)


def _secret_in(file: object, path: Path, place: str) -> Given | SettingsProblem:
    """Read a secret from the file that holds it."""
    try:
        with FilePath(str(file)).open(encoding="utf-8") as held:
            text = held.read(_MAX_SECRET).removesuffix("\n")
    except (OSError, ValueError) as error:
        # Not the name: it may be the secret itself, put into the wrong key.
        got = getattr(error, "strerror", None) or type(error).__name__
        return SettingsProblem(place, "file that can be read expected", got, path)
    key = path[-1].removesuffix(kinds.FILE_KEY)
    return Given((*path[:-1], key), Secret, text, place)
