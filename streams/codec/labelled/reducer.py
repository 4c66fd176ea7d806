"""Readings of foreign series to samples: counters to rates, histograms to quantiles."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import msgspec
import numpy as np

from streams.codec.labelled.counters import Cumulative, Point, counted
from streams.codec.labelled.histogram import MAX_BUCKETS, Histogram, increase, quantile
from streams.codec.labelled.mapping import QUANTILES, Series
from streams.codec.labelled.replicas import Replicas
from streams.codec.values import MAX_ABS_VALUE
from streams.grid import Grid
from streams.records import Problem, Samples
from streams.series import entity_of

T = TypeVar("T", bound="_Touched")

ONCE_S: Final = 600.0
"""How long after its only point, in event time, a counter counts as seen once, seconds."""

_KNOWN_TUPLES = 4096
_KNOWN_NAMES = 1_000_000


class _Touched(Protocol):
    touched: int  # number of the record that it last had a value in
    name: str  # of the series it is of; "" = it was restored, and not heard since


class Reading(NamedTuple):
    """One point of a foreign series.

    Parameters
    ----------
    series : Series
    time : float
        Event time, unix seconds.
    value : float or Histogram
        Histogram where the series is one.
    start : float
        Where counting began, unix seconds; 0 = unknown.
    elapsed : float
        Of what was counted since the point before (delta temporality): the seconds it took.
        0 = the value is cumulative, or a gauge.
    """

    series: Series
    time: float
    value: float | Histogram
    start: float = 0.0
    elapsed: float = 0.0


class _Rounds:
    """Buckets of one histogram, by the instant they belong to and their bound."""

    __slots__ = ("held", "name", "touched")

    def __init__(self, held: dict[float, dict[float, float]] | None = None) -> None:
        self.held: dict[float, dict[float, float]] = held or {}
        self.touched, self.name = 0, ""


class _System:
    """State of one system."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.keep = grid.open_ticks
        self.touched = 0
        self.counters: dict[str, Cumulative[float]] = {}
        self.histograms: dict[str, Cumulative[Histogram]] = {}
        self.rounds: dict[str, _Rounds] = {}
        self.replicas: dict[str, Replicas] = {}
        self.once: dict[str, tuple[str, float]] = {}
        self.levels: dict[str, None] = {}

    def state(self) -> dict[str, Any]:
        return {
            "counters": {key: [*map(tuple, c.points)] for key, c in self.counters.items()},
            "histograms": {
                key: [(t, start, *msgspec.structs.astuple(v)) for t, start, v in c.points]
                for key, c in self.histograms.items()
            },
            "rounds": {
                key: [(time, [*held.items()]) for time, held in rounds.held.items()]
                for key, rounds in self.rounds.items()
            },
            "replicas": {
                name: [(tick, dict(held)) for tick, held in replicas.ticks.items()]
                for name, replicas in self.replicas.items()
            },
            "once": dict(self.once),
            "levels": [*self.levels],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        for key, points in state["counters"].items():
            self.counters[key] = Cumulative(counted, [Point(*point) for point in points])
        for key, points in state["histograms"].items():
            self.histograms[key] = Cumulative(
                increase,
                [
                    Point(t, start, Histogram(count, total, tuple(bounds), tuple(below), geometric))
                    for t, start, count, total, bounds, below, geometric in points
                ],
            )
        for key, rounds in state["rounds"].items():
            self.rounds[key] = _Rounds({time: dict(map(tuple, held)) for time, held in rounds})
        for name, ticks in state["replicas"].items():
            self.replicas[name] = Replicas(
                {tick: {s: (t, v) for s, (t, v) in held.items()} for tick, held in ticks}
            )
        # What earlier versions wrote has none.
        self.once = {key: (name, time) for key, (name, time) in state.get("once", {}).items()}
        self.levels = dict.fromkeys(state.get("levels", ()))


class Reducer:
    """Turns readings into samples; holds what that takes, system by system.

    Parameters
    ----------
    grid : callable
        System id to its grid.
    max_series : int
        Most series, and most sources, followed in one system. When there are more, the half that
        was silent longest is forgotten, which costs each of them one rate: half of those of one
        entity, if that has more than half of all.
    max_systems : int
        Most systems followed; of more the one that was silent longest is forgotten.

    Attributes
    ----------
    extreme : int
        Values so far that were no finite numbers within +-1e100 and became missing.
    noticed : list of Problem
        Counters seen once and never again, and those that behave as levels; to be emptied by
        whoever reads it.
    """

    def __init__(
        self, grid: Callable[[str], Grid], max_series: int, max_systems: int = 1000
    ) -> None:
        self._grid = grid
        self._max_series = max_series
        self._max_systems = max_systems
        self._records = 0  # taken so far: the clock of silence
        self.noticed: list[Problem] = []
        self._interned_names = 0
        self._systems: dict[str, _System] = {}
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._touched: dict[tuple[str, str, int], tuple[Series, Replicas, int]] = {}
        self.extreme = 0

    def reduce(self, readings: Iterable[Reading]) -> list[Samples]:
        """Return the samples that follow from the readings of one record.

        A value is that of a whole tick so far: it replaces the one sent before for the same tick.
        """
        self._records += 1
        for reading in readings:
            system = self._systems.get(reading.series.system)
            if system is None:
                system = self._new_system(reading.series.system)
            system.touched = self._records
            self._take(system, reading)
            if system.once:
                self._notice(system, reading.time)
        touched, self._touched = self._touched, {}
        found: dict[tuple[str, float], dict[str, float]] = {}
        full: list[tuple[Replicas, int, int]] = []
        for (system_id, name, tick), (series, replicas, keep) in touched.items():
            time, value = replicas.combined(tick, series.rule)
            at = (system_id, time)
            if at in found:
                found[at][name] = value
            else:
                found[at] = {name: value}
            if len(replicas.ticks) > keep:
                full.append((replicas, tick, keep))
        for replicas, tick, keep in full:  # when all of their ticks are combined
            replicas.trim(tick, keep)
        return [
            Samples(name, time, self._interned(tuple(values)), np.array([*values.values()]))
            for (name, time), values in found.items()
        ]

    def forget(self, systems: AbstractSet[str]) -> None:
        """Drop the state of systems that went to another member of the group."""
        for system in systems & self._systems.keys():
            del self._systems[system]

    def state_dict(self) -> dict[str, Any]:
        """Return the state by system as plain values, to go into a checkpoint."""
        return {name: system.state() for name, system in self._systems.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned; the grids must be those of then."""
        for name, held in state.items():
            self._systems[name] = _System(self._grid(name))
            self._systems[name].load(held)

    def _take(self, system: _System, reading: Reading) -> None:
        series, time, value, start, elapsed = reading
        if isinstance(value, Histogram):
            self._histogram(system, series, Point(time, start, value), elapsed)
        elif series.kind == "gauge":
            self._put(system, series, time, value)
        elif not abs(value) <= MAX_ABS_VALUE:
            self.extreme += not math.isnan(value)
        elif series.kind == "bucket":
            self._bucket(system, series, time, value)
        elif elapsed:
            self._put(system, series, time, value / elapsed)
        else:
            self._counter(system, series, Point(time, start, value))

    def _counter(self, system: _System, series: Series, point: Point[float]) -> None:
        key = series.copy or series.source
        if system.levels and key in system.levels:
            self._put(system, series, point.time, point.value)
            return
        known = system.counters.get(key)
        if known is None:
            known = self._kept(system.counters, key, Cumulative(counted))
        known.touched, known.name = self._records, series.name
        steps = known.add(point, system.keep)
        all_is_new = steps and steps[-1].value == point.value  # it fell, or was zero before
        if all_is_new and not point.start and known.behaves_as_level(point):
            self._call_level(system, series, key)
            self._put(system, series, point.time, point.value)
            return
        for step in steps:
            self._put(system, series, step.time, step.value / step.elapsed)
        if len(known.points) == 1 and not steps:
            self._first_seen(system, key, series.name, point.time)
        elif system.once:
            system.once.pop(key, None)

    def _call_level(self, system: _System, series: Series, key: str) -> None:
        """From now on its values count, not their increase."""
        before, now = (point.value for point in system.counters.pop(key).points[-2:])
        if len(system.levels) >= self._max_series:
            del system.levels[next(iter(system.levels))]
        system.levels[key] = None
        reason = (
            f"counter expected, which falls to near zero only; fell from {before:g} to {now:g}, "
            "taken for a level; to say so list it in `gauges`"
        )
        self.noticed.append(Problem("no_counter", series.name, "$", reason))

    def _histogram(
        self, system: _System, series: Series, point: Point[Histogram], elapsed: float
    ) -> None:
        if elapsed:
            self._observed(system, series, point.time, elapsed, point.value)
            return
        key = series.copy or series.source
        known = system.histograms.get(key)
        if known is None:
            known = self._kept(system.histograms, key, Cumulative(increase))
        known.touched, known.name = self._records, series.name
        steps = known.add(point, system.keep)
        for step in steps:
            self._observed(system, series, step.time, step.elapsed, step.value)
        if len(known.points) == 1 and not steps:
            self._first_seen(system, key, series.name, point.time)
        elif system.once:
            system.once.pop(key, None)

    def _observed(
        self, system: _System, series: Series, time: float, elapsed: float, seen: Histogram
    ) -> None:
        values = [quantile(q, seen) for q in QUANTILES]
        if series.kind == "histogram":
            total = math.nan if seen.total is None else seen.total / elapsed
            values = [seen.count / elapsed, total, *values]
        for part, value in zip(series.parts, values, strict=True):
            self._put(system, part, time, value)

    def _bucket(self, system: _System, series: Series, time: float, value: float) -> None:
        """Collect the buckets of one instant; the histogram is whole with those of the last."""
        key = series.copy or series.source
        known = system.rounds.get(key)
        if known is None:
            known = self._kept(system.rounds, key, _Rounds())
        known.touched, known.name = self._records, series.name
        rounds = known.held
        held = rounds.setdefault(time, {})
        if len(held) >= MAX_BUCKETS:
            return
        held[series.le] = value
        if len(rounds) > system.keep:
            del rounds[max(rounds, key=lambda other: abs(other - time))]
        if math.inf not in held or any(len(other) > len(held) for other in rounds.values()):
            return
        bounds = tuple(sorted(held))[:-1]
        below = tuple(held[bound] for bound in bounds)
        whole = Histogram(held[math.inf], None, bounds, below)
        self._histogram(system, series, Point(time, 0.0, whole), 0.0)

    def _put(self, system: _System, series: Series, time: float, value: float) -> None:
        if not abs(value) <= MAX_ABS_VALUE:
            self.extreme += not math.isnan(value)
            return
        known = system.replicas.get(series.name)
        if known is None:
            known = self._kept(system.replicas, series.name, Replicas())
        known.touched, known.name = self._records, series.name
        tick = system.grid.tick_of(time)
        known.put(tick, series.source, time, value)
        self._touched[series.system, series.name, tick] = (series, known, system.keep)

    def _first_seen(self, system: _System, key: str, name: str, time: float) -> None:
        """Remember a counter of which one point says nothing, until there is more of it."""
        if len(system.once) >= self._max_series:
            self._seen_once(system, next(iter(system.once)))
        system.once.setdefault(key, (name, time))

    def _notice(self, system: _System, time: float) -> None:
        key, (_, first) = next(iter(system.once.items()))
        if time - first > ONCE_S:
            self._seen_once(system, key)

    def _seen_once(self, system: _System, key: str) -> None:
        name, _ = system.once.pop(key)
        reason = f"start time, or a second point within {ONCE_S:.0f} s, expected; got one point"
        self.noticed.append(Problem("seen_once", name, "$", reason))

    def _new_system(self, name: str) -> _System:
        if len(self._systems) >= self._max_systems:
            del self._systems[min(self._systems, key=lambda other: self._systems[other].touched)]
        made = self._systems[name] = _System(self._grid(name))
        return made

    def _kept(self, held: dict[str, T], key: str, new: T) -> T:
        """Keep what is new; the half that was silent longest makes room if there is none.

        One entity that has more than half of all makes room by itself: others keep their places.
        """
        if len(held) >= self._max_series:
            entities = {other: entity_of(one.name) for other, one in held.items()}
            ((most, count),) = Counter(entities.values()).most_common(1)
            alone = count > self._max_series // 2
            going = [other for other in held if not alone or entities[other] == most]
            going.sort(key=lambda other: held[other].touched)
            for old in going[: len(going) // 2 + 1]:
                del held[old]
        held[key] = new
        return new

    def _interned(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the one tuple object for these names."""
        known = self._names.get(names)
        if known is not None:
            return known
        self._interned_names += len(names)
        if len(self._names) >= _KNOWN_TUPLES or self._interned_names > _KNOWN_NAMES:
            self._names.clear()
            self._interned_names = len(names)
        self._names[names] = names
        return names
