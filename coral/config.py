"""What a user can set, typed, with all problems reported at once."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from coral.errors import ConfigError
from coral.text import LENGTHS, seconds_of
from detectors.statistics.river_catalogue import Setting
from detectors.statistics.river_catalogue import problems as statistics_problems
from streams.series import canonical, name_problem
from streams.topology import ItemProblem, Topology

__all__ = [
    "EngineConfig",
    "HealthSignal",
    "MonitoredSystem",
    "Name",
    "Seconds",
    "SystemConfig",
    "digest",
]

NO_POLICIES: Mapping[str, object] = MappingProxyType({})

Name = Annotated[str, Meta(min_length=1)]
Seconds = Annotated[float, Meta(gt=0)]
Length = Annotated[str, Meta(pattern=LENGTHS, description="length of time such as 90s, 2m, 1h30m")]


class EngineConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the engine works; equal for every system.

    Parameters
    ----------
    false_alarms_per_week : float
        Budget of pages without a cause, per system; without health signals everything pages.
    changes_per_week : float
        Budget of changes without a cause that no health signal feels, per system; they do not page.
    base_rows : int
        Most rows of normal state kept in memory; with `base_cells` it bounds the memory.
    base_cells : int
        Most cells (rows x series) of normal state kept in memory; 8 bytes each.
    max_causes : int
        Causes published in full; the names of the rest follow in the ranking.
    statistics : list of str or table
        Detectors of river as further statistics of the trigger, see docs/howto/river-detectors.md.

    Raises
    ------
    ConfigError
        If any value breaks its rule; all of them are named.
    """

    false_alarms_per_week: Annotated[float, Meta(gt=0)] = 1.0
    changes_per_week: Annotated[float, Meta(gt=0)] = 2.0
    base_rows: Annotated[int, Meta(ge=64)] = 4096
    base_cells: Annotated[int, Meta(ge=10_000)] = 4_000_000
    max_causes: Annotated[int, Meta(ge=1, le=100)] = 10
    statistics: tuple[Setting, ...] = ()

    def __post_init__(self) -> None:
        broken = statistics_problems(self.statistics)
        _require(self, (ItemProblem("statistics", number, rule) for number, rule in broken))


class HealthSignal(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    repr_omit_defaults=True,
):
    """A health signal with an objective: one of `above`, `below` and `target`.

    A breach ends once the condition has failed for as long as the shortest breach takes to begin.
    A missing reading changes nothing.

    Parameters
    ----------
    name : str
        Series `<entity>:<metric>`.
    above, below : float, optional
        Readings beyond this, in the unit of the series, breach the objective.
    for : str, optional
        How long every reading is beyond, such as `90s`, `2m` or `1h30m`; without it one reading is
        enough.
    rows, of : int
        In place of `for`: how many of the newest rows with a reading are beyond.
    target : float, optional
        Share of requests without error, such as 0.999; the series is the ratio of errors, 0 to 1.
    total : str, optional
        With `target`: series of all requests; the signal itself counts those with an error, and
        each row weighs as many as it has.
    good : str, optional
        With `total`: series of the requests without error, which count in place of the signal.
    burn_rate : float, optional
        With `target`: breached while the mean error ratio of both windows is larger than
        `burn_rate` x (1 - `target`); 14.4 by default.
    windows_s : [float, float], optional
        With `target`: lengths of the long and the short window, seconds; an hour and 5 minutes by
        default. Without this and `burn_rate` both pages of the SRE workbook hold: 14.4 over 1 h
        and 5 min, 6 over 6 h and 30 min.

    Examples
    --------
    >>> [*HealthSignal(name="web:latency", above=0.5, rows=5, of=3).problems()]
    ['`rows` of at most `of` expected (raise `of` or lower `rows`)']
    """

    name: Name
    above: float | None = None
    below: float | None = None
    for_: Length | None = msgspec.field(default=None, name="for")  # a word of Python
    rows: Annotated[int, Meta(ge=1, le=1000)] = 1
    of: Annotated[int, Meta(ge=1, le=1000)] = 1
    target: Annotated[float, Meta(gt=0, lt=1)] | None = None
    total: Name | None = None
    good: Name | None = None
    burn_rate: Annotated[float, Meta(gt=0)] | None = None
    windows_s: tuple[Seconds, Seconds] | None = None

    @property
    def for_s(self) -> float:
        """Seconds for which every reading is beyond; 0 is at once."""
        return seconds_of(self.for_ or "") or 0.0

    @property
    def rules(self) -> tuple["HealthSignal", ...]:
        """The objective with nothing left open: one, or the two of the SRE workbook."""
        if self.target is None:
            return (self,)
        first, *more = _WORKBOOK
        if self.burn_rate is None and self.windows_s is None:
            pairs = [first, *more]
        else:
            pairs = [(self.burn_rate or first[0], self.windows_s or first[1])]
        return tuple(
            msgspec.structs.replace(self, burn_rate=rate, windows_s=windows)
            for rate, windows in pairs
        )

    @property
    def text(self) -> str:
        """What breaches it, in words."""
        if self.target is not None:
            rate, (long, short) = self._burning
            return (
                f"errors {rate:g} times as fast as {self.target:g} allows, "
                f"over {long:g} s and {short:g} s"
            )
        beyond = f"above {self.above:g}" if self.above is not None else f"below {self.below:g}"
        if self.of > 1:
            return f"{beyond} in {self.rows} of {self.of} rows"
        return f"{beyond} for {self.for_s:g} s" if self.for_s else beyond

    @property
    def limit(self) -> float:
        """What readings, or their means, are compared with, raw units."""
        if self.target is not None:
            return self._burning[0] * (1.0 - self.target)
        return self.above if self.above is not None else self.below or 0.0

    def least_s(self, interval_s: float) -> float:
        """Seconds that its shortest breach takes to begin, on a grid of such an interval."""
        if self.target is not None:
            return self._burning[1][1]
        return max(self.for_s, (self.rows - 1) * interval_s)

    @property
    def _burning(self) -> tuple[float, tuple[float, float]]:
        """Burn rate and windows of the first of its rules."""
        return self.burn_rate or _WORKBOOK[0][0], self.windows_s or _WORKBOOK[0][1]

    def problems(self) -> Iterator[str]:
        """Yield every rule that it breaks, with what to do."""
        try:  # what was not read from a file has not been checked yet
            given = msgspec.to_builtins(self)
            msgspec.convert(given, HealthSignal)
        except (msgspec.ValidationError, TypeError) as error:
            yield str(error)
            return
        for key in _NAMES:
            broken = name_problem(given[key]) if key in given else None
            if broken is not None:
                yield broken if key == "name" else f"`{key}`: {broken}"
        numbers = {key: value for key, value in given.items() if isinstance(value, float)}
        numbers |= {f"windows_s[{n}]": value for n, value in enumerate(self.windows_s or ())}
        unbounded = [key for key, value in numbers.items() if not math.isfinite(value)]
        if unbounded:
            yield f"finite number expected as `{unbounded[0]}`"
        else:
            yield from self._misfits(given)

    def _misfits(self, given: Mapping[str, object]) -> Iterator[str]:
        """Yield what does not go together."""
        rules = [key for key in ("above", "below", "target") if key in given]
        foreign = [key for key in _IDLE[rules[0]] if key in given] if rules else []
        if len(rules) != 1:
            yield "one of `above`, `below` and `target` expected (without any write the name alone)"
        elif foreign:
            yield f"no `{foreign[0]}` expected beside `{rules[0]}` (leave it out)"
        elif self.target is not None:
            yield from self._misfits_of_target(1.0 / (1.0 - self.target))
        elif self.rows > self.of:
            yield "`rows` of at most `of` expected (raise `of` or lower `rows`)"
        elif self.for_ is not None and self.of > 1:
            yield "`for`, or `rows` and `of`, expected (leave one out)"

    def _misfits_of_target(self, most: float) -> Iterator[str]:
        """Yield what does not go together with a target that allows to burn so fast at most."""
        rate, (long, short) = self._burning
        if rate >= most:
            yield f"`burn_rate` < {most:g} expected with this `target` (no ratio exceeds 1)"
        if long <= short:
            yield "the longer window first expected in `windows_s`"
        if self.good is not None and self.total is None:
            yield "`total` expected beside `good`"
        elif self.total == (self.good or self.name):
            yield "another series than that of all requests expected to count some of them"


# Fields that name a series.
_NAMES = ("name", "good", "total")
_WORKBOOK: tuple[tuple[float, tuple[float, float]], ...] = (
    (14.4, (3600.0, 300.0)),
    (6.0, (21_600.0, 1800.0)),
)
"""What pages by the SRE workbook: burn rate, long and short window, seconds."""


# What does not go with a rule, as it would do nothing.
_IDLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "above": ("total", "good", "burn_rate", "windows_s"),
        "below": ("total", "good", "burn_rate", "windows_s"),
        "target": ("for", "rows", "of"),
    }
)


class MonitoredSystem(Topology, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A monitored system: its grid, its health signals, and the topology that is known of it.

    Parameters
    ----------
    interval_s : float
        Seconds between two rows of its grid; at least the period of its metrics.
    kpi : list of str or table
        Series `<entity>:<metric>` that tell its health; a table gives one an objective.
    """

    interval_s: Seconds
    kpi: tuple[Name | HealthSignal, ...] = ()
    edge_semantics: Literal["a calls b", "a feeds b"] = "a calls b"

    @property
    def health_names(self) -> tuple[str, ...]:
        """Series that tell its health, each once, in their order."""
        names = (each.name if isinstance(each, HealthSignal) else each for each in self.kpi)
        return tuple(dict.fromkeys(names))

    @property
    def read_names(self) -> tuple[str, ...]:
        """Series that its health is read from, each once: health signals, and what they count."""
        counted = (name for one in self.objectives for name in (one.good, one.total) if name)
        return tuple(dict.fromkeys((*self.health_names, *counted)))

    @property
    def objectives(self) -> tuple[HealthSignal, ...]:
        """Health signals with an objective, in their order; a series may have several."""
        given = (each for each in self.kpi if isinstance(each, HealthSignal))
        return tuple(rule for each in given for rule in each.rules)

    def problems(self) -> Iterator[ItemProblem]:
        """Yield every health signal that breaks a rule, and everything that does not fit."""
        for number, signal in enumerate(self.kpi):
            for rule in _rules_broken(signal):
                yield ItemProblem("kpi", number, rule)
            if signal in self.kpi[:number]:
                yield ItemProblem("kpi", number, "every health signal once expected (remove one)")
        yield from super().problems()


class SystemConfig(MonitoredSystem, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the engine knows of a system.

    Parameters
    ----------
    name : str
        Identifier; the Kafka key of its data.
    recording : str
        Digest of what a recording holds: tells its incidents from those of another one of the same
        system, with the same onset; empty where there is one stream of its data.
    **facts
        As of `MonitoredSystem`.

    Raises
    ------
    ConfigError
        If any value breaks its rule; all of them are named.
    """

    name: Name
    recording: str = ""

    def __post_init__(self) -> None:
        _require(self, self.problems())
        for field in msgspec.structs.fields(self):
            if field.name != "name":  # what is named like the series and entities of the data
                value = getattr(self, field.name)
                msgspec.structs.force_setattr(self, field.name, _canonical(value))


def _canonical(value: Any) -> Any:
    """Return a value with all its text as `streams.series` keeps names."""
    if isinstance(value, str):
        return canonical(value)
    if isinstance(value, HealthSignal):
        names = {key: getattr(value, key) for key in _NAMES}
        known = {key: canonical(name) for key, name in names.items() if name is not None}
        return msgspec.structs.replace(value, **known)
    return type(value)(map(_canonical, value)) if isinstance(value, list | tuple) else value


def _rules_broken(signal: str | HealthSignal) -> Iterator[str]:
    if isinstance(signal, HealthSignal):
        yield from signal.problems()
    elif isinstance(signal, str):  # else its type is told
        problem = name_problem(signal)
        if problem is not None:
            yield problem


def _require(config: msgspec.Struct, problems: Iterable[ItemProblem] = ()) -> None:
    """Raise one error with all that does not fit, and with every field that its type refuses."""
    broken = [f"`{key}[{n}]`: {rule}, got {getattr(config, key)[n]!r}" for key, n, rule in problems]
    for field in msgspec.structs.fields(config):
        value = getattr(config, field.name)
        try:
            msgspec.convert(value, field.type)
        except msgspec.ValidationError as error:
            broken.append(f"`{field.name}`: {error}, got {value!r}")
    if broken:
        raise ConfigError(f"{type(config).__name__}: " + "; ".join(broken))


def digest(
    engine: EngineConfig,
    version: str,
    system: SystemConfig | None = None,
    policies: Mapping[str, object] = NO_POLICIES,
) -> str:
    """Short fingerprint of everything that shapes the events apart from the data.

    Two runs with equal digests, those of a system included, over equal data publish byte-identical
    events. Without a system it stands for what holds for all. `policies` are those that are not the
    version's own, as plain values by name.
    """
    held = msgspec.structs.asdict(engine)
    if not engine.statistics:
        del held["statistics"]  # versions before did not know them
    facts: dict[str, object] = {"engine": held, "version": version}
    if system is not None:
        known = msgspec.structs.asdict(system)
        del known["recording"]  # that is of the data
        facts["system"] = known
    if policies:
        facts["policies"] = policies
    return hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()[:12]
