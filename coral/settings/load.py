"""Flags over environment over file over defaults, with all problems reported at once."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any, NamedTuple

import msgspec

from coral.errors import ConfigError
from coral.settings import kinds
from coral.settings.problem import Path, Problem, SettingsError, key_of
from coral.settings.rules import broken_rules
from coral.settings.sections import Secret, Settings, decode_hook

PREFIX = "CORAL_"
EVERY_SYSTEM = "*"

_PATH_IN_VALUE = re.compile(r" - at `\$(.*)`$")
_RULE = re.compile(r"requires (.+), got ")
_MAX_SECRET = 64 << 10


class Loaded(NamedTuple):
    """Settings, and where each value that is no default comes from."""

    settings: Settings
    sources: Mapping[Path, str]


def load(
    file: FilePath | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Iterable[str] = (),
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

    Raises
    ------
    SettingsError
        Naming every problem with its place, rule and value.
    """
    loader = _Loader()
    if file is not None:
        loader.read_file(file)
    loader.read_environment(environment or {})
    loader.read_flags(flags)
    return loader.finish()


class _Loader:
    """Collects values by path, later ones over earlier ones, and problems."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._values: dict[Path, Any] = {}
        self._sources: dict[Path, str] = {}
        self._items: dict[Path, dict[str, None]] = {}
        self._layer: set[Path] = set()
        self._broken: set[Path] = set()
        self._file = ""

    def read_file(self, file: FilePath) -> None:
        self._layer = set()
        self._file = f"{file.name}:"
        try:
            raw = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            self._add(str(file), "file that can be read expected", error.strerror or "an error")
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            self._add(str(file), "TOML expected", str(error) or "tables nested too deeply")
        else:
            self._take(Settings, raw, (), lambda path: self._file + key_of(path))

    def read_environment(self, environment: Mapping[str, str]) -> None:
        self._layer = set()
        known = {f"{PREFIX}{s}_{k}".upper(): f"{PREFIX}{s}__{k}".upper() for s, k in _KEYS}
        for name in sorted(environment):
            if not name.startswith(PREFIX):
                continue
            if "__" in name:
                path = tuple(name.removeprefix(PREFIX).lower().split("__"))
                self._read_text(path, environment[name], name)
            elif name in known:
                # Other single underscores are not ours: Kubernetes sets CORAL_SERVICE_HOST.
                self._add(name, f"`{known[name]}` expected, with two underscores", "one")

    def read_flags(self, flags: Iterable[str]) -> None:
        self._layer = set()
        for flag in flags:
            key, equals, text = flag.partition("=")
            try:
                whole = equals and "\n" not in key
                path = _path_of(tomllib.loads(f"{key} = 0")) if whole else ()
            except tomllib.TOMLDecodeError:
                path = ()
            if path:
                self._read_text(path, text, f"--set {key.strip()}")
            else:
                self._add("--set", "<section>.<key>=<value> expected", "something else")

    def finish(self) -> Loaded:
        settings: Settings = self._built(Settings, ())
        for path, rule, got in broken_rules(settings):
            # Where a value could not be taken, rules would judge its default.
            if path[:-1] not in self._broken:
                self._add(self._sources.get(path, self._file + key_of(path)), rule, got)
        if self.problems:
            raise SettingsError(self.problems)
        return Loaded(settings, self._sources)

    def _add(self, place: str, rule: str, got: str, path: Path = ()) -> None:
        self.problems.append(Problem(place, rule, got))
        self._broken.add(path[:-1])

    def _read_text(self, path: Path, text: str, place: str) -> None:
        """Take the text of one variable or flag."""
        kind: Any = Settings
        owner: Any = None
        for depth, key in enumerate(path):
            inner = kinds.item(kind)
            owner, known = kind, kinds.fields(kind)
            if inner is not None:
                self._item(kind, path[: depth + 1], place)
                kind = inner
            elif key in known:
                kind = known[key]
            elif _secret_of(known, key) and depth == len(path) - 1:
                self._secret(path, text, place)
                return
            else:
                self._unknown(path[: depth + 1], place, known)
                return
        try:
            raw = kinds.from_text(kind, text)
        except ValueError:
            self._add(place, "JSON expected", _shown(kind, text), path)
            return
        if kinds.fields(kind) or kinds.item(kind):
            self._take(kind, raw, path, lambda inner: f"{place}: {key_of(inner)}")
        else:
            self._leaf(owner, kind, raw, path, place, strict=False)

    def _take(self, kind: Any, raw: Any, path: Path, place: Callable[[Path], str]) -> None:
        """Take a section, or a table of sections."""
        if not isinstance(raw, dict):
            self._add(place(path), "table expected", _shown(kind, raw), path)
            return
        known, inner = kinds.fields(kind), kinds.item(kind)
        for key, value in raw.items():
            at = (*path, key)
            if inner is not None:
                self._item(kind, at, place(at))
                self._take(inner, value, at, place)
            elif key not in known and _secret_of(known, key):
                self._secret(at, value, place(at))
            elif key not in known:
                self._unknown(at, place(at), known)
            elif kinds.fields(known[key]) or kinds.item(known[key]):
                self._take(known[key], value, at, place)
            else:
                self._leaf(kind, known[key], value, at, place(at))

    def _item(self, kind: Any, path: Path, place: str) -> None:
        """Note that a table has this entry, even if nothing is set in it."""
        problem = kinds.name_problem(kind, path[-1])
        if problem is not None:
            self._add(place, problem, repr(path[-1]), path)
        self._items.setdefault(path[:-1], {})[path[-1]] = None
        self._sources.setdefault(path, place)

    def _unknown(self, path: Path, place: str, known: Iterable[str]) -> None:
        got = f"`{path[-1]}`{kinds.hint(path[-1], known)}"
        self._add(place, "known key expected", got, path)

    def _secret(self, path: Path, file: object, place: str) -> None:
        """Take a secret from the file that holds it."""
        at = (*path[:-1], path[-1].removesuffix(kinds.FILE_KEY))
        try:
            with FilePath(str(file)).open(encoding="utf-8") as held:
                text = held.read(_MAX_SECRET).removesuffix("\n")
        except (OSError, ValueError) as error:
            # Not the name: it may be the secret itself, put into the wrong key.
            got = getattr(error, "strerror", None) or type(error).__name__
            self._add(place, "file that can be read expected", got, path)
            return
        self._leaf(None, Secret, text, at, place)

    def _leaf(
        self, owner: Any, kind: Any, raw: Any, path: Path, place: str, *, strict: bool = True
    ) -> None:
        """Take one value."""
        if path in self._layer:
            self._add(place, f"one value for `{key_of(path)}` expected", "another", path)
        self._layer.add(path)
        try:
            value = msgspec.convert(raw, kind, strict=strict, dec_hook=decode_hook)
            if owner is not None and hasattr(owner, "__post_init__"):
                owner(**{path[-1]: value})
        except msgspec.ValidationError as error:
            inside = _PATH_IN_VALUE.search(str(error))
            rule = _PATH_IN_VALUE.sub("", str(error)).partition(", got ")[0].replace("`", "")
            got = _shown(kind, raw)
            allowed = kinds.choices(kind)
            if allowed:
                rule = f"one of {', '.join(allowed)}"
                got += kinds.hint(raw, allowed) if isinstance(raw, str) else ""
            where = place + (inside[1] if inside else "")
            self._add(where, f"{rule.removeprefix('Expected ')} expected", got, path)
        except ConfigError as error:
            match = _RULE.search(str(error))
            rule = f"{match[1] if match else error} expected"
            self._add(place, rule, _shown(kind, raw), path)
        else:
            self._values[path] = value
            self._sources[path] = place

    def _built(self, kind: Any, path: Path) -> Any:
        """Return a section with what was taken, and defaults for the rest."""
        held = {}
        for key, inner in kinds.fields(kind).items():
            at = (*path, key)
            every = (*path[:-1], EVERY_SYSTEM, key)
            if kinds.fields(inner):
                held[key] = self._built(inner, at)
            elif kinds.item(inner):
                section = kinds.item(inner)
                names = self._items.get(at, {})
                held |= {key: {n: self._built(section, (*at, n)) for n in names}} if names else {}
            elif at in self._values:
                held[key] = self._values[at]
            elif path[:-1] == ("systems",) and every in self._values:
                held[key] = self._values[every]
                self._sources[at] = self._sources[every]
        return kind(**held)


_KEYS = [
    (section, key) for section, kind in kinds.fields(Settings).items() for key in kinds.fields(kind)
]


def _secret_of(known: Mapping[str, Any], key: str) -> bool:
    """Whether `key` names the file of one of the known secrets."""
    base = key.removesuffix(kinds.FILE_KEY)
    return base != key and base in known and kinds.is_secret(known[base])


def _path_of(table: Any) -> Path:
    """Return the keys of a table that holds one value."""
    path: list[str] = []
    while isinstance(table, dict):
        if len(table) != 1:
            return ()
        ((key, table),) = table.items()
        path.append(key)
    return tuple(path)


def _shown(kind: Any, value: object) -> str:
    """Return the value for a message, unless it is, or may hold, a secret."""
    if kinds.is_secret(kind) or kinds.fields(kind):
        return type(value).__name__
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
