"""Properties of the objectives that hold for every stream of readings."""

from typing import Any, NamedTuple

import hypothesis.strategies as st
import naive.health
import numpy as np
import pytest
from hypothesis import given, settings
from typed import BoolArray, FloatArray

from coral.checkpoint.tree import pack, unpack
from coral.config import HealthSignal
from detectors.health.objective import Objectives

MANY = settings(max_examples=150, deadline=None, derandomize=True)
# Sums of these are exact, so that a mean is at a limit or not whatever the order is.
RATIOS = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
READINGS = st.one_of(RATIOS, RATIOS, RATIOS, st.sampled_from([np.nan, np.inf, -1.0, 7.0]))
LIMITS = st.sampled_from([0.0, 0.25, 0.5, 0.6])


@st.composite
def signals(draw: st.DrawFn, interval_s: float) -> HealthSignal:
    """Draw an objective of any kind whose durations are some rows, or between two rows."""
    rows = st.sampled_from([0.5, 1.0, 2.0, 2.5, 4.0, 9.0])
    kind = draw(st.sampled_from(["lasting", "counted", "burns"]))
    if kind == "burns":
        short = draw(rows)
        long = short * draw(st.sampled_from([2.0, 5.0, 30.0]))
        return HealthSignal(
            name="a:x",
            target=0.75,
            burn_rate=draw(st.sampled_from([1.0, 2.0, 3.0])),
            windows_s=(long * interval_s, short * interval_s),
        )
    side: dict[str, Any] = {draw(st.sampled_from(["above", "below"])): draw(LIMITS)}
    if kind == "counted":
        of = draw(st.integers(2, 7))
        return HealthSignal(name="a:x", rows=draw(st.integers(1, of)), of=of, **side)
    for_s = draw(rows | st.just(0.0)) * interval_s
    return HealthSignal(name="a:x", for_=f"{for_s:f}s", **side)


class Stream(NamedTuple):
    """Objectives, and rows of a grid with some left out."""

    interval_s: float
    signals: list[HealthSignal]
    times: list[float]
    values: FloatArray

    def run(self, objectives: Objectives | None = None, first: int = 0) -> BoolArray:
        """What is breached after each row from the first one on."""
        objectives = objectives or Objectives(self.signals, self.interval_s)
        rows = zip(self.times[first:], self.values[first:], strict=True)
        found = [objectives.update(time, row) for time, row in rows]
        return np.array(found, dtype=np.bool_).reshape(-1, len(self.signals))


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Draw some objectives and the readings of their series, with runs of alike ones."""
    interval_s = draw(st.sampled_from([0.1, 1.0, 10.0, 60.0]))
    held = draw(st.lists(signals(interval_s), min_size=1, max_size=4))
    n_rows = draw(st.integers(1, 80))
    begin = draw(st.sampled_from([0, 17_000_000]))
    left_out = draw(st.sets(st.integers(0, n_rows - 1), max_size=n_rows // 2))
    numbers = [begin + k for k in range(n_rows) if k not in left_out] or [begin]
    columns = []
    for _ in held:
        runs = draw(st.lists(st.tuples(READINGS, st.integers(1, 12)), min_size=1, max_size=20))
        column = [value for value, length in runs for _ in range(length)]
        columns.append((column * len(numbers))[: len(numbers)])
    values = np.array(columns).T.reshape(len(numbers), len(held))
    return Stream(interval_s, held, [k * interval_s for k in numbers], values)


@MANY
@given(stream=streams())
def test_objectives_are_their_twin(stream: Stream) -> None:
    """Row by row is the same as all history looked at anew at every row."""
    expected = [
        naive.health.breached(signal, stream.times, column.tolist(), stream.interval_s)
        for signal, column in zip(stream.signals, stream.values.T, strict=True)
    ]

    assert np.array(expected).T.tolist() == stream.run().tolist()


@pytest.mark.parametrize("seed", range(8))
def test_long_windows_are_their_twin(seed: int) -> None:
    """With more rows than buckets, outages of the series, and a ratio that is near the limit."""
    rng = np.random.default_rng(seed)
    windows = [(2000.0, 700.0), (1300.0, 40.0), (700.0, 650.0), (200.0, 60.0)]
    held = [HealthSignal(name="a:x", target=0.5, burn_rate=1.0, windows_s=w) for w in windows]
    level = np.repeat(rng.choice([0.25, 0.5, 0.75], 10), 40)
    values = (rng.random(400) < level).astype(np.float64)
    for begin in rng.integers(0, 400, 12):
        values[begin : begin + rng.choice([3, 5, 9, 70])] = np.nan
    times = [1.7e9 + 10.0 * k for k in range(400)]
    stream = Stream(10.0, held, times, np.tile(values[:, None], len(held)))
    found = stream.run()
    expected = [naive.health.breached(each, times, values.tolist(), 10.0) for each in held]

    assert np.array(expected).T.tolist() == found.tolist()
    assert found.any()
    assert not found.all()


@pytest.mark.parametrize("seed", range(4))
def test_ratios_that_weigh_what_they_are_of_are_their_twin(seed: int) -> None:
    """A row of a thousand requests counts a thousand times as much as a row of one."""
    rng = np.random.default_rng(seed)
    held = [
        HealthSignal(name="a:x", total="a:all", target=0.5, burn_rate=1.0, windows_s=windows)
        for windows in ((2000.0, 700.0), (1300.0, 40.0), (200.0, 60.0))
    ]
    requests = rng.choice([0.25, 1.0, 3.0, 1024.0], 400)
    values = rng.choice([0.0, 0.25, 0.5, 1.0], 400)
    values[rng.integers(0, 400, 40)] = np.nan
    times = [1.7e9 + 10.0 * k for k in range(400)]
    objectives = Objectives(held, 10.0)
    found = [
        objectives.update(time, np.full(3, value), np.full(3, weight)).tolist()
        for time, value, weight in zip(times, values, requests, strict=True)
    ]
    expected = [
        naive.health.breached(each, times, values.tolist(), 10.0, requests.tolist())
        for each in held
    ]

    assert np.array(expected).T.tolist() == found
    assert np.array(found).any()
    assert not np.array(found).all()


@MANY
@given(stream=streams(), seed=st.integers(0, 100))
def test_the_order_of_the_objectives_says_nothing(stream: Stream, seed: int) -> None:
    """Each is judged by itself."""
    order = np.random.default_rng(seed).permutation(len(stream.signals))
    turned = stream._replace(
        signals=[stream.signals[k] for k in order], values=stream.values[:, order]
    )

    assert stream.run()[:, order].tolist() == turned.run().tolist()


@MANY
@given(stream=streams(), cut=st.integers(0, 80))
def test_a_restart_changes_nothing(stream: Stream, cut: int) -> None:
    """Whatever row the checkpoint follows; its bytes are the same when it is written again."""
    unique = list(dict.fromkeys(stream.signals))
    columns = [stream.signals.index(signal) for signal in unique]
    stream = stream._replace(signals=unique, values=stream.values[:, columns])
    cut = min(cut, len(stream.times))
    before = Objectives(stream.signals, stream.interval_s)
    for time, row in zip(stream.times[:cut], stream.values[:cut], strict=True):
        before.update(time, row)
    saved = pack(before.state_dict())
    after = Objectives(stream.signals, stream.interval_s)
    after.load_state_dict(unpack(saved, 1 << 20))

    assert saved == pack(after.state_dict())
    assert stream.run()[cut:].tolist() == stream.run(after, cut).tolist()


@MANY
@given(stream=streams())
def test_rows_without_a_reading_say_nothing(stream: Stream) -> None:
    """Where a reading is missing the answer is that of the row before, and no row is needed."""
    found = stream.run()
    missing = ~np.isfinite(stream.values)
    before = np.vstack([np.zeros((1, len(stream.signals)), dtype=np.bool_), found[:-1]])
    some = [not row.all() for row in missing]
    times = [time for time, kept in zip(stream.times, some, strict=True) if kept]
    shorter = stream._replace(times=times, values=stream.values[some])

    assert before[missing].tolist() == found[missing].tolist()
    assert found[some].tolist() == shorter.run().tolist()
