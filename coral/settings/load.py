"""Flags over environment over file over defaults, with all problems reported at once."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from coral.settings import kinds
from coral.settings.layers import Layer, of_environment, of_file, of_flags
from coral.settings.problem import Path, SettingsError, SettingsProblem, key_of
from coral.settings.rules import broken_items, broken_rules
from coral.settings.sections import Settings
from coral.settings.values import converted

EVERY_SYSTEM = "*"


class Loaded(NamedTuple):
    """Settings, and where each value that is no default comes from."""

    settings: Settings
    sources: Mapping[Path, str]


def load(
    file: FilePath | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Iterable[str] = (),
    over: FilePath | None = None,
) -> Loaded:
    """Read, merge and check the configuration.

    Parameters
    ----------
    file : path, optional
        TOML.
    environment : mapping
        ``CORAL_<SECTION>__<KEY>`` are read, all other names ignored.
    flags : iterable of str
        ``<section>.<key>=<value>``.
    over : path, optional
        TOML that is laid over all of these.

    Raises
    ------
    SettingsError
        Naming every problem with its place, rule and value.
    """
    held: dict[str, Any] = {}
    sources: dict[Path, str] = {}
    problems: list[SettingsProblem] = []
    below = [of_file(file)] if file is not None else []
    above = [of_file(over)] if over is not None else []
    for layer in (*below, of_environment(environment or {}), of_flags(flags), *above):
        problems += _take(layer, held, sources)
    _fill_systems(held.get("systems", {}), sources)
    settings: Settings = _built(Settings, held)
    # Where a value could not be taken, rules would judge its default.
    untaken = {problem.path[:-1] for problem in problems}
    for path, inside, rule, got in broken_rules(settings):
        if path[:-1] not in untaken:
            place = sources.get(path) or (f"{file.name}:" if file else "") + key_of(path)
            problems.append(SettingsProblem(place + inside, rule, got, path))
    if problems:
        # What "*" sets wrongly is wrong in every system, and is told once.
        raise SettingsError(list({str(problem): problem for problem in problems}.values()))
    return Loaded(settings, sources)


def _take(
    layer: Layer, held: dict[str, Any], sources: dict[Path, str]
) -> Iterator[SettingsProblem]:
    """Put the values of a layer over those of the layers before; yield what cannot be taken."""
    taken: set[Path] = set()
    for found in layer:
        if isinstance(found, SettingsProblem):
            yield found
            continue
        path, kind, raw, place, strict = found
        if kinds.fields(kind):  # an entry, which is there even if nothing is set in it
            _table_at(path, held)
            sources.setdefault(path, place)
            continue
        if path in taken:
            yield SettingsProblem(
                place, f"one value for `{key_of(path)}` expected", "another", path
            )
        taken.add(path)
        value, refused = converted(kind, raw, path, place, strict=strict)
        if not refused:
            refused = [
                SettingsProblem(place + inside, rule, got, path)
                for inside, rule, got in broken_items(path, value)
            ]
        yield from refused
        if not refused:
            _table_at(path[:-1], held)[path[-1]] = value
            sources[path] = place


def _table_at(path: Path, held: dict[str, Any]) -> dict[str, Any]:
    """Return the table of this name inside of another, made if it is not there."""
    for key in path:
        held = held.setdefault(key, {})
    return held


def _fill_systems(systems: dict[str, dict[str, Any]], sources: dict[Path, str]) -> None:
    """Let every system have what it does not set itself from the one named "*"."""
    for key, value in systems.get(EVERY_SYSTEM, {}).items():
        for name, own in systems.items():
            if key not in own:
                own[key] = value
                sources["systems", name, key] = sources["systems", EVERY_SYSTEM, key]


def _built(kind: Any, held: Any) -> Any:
    """Return a section, or a table of them, with what was taken, and defaults for the rest."""
    known, inner = kinds.fields(kind), kinds.item(kind)
    if inner is not None:
        return {name: _built(inner, own) for name, own in held.items()}
    if known:
        return kind(**{key: _built(known[key], own) for key, own in held.items()})
    return held
