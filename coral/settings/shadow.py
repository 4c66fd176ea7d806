"""The second configuration of `coral run --shadow`: the main one, and what a file says over it."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath

import msgspec

from coral.settings.load import EVERY_SYSTEM, load
from coral.settings.problem import SettingsError, SettingsProblem, key_of
from coral.settings.sections import Settings

__all__ = ["load_shadow"]

# Both judge the same frames: what makes frames, and where things go, is the main one's.
_FREE = frozenset({"engine", "systems"})


def load_shadow(
    over: FilePath,
    file: FilePath | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Iterable[str] = (),
) -> Settings:
    """Read a file over the main configuration.

    Parameters
    ----------
    over : path
        TOML: what is different, or a whole configuration.
    file, environment, flags
        Of the main one.

    Raises
    ------
    SettingsError
        Naming every problem; also where it differs in more than `engine` and `systems`, or in the
        grid of a system.
    """
    flags = tuple(flags)
    main = load(file, environment, flags).settings
    shadow = load(file, environment, flags, over).settings
    problems = [
        SettingsProblem(f"{over.name}:{key}", "what the main configuration has expected", got)
        for key, got in _differences(main, shadow)
    ]
    if problems:
        raise SettingsError(problems)
    return shadow


def _differences(main: Settings, shadow: Settings) -> Iterator[tuple[str, str]]:
    """Yield keys that must be the same and are not, and what is there."""
    for field in msgspec.structs.fields(Settings):
        ours, theirs = getattr(main, field.name), getattr(shadow, field.name)
        if field.name not in _FREE and ours != theirs:
            for key in ours.__struct_fields__:
                if getattr(ours, key) != getattr(theirs, key):
                    yield key_of((field.name, key)), repr(getattr(theirs, key))
    for name in sorted({*main.systems, *shadow.systems, EVERY_SYSTEM}):
        ours, theirs = main.grid(name), shadow.grid(name)
        for key in ("interval_s", "lateness_s"):
            if getattr(ours, key) != getattr(theirs, key):
                yield key_of(("systems", name, key)), repr(getattr(theirs, key))
