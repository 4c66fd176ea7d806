"""Rates, quantiles and replicas: what one series becomes over time."""

import itertools
import math
import random
from collections.abc import Iterable
from math import isnan

import msgspec
import numpy as np
import pytest
from typed import there

from streams.align.aligner import Aligner
from streams.codec.labelled.counters import Cumulative, Point, counted
from streams.codec.labelled.histogram import (
    Histogram,
    from_buckets,
    from_exponential,
    increase,
    quantile,
)
from streams.codec.labelled.mapping import Kind, Rule, Series
from streams.codec.labelled.reducer import Reading, Reducer
from streams.codec.labelled.replicas import Replicas
from streams.grid import Grid
from streams.records import Problem


def steps(points: Iterable[tuple[float, ...]], keep: int = 8) -> list[tuple[float, ...]]:
    """All steps a counter yields for (time, value) or (time, start, value)."""
    counter = Cumulative(counted)
    found = []
    for p in points:
        time, start, value = p if len(p) == 3 else (p[0], 0.0, p[1])
        found += [tuple(s) for s in counter.add(Point(time, start, float(value)), keep)]
    return found


class TestCounters:
    def test_first_point_gives_nothing(self) -> None:
        """A rate needs two points, where the start is not told or too long ago."""
        assert [] == steps([(10, 5)])
        assert [] == steps([(9999, 1, 5)])

    def test_first_point_since_its_start(self) -> None:
        """What was counted since then, also if a later point came before it."""
        expected = {20: (18, 9.0), 10: (8, 5.0)}
        assert [(10, 8, 5.0), (20, 10, 4.0)] == steps([(10, 2, 5), (20, 2, 9)])
        found = steps([(20, 2, 9), (10, 2, 5)])
        assert [(20, *expected[20]), (20, 10, 4.0), (10, *expected[10])] == found

    def test_a_point_older_than_all_that_is_kept_says_nothing(self) -> None:
        """Those before it are forgotten, and it is not the first."""
        points = [(t, 1, t) for t in range(10, 80, 10)]
        assert 7 == len(steps(points, keep=4))
        assert [] == steps([*points, (15, 1, 15)], keep=4)[8:]

    def test_increase(self) -> None:
        """What was counted, and in how many seconds."""
        assert [(20, 10, 3.0), (50, 30, 0.0)] == steps([(10, 5), (20, 8), (50, 8)])

    def test_fall_is_a_reset(self) -> None:
        """After a reset all of the value is new."""
        assert [(20, 10, 2.0)] == steps([(10, 5), (20, 2)])

    def test_new_start_is_a_reset(self) -> None:
        """A start after the point before is a reset although the value is higher."""
        assert [(20, 10, 8.0)] == steps([(10, 1, 5), (20, 15, 8)])[1:]

    def test_wobbling_start_is_none(self) -> None:
        """A start before the point before cannot be a reset."""
        assert [(20, 10, 3.0)] == steps([(10, 1.0, 5), (20, 1.2, 8)])[1:]

    def test_out_of_order_point_is_no_reset(self) -> None:
        """A late point yields its step and the corrected one of its successor."""
        found = steps([(10, 5), (30, 9), (20, 6)])

        assert [(30, 20, 4.0), (20, 10, 1.0), (30, 10, 3.0)] == found

    def test_duplicate_gives_nothing(self) -> None:
        """A point seen before brings no news."""
        assert [(20, 10, 3.0)] == steps([(10, 5), (20, 8), (20, 8), (10, 5)])

    def test_two_values_of_one_instant(self) -> None:
        """The last to arrive wins."""
        assert [(20, 10, 3.0), (20, 10, 4.0)] == steps([(10, 5), (20, 8), (20, 9)])

    def test_far_future_point_does_not_stay(self) -> None:
        """A wrong time stamp is forgotten once there are enough others."""
        counter = Cumulative(counted)
        times = [10, 1e10, *range(20, 100, 10)]
        for time in times:
            counter.add(Point(time, 0.0, float(time)), 4)

        assert [60, 70, 80, 90] == [p.time for p in counter.points]

    def test_any_order_gives_the_same_last_steps(self) -> None:
        """Per time, the last step is that of the ordered points."""
        points = [(10, 5), (20, 9), (30, 2), (40, 2), (50, 8)]
        expected = {time: (elapsed, value) for time, elapsed, value in steps(points)}
        for shuffled in itertools.permutations(points):
            found = {time: (elapsed, value) for time, elapsed, value in steps(shuffled)}
            assert expected == found


def naive_quantile(q: float, observations_in_bucket: list[float], bounds: list[float]) -> float:
    """Walk through the buckets as the Prometheus documentation says it."""
    rank = q * sum(observations_in_bucket)
    seen = 0.0
    for i, count in enumerate(observations_in_bucket):
        if seen + count >= rank:
            if i == len(bounds):
                return bounds[-1]
            if i == 0 and bounds[0] <= 0:
                return bounds[0]
            lower = 0.0 if i == 0 else bounds[i - 1]
            return lower + (bounds[i] - lower) * ((rank - seen) / count if count else 1.0)
        seen += count
    return bounds[-1]


class TestHistograms:
    @pytest.mark.parametrize("seed", range(20))
    def test_quantile_is_that_of_prometheus(self, seed: int) -> None:
        """The textbook walk gives the same."""
        rng = np.random.default_rng(seed)
        bounds = np.sort(rng.normal(size=rng.integers(1, 8))).tolist()
        counts = rng.integers(0, 5, len(bounds) + 1).astype(float).tolist()
        counts[rng.integers(len(counts))] += 1
        histogram = from_buckets(sum(counts), None, bounds, counts)
        for q in (0.0, 0.1, 0.5, 0.95, 1.0):
            assert naive_quantile(q, counts, bounds) == pytest.approx(quantile(q, histogram))

    def test_nothing_observed(self) -> None:
        """Without an observation, or without buckets, there is no quantile."""
        assert math.isnan(quantile(0.5, from_buckets(0.0, None, [1.0], [0.0, 0.0])))
        assert math.isnan(quantile(0.5, from_buckets(5.0, 2.0, [], [])))

    def test_increase(self) -> None:
        """Count, sum and each bucket are subtracted."""
        before = from_buckets(10.0, 5.0, [1.0, 2.0], [4.0, 4.0, 2.0])
        now = from_buckets(15.0, 9.0, [1.0, 2.0], [4.0, 8.0, 3.0])

        assert Histogram(5.0, 4.0, (1.0, 2.0), (0.0, 4.0)) == increase(before, now)

    @pytest.mark.parametrize("counts", [[3.0, 9.0, 9.0], [5.0, 4.0, 0.0]])
    def test_a_count_that_fell_is_a_reset(self, counts: list[float]) -> None:
        """Of one bucket or of all: everything in the later histogram is new."""
        before = from_buckets(10.0, 5.0, [1.0, 2.0], [4.0, 4.0, 2.0])
        now = from_buckets(sum(counts), 9.0, [1.0, 2.0], counts)

        assert now == increase(before, now)

    def test_other_bounds(self) -> None:
        """New bounds inside an occupied bucket: what was counted cannot be told."""
        before = from_buckets(10.0, 5.0, [1.0, 2.0], [4.0, 4.0, 2.0])
        now = from_buckets(15.0, 9.0, [1.5, 2.0], [4.0, 8.0, 3.0])

        assert increase(before, now) is None

    def test_exponential_bounds(self) -> None:
        """Buckets of both signs and around zero lie where the data model puts them."""
        histogram = from_exponential(10.0, None, 0, (1.0, 0.25), (0, [2.0, 3.0]), (1, [4.0]))

        assert (-4.0, -2.0, 0.25, 1.0, 2.0, 4.0) == histogram.bounds
        assert (0.0, 4.0, 5.0, 5.0, 7.0, 10.0) == histogram.below

    def test_exponential_quantile_is_geometric(self) -> None:
        """Half way through a bucket from 1 to 4 lies 2; and -2 in its mirror image."""
        positive = from_exponential(8.0, None, -1, (0.0, 0.0), (0, [8.0]), (0, []))
        negative = from_exponential(8.0, None, -1, (0.0, 0.0), (0, []), (0, [8.0]))

        assert 2.0 == pytest.approx(quantile(0.5, positive))
        assert -2.0 == pytest.approx(quantile(0.5, negative))

    def test_exponential_increase_over_a_coarser_scale(self) -> None:
        """Buckets that merged are compared at the bounds they share."""
        before = from_exponential(4.0, None, 1, (0.0, 0.0), (0, [1.0, 1.0, 1.0, 1.0]), (0, []))
        now = from_exponential(14.0, None, 0, (0.0, 0.0), (-1, [3.0, 5.0, 2.0, 4.0]), (0, []))

        found = there(increase(before, now))

        assert (0.0, 0.5, 1.0, 2.0, 4.0, 8.0) == found.bounds
        assert (0.0, 0.0, 3.0, 6.0, 6.0, 10.0) == found.below
        assert 10.0 == found.count

    def test_absurd_exponents(self) -> None:
        """Bounds beyond the range of a float are no bounds."""
        huge = from_exponential(2.0, None, -10, (0.0, 0.0), (2**30, [1.0]), (-(2**30), [1.0]))

        assert all(math.isfinite(b) for b in huge.bounds)
        assert math.isfinite(quantile(0.5, huge))


class TestReplicas:
    @pytest.mark.parametrize(
        ("rule", "expected"), [("sum", 6.0), ("mean", 2.0), ("max", 3.0), ("min", 1.0)]
    )
    def test_rules(self, rule: Rule, expected: float) -> None:
        """All sources of the tick count, at the latest time."""
        replicas = Replicas()
        for i, value in enumerate((1.0, 2.0, 3.0)):
            replicas.put(0, f"r{i}", 1.0 + i, value)

        assert (3.0, expected) == replicas.combined(0, rule)

    def test_latest_value_of_a_source_counts(self) -> None:
        """An older value changes nothing, whenever it comes; an equal time replaces."""
        replicas = Replicas()
        for time, value in ((5.0, 1.0), (2.0, 9.0), (5.0, 4.0)):
            replicas.put(0, "r", time, value)

        assert (5.0, 4.0) == replicas.combined(0, "sum")

    def test_ticks_are_bounded(self) -> None:
        """The farthest tick is forgotten."""
        replicas = Replicas()
        for tick in (10**9, 1, 2, 3, 4, 5):
            replicas.put(tick, "r", 0.0, 0.0)
            replicas.trim(tick, 3)

        assert [3, 4, 5] == sorted(replicas.ticks)


def gauge(name: str = "cart:cpu", source: str = "a", rule: Rule = "sum") -> Series:
    return Series("shop", name, source, "gauge", rule)


def counter(name: str = "cart:n", source: str = "a", rule: Rule = "sum") -> Series:
    return Series("shop", name, source, "counter", rule)


def frames(readings: list[Reading], chunk: int = 1) -> list[tuple[float, dict[str, float]]]:
    """Frames of the aligner behind a reducer that gets the readings in chunks."""
    grid = Grid(10.0, 40.0)
    reducer, aligner = Reducer(lambda _: grid, 100), Aligner(*grid)
    found = []
    for at in range(0, len(readings), chunk):
        for samples in reducer.reduce(readings[at : at + chunk]):
            found += aligner.push(samples)
    found += aligner.flush()
    return [
        (f.time, {n: v for n, v in zip(f.names, f.values.tolist(), strict=True) if not isnan(v)})
        for f in found
    ]


def readings() -> list[Reading]:
    """Two replicas of a gauge and a counter, one point each in every tick, one restart."""
    found: list[Reading] = []
    for tick in range(12):
        for replica in ("a", "b"):
            time = 10.0 * tick + (1.0 if replica == "a" else 4.0)
            found.append(Reading(gauge(source=replica), time, 0.1 * tick + len(found)))
            value = 100.0 * tick if tick < 6 else 70.0 * (tick - 5)
            found.append(Reading(counter(source=replica), time, value))
    return found


def taken(reducer: Reducer) -> list[Problem]:
    """What a reducer noticed since this was called last."""
    noticed, reducer.noticed = reducer.noticed, []
    return noticed


def copied(skew: float) -> list[Reading]:
    """A counter that grows by 5 a second and a gauge, scraped by A and B; B's clock is off."""
    found: list[Reading] = []
    for step in range(24):
        for copy, now in (("A", 5.0 * step), ("B", 5.0 * step + 2.0)):
            time = now + (skew if copy == "B" else 0.0)
            for series, value in ((counter(), 1000.0 + 5.0 * now), (gauge(), 1.0 + step % 2)):
                one = msgspec.structs.replace(series, copy=copy)
                found.append(Reading(one, 100.0 + time, value))
    return found


class TestReducer:
    def test_replicas_and_rates(self) -> None:
        """Sums of the gauges and of the rates, one frame a tick."""
        found = frames(readings())

        assert 12 == len(found)
        assert (14.0, {"cart:cpu": pytest.approx(10.2), "cart:n": 20.0}) == found[1]
        assert (64.0, {"cart:cpu": pytest.approx(51.2), "cart:n": 14.0}) == found[6]

    @pytest.mark.parametrize("seed", range(10))
    def test_order_and_duplicates_do_not_matter(self, seed: int) -> None:
        """Shuffled within the lateness, and sent twice: the same frames."""
        rng = random.Random(seed)
        expected = frames(readings())
        for chunk in (1, 5):
            twice = [(r.time + rng.uniform(0, 15), r) for r in readings() for _ in range(2)]
            # The first tick comes first: the very first point decides where time begins.
            twice.sort(key=lambda held: (held[1].time >= 10.0, held[0]))
            assert expected == frames([r for _, r in twice], chunk)

    def test_a_record_may_hold_more_ticks_than_are_kept(self) -> None:
        """Nothing of a long batch is lost, and only the newest ticks stay in memory."""
        grid = Grid(10.0)
        reducer = Reducer(lambda _: grid, 10)
        found = reducer.reduce([Reading(gauge(), 10.0 * i, float(i)) for i in range(50)])

        assert [10.0 * i for i in range(50)] == [s.time for s in found]
        assert len(reducer.state_dict()["shop"]["replicas"]["cart:cpu"]) == grid.open_ticks

    def test_delta_is_divided_by_its_seconds(self) -> None:
        """A delta needs no memory."""
        grid = Grid(10.0)
        reducer = Reducer(lambda _: grid, 10)
        (samples,) = reducer.reduce([Reading(counter(), 60.0, 30.0, 50.0, 10.0)])

        assert [3.0] == samples.values.tolist()
        assert {} == reducer.state_dict()["shop"]["counters"]

    def test_extreme_values_are_missing(self) -> None:
        """Infinite and enormous values are counted, NaN is just missing."""
        grid = Grid(10.0)
        reducer = Reducer(lambda _: grid, 10)
        for value in (math.inf, -1e101, math.nan):
            for series in (gauge(), counter()):
                assert [] == reducer.reduce([Reading(series, 60.0, value)])

        assert 4 == reducer.extreme

    @pytest.mark.parametrize("kind", ["counters", "histograms", "rounds", "replicas", "once"])
    def test_memory_is_bounded(self, kind: str) -> None:
        """Churning sources are forgotten; one that goes on is not, and what is new counts."""
        grid = Grid(10.0)
        reducer = Reducer(lambda _: grid, 10)

        def reading(i: int | str, time: float) -> Reading:
            name = f"s{i}:n"
            if kind in ("counters", "once"):
                return Reading(counter(name, f"{i}"), time, time)
            if kind == "replicas":
                return Reading(gauge(name), time, time)
            parts = (gauge(f"{name}.p50"),) * (5 if kind == "histograms" else 3)
            held: Kind = "histogram" if kind == "histograms" else "bucket"
            series = Series("shop", name, f"{i}", held, "sum", math.inf, parts)
            value = from_buckets(time, None, [], [time]) if kind == "histograms" else time
            return Reading(series, time, value)

        reducer.reduce([reading("kept", 0.0)])
        for i in range(100):
            reducer.reduce([reading(i, 10.0 * i)])
            reducer.reduce([reading("kept", 10.0 * i + 1.0)])
        state = reducer.state_dict()["shop"]

        assert 0 < len(state[kind]) <= 10
        assert kind == "once" or any(key in ("kept", "skept:n") for key in state[kind])

    def test_one_entity_takes_no_places_of_others(self) -> None:
        """What goes on of others has its rates, however many of one entity come between."""
        reducer, rates = Reducer(lambda _: Grid(10.0), 100), list[float]()
        for time in range(10, 60, 10):
            for i in range(500):
                reducer.reduce([Reading(counter(f"flood:x{i}", f"f{i}"), float(time), 1.0)])
            for name in ("cart", "db"):
                point = Reading(counter(f"{name}:n", name), float(time), 2.0 * time)
                rates += [s.values.item() for s in reducer.reduce([point])]

        assert [2.0] * 2 * 4 == rates
        assert 100 >= len(reducer.state_dict()["shop"]["counters"])

    def test_systems_are_bounded(self) -> None:
        """Names that come once are forgotten first."""
        grid = Grid(10.0)
        reducer = Reducer(lambda _: grid, 10, max_systems=10)
        for i in range(5000):
            for system in ("shop", f"s{i}"):
                series = Series(system, "cart:n", "a", "counter", "sum")
                reducer.reduce([Reading(series, float(i), float(i))])

        assert 10 == len(reducer.state_dict())
        assert {"shop", "s4999"} < reducer.state_dict().keys()

    def test_one_record_of_more_systems_than_are_kept(self) -> None:
        """All of its values count."""
        reducer = Reducer(lambda _: Grid(10.0), 10, max_systems=3)
        series = [Series(f"s{i}", "cart:cpu", "a", "gauge", "sum") for i in range(9)]
        found = reducer.reduce([Reading(one, 60.0, 1.0) for one in series])

        assert [f"s{i}" for i in range(9)] == [samples.system for samples in found]
        assert 3 == len(reducer.state_dict())

    def test_seen_once(self) -> None:
        """A counter of one point is named ten minutes later; one of two, or with a start, not."""
        grid = Grid(10.0)
        reducer = Reducer(lambda _: grid, 100)
        reducer.reduce([Reading(counter("job:done", "a"), 60.0, 5.0)] * 2)
        reducer.reduce([Reading(counter("job:more", "b"), t, 5.0) for t in (60.0, 70.0)])
        held = Series("shop", "job:took", "h", "histogram", "sum", 0.0, (gauge(),) * 5)
        reducer.reduce([Reading(held, 61.0, from_buckets(1.0, 1.0, [], []))])
        (samples,) = reducer.reduce([Reading(counter("job:told", "c"), 60.0, 5.0, 50.0)])
        assert ([], 0.5) == (taken(reducer), samples.values[0])
        other = Reducer(lambda _: grid, 100)
        other.load_state_dict(msgspec.msgpack.decode(msgspec.msgpack.encode(reducer.state_dict())))

        for one in (reducer, other):
            for time in (661.0, 661.5, 662.0):
                one.reduce([Reading(counter("job:more", "b"), time, 9.0)])
            assert [("seen_once", "job:done"), ("seen_once", "job:took")] == [
                problem[:2] for problem in taken(one)
            ]
            assert [] == taken(one)

    def test_a_counter_that_behaves_as_a_level(self) -> None:
        """After the third fall to more than half its values count; that is said once, and kept."""
        reducer = Reducer(lambda _: Grid(10.0), 100)
        values = [50.0, 60.0, 55.0, 70.0, 60.0, 61.0, 58.0, 64.0]
        found: list[float] = []
        for step, value in enumerate(values):
            if step == 7:
                state, reducer = reducer.state_dict(), Reducer(lambda _: Grid(10.0), 100)
                reducer.load_state_dict(msgspec.msgpack.decode(msgspec.msgpack.encode(state)))
            for samples in reducer.reduce([Reading(counter("h:swap_total"), 10.0 * step, value)]):
                found += samples.values.tolist()
            told = [problem.kind for problem in taken(reducer)]
            assert (["no_counter"] if step == 6 else []) == told

        assert [58.0, 64.0] == found[-2:]

    def test_counters_that_restart_stay_counters(self) -> None:
        """Falls to near zero, now and then a replica less in a sum, and starts that are told."""
        for values, start in (
            ([100.0, 3.0] * 20, 0.0),
            ([float(t) if t < 60 else t - 20.0 for t in range(10, 200)], 0.0),
            ([50.0, 40.0] * 20, 1.0),
        ):
            reducer = Reducer(lambda _: Grid(10.0), 100)
            for step, value in enumerate(values):
                reducer.reduce([Reading(counter(), 10.0 * step + 10, value, start)])
            assert [] == taken(reducer)

    def test_levels_are_bounded(self) -> None:
        """The first ones make room."""
        reducer = Reducer(lambda _: Grid(10.0), 10)
        for source in range(30):
            for step, value in enumerate([9.0, 8.0] * 3):
                series = counter("h:a_total", f"{source}")
                reducer.reduce([Reading(series, 10.0 * step, value)])

        assert [f"{i}" for i in range(20, 30)] == reducer.state_dict()["shop"]["levels"]

    @pytest.mark.parametrize("skew", [0.0, -3.0, 3.0])
    def test_copies_are_one_source(self, skew: float) -> None:
        """Two scrapers of one process, whatever their clocks: its rate, its level, not the sum."""
        found = frames(copied(skew))

        for _, values in found[2:-2]:
            assert 5.0 == pytest.approx(values["cart:n"])
            assert values["cart:cpu"] in (1.0, 2.0)

    def test_a_copy_may_end(self) -> None:
        """The other goes on, without a gap and without a jump."""
        readings = [r for r in copied(0.5) if r.series.copy != "B" or r.time < 60.0]
        found = [values["cart:n"] for _, values in frames(readings)[2:-1]]

        assert len(found) >= 8
        assert [5.0] * len(found) == pytest.approx(found)

    def test_forget(self) -> None:
        """The systems of a lost partition are dropped, unknown ones ignored."""
        grid = Grid(10.0)
        reducer = Reducer(lambda _: grid, 10)
        reducer.reduce([Reading(counter(), 60.0, 1.0)])
        reducer.forget(frozenset({"shop", "other"}))

        assert {} == reducer.state_dict()

    @pytest.mark.parametrize("cut", [1, 7, 20])
    def test_state_goes_on(self, cut: int) -> None:
        """From a state that was written as JSON the rest comes out the same."""
        grid = Grid(10.0, 40.0)
        histogram = Series(
            "shop", "cart:l", "h", "histogram", "sum", 0.0, (gauge("cart:l.p50"),) * 5
        )
        bucket = {
            le: Series("shop", "cart:b", "b", "bucket", "sum", le, (gauge("cart:b.p50"),) * 3)
            for le in (1.0, 2.0, math.inf)
        }
        todo = readings()[:24]
        for time in (61.0, 71.0, 81.0):
            counts = from_buckets(time, time, [1.0], [time - 50.0, 50.0])
            todo.append(Reading(histogram, time, counts))
            todo += [Reading(bucket[le], time, time * min(le, 3.0)) for le in bucket]
        todo.sort(key=lambda r: r.time)
        one, two = Reducer(lambda _: grid, 100), Reducer(lambda _: grid, 100)
        one.reduce(todo[:cut])
        raw = msgspec.msgpack.encode(one.state_dict())
        two.load_state_dict(msgspec.msgpack.decode(raw, strict=False))

        for reading in todo[cut:]:
            ref = [(s.time, s.names, s.values.tolist()) for s in one.reduce([reading])]
            comp = [(s.time, s.names, s.values.tolist()) for s in two.reduce([reading])]
            assert ref == comp
        assert one.state_dict() == two.state_dict()
