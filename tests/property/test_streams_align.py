"""The aligner against a textbook twin, under shuffling, repetition and restarts."""

import math
import random
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from naive.streams import aligned

from streams.align.aligner import Aligner
from streams.records import Frame, Samples

INTERVAL = 10.0
TICKS = 30
NAMES = [f"e{i}:x" for i in range(4)]
ROW = [f"e:x{i}" for i in range(4)]  # of one source
value = st.one_of(st.just(math.nan), st.integers(0, 5).map(float))
sample = st.tuples(st.integers(0, 300), st.dictionaries(st.sampled_from(NAMES), value, min_size=1))
row = st.tuples(st.integers(0, 300), st.dictionaries(st.sampled_from(ROW), value, min_size=1))


@st.composite
def mostly_calm(draw: st.DrawFn, names: list[str]) -> list[tuple[float, dict[str, float]]]:
    """Rows that come one a tick for a while, and now and then something else."""
    metrics = st.dictionaries(st.sampled_from(names), value, min_size=1)
    calm = st.tuples(st.just("calm"), st.integers(1, 40), metrics)
    other = st.tuples(st.just("other"), st.integers(-12, 12), metrics)
    again = st.tuples(st.just("again"), st.integers(1, 3), st.just(dict[str, float]()))
    stream: list[tuple[float, dict[str, float]]] = [(0, {names[0]: 1.0})]
    now = 0
    for kind, number, held in draw(st.lists(st.one_of(calm, other, again), max_size=8)):
        if kind == "calm":
            for _ in range(number):
                now += int(INTERVAL)
                stream.append((now, held))
        elif kind == "other":
            stream.append((max(now + number, 0), held))
            now = max(now, now + number)
        else:
            stream += stream[-number:]
    return stream


def to_samples(time: float, metrics: dict[str, float]) -> Samples:
    return Samples("s", float(time), tuple(metrics), np.array(list(metrics.values())))


def run(
    stream: list[tuple[float, dict[str, float]]], aligner: Aligner
) -> list[tuple[float, dict[str, float]]]:
    frames = [frame for one in stream for frame in aligner.push(to_samples(*one))]
    return seen(frames + aligner.flush())


def seen(frames: list[Frame]) -> list[tuple[float, dict[str, float]]]:
    return [
        (
            f.time,
            {n: v for n, v in zip(f.names, f.values.tolist(), strict=True) if not math.isnan(v)},
        )
        for f in frames
    ]


def twin(stream: list[tuple[float, dict[str, float]]]) -> list[tuple[float, dict[str, float]]]:
    """Everything in order of time: ticks as lists, the last value that is not missing wins."""
    ticks: dict[int, list[Any]] = {}
    for time, metrics in sorted(stream, key=lambda one: one[0]):
        held = ticks.setdefault(int(time // INTERVAL), [time, {}])
        held[0] = float(time)
        held[1].update({name: v for name, v in metrics.items() if not math.isnan(v)})
    return [(time, values) for _, (time, values) in sorted(ticks.items())]


def one_value_per_instant(
    stream: list[tuple[float, dict[str, float]]],
) -> list[tuple[float, dict[str, float]]]:
    """Leave out second values of a series for one instant: there arrival decides."""
    known = set()
    kept = []
    for time, metrics in stream:
        fresh = {n: v for n, v in metrics.items() if (time, n) not in known}
        known |= {(time, name) for name in fresh}
        if fresh:
            kept.append((time, fresh))
    return kept


@settings(max_examples=100, deadline=None)
@given(st.lists(sample, max_size=25))
def test_streams_ordered_input_equals_the_twin(
    stream: list[tuple[float, dict[str, float]]],
) -> None:
    """Ordered input gives what the textbook says, and nothing is late."""
    aligner = Aligner(INTERVAL, lateness_s=INTERVAL)
    ordered = sorted(stream, key=lambda one: one[0])

    assert twin(ordered) == run(ordered, aligner)
    assert 0 == aligner.late


@settings(max_examples=300, deadline=None)
@given(mostly_calm(ROW))
def test_streams_ticks_close_when_the_twin_says(
    stream: list[tuple[float, dict[str, float]]],
) -> None:
    """Frames come with the sample that the textbook says, and the counts are its counts."""
    aligner, found = Aligner(INTERVAL), []
    for i, one in enumerate(stream):
        found += [(i, *frame) for frame in seen(aligner.push(to_samples(*one)))]
    found += [(len(stream), *frame) for frame in seen(aligner.flush())]

    frames, counts = aligned(stream, INTERVAL)
    assert frames == found
    assert counts == {"late": aligner.late, "duplicate": aligner.duplicate}


@settings(max_examples=100, deadline=None)
@given(mostly_calm(NAMES))
def test_streams_closing_at_once_changes_no_frame(
    stream: list[tuple[float, dict[str, float]]],
) -> None:
    """Frames are those of an aligner that waits, but for what it counts as late."""
    prompt, waiting = Aligner(INTERVAL), Aligner(INTERVAL, lateness_s=1e-9)
    ordered = sorted(stream, key=lambda one: one[0])
    frames = run(ordered, prompt)

    assert len(frames) == len(run(ordered, waiting))
    assert prompt.late > 0 or frames == twin(ordered)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 300), st.integers(0, 9))
def test_streams_a_rare_second_row_is_lost_a_few_times_at_most(period: int, after: int) -> None:
    """Whatever its period, a second source loses but a logarithm of its rows, and then none."""
    aligner, rows = Aligner(INTERVAL), 0
    for tick in range(12 * period):
        aligner.push(to_samples(INTERVAL * tick, {NAMES[0]: float(tick)}))
        if tick % period == period - 1:
            rows += 1
            aligner.push(to_samples(INTERVAL * tick + after, {NAMES[1]: float(tick)}))

    assert 12 == rows
    assert aligner.late <= max(0, math.ceil(math.log2(period / 8)))


@settings(max_examples=100, deadline=None)
@given(st.lists(sample, max_size=20), st.randoms(use_true_random=False))
def test_streams_shuffled_and_repeated_input(
    stream: list[tuple[float, dict[str, float]]], random: random.Random
) -> None:
    """Within the lateness neither order nor repetition of the input matters."""
    stream = one_value_per_instant(stream)
    shuffled = stream + random.sample(stream, len(stream) // 2)
    random.shuffle(shuffled)
    aligner = Aligner(INTERVAL, lateness_s=300)

    assert twin(stream) == run(shuffled, aligner)
    assert (0, 0) == (aligner.late, aligner.future)


@settings(max_examples=100, deadline=None)
@given(st.lists(sample, min_size=1, max_size=25), st.integers(0, 40))
def test_streams_frames_and_drops_add_up(
    stream: list[tuple[float, dict[str, float]]], lateness: int
) -> None:
    """Frames come in strictly growing ticks, and every sample is in a frame or counted."""
    aligner = Aligner(INTERVAL, lateness_s=lateness)
    frames = run(stream, aligner)
    ticks = [time // INTERVAL for time, _ in frames]
    kept = {time // INTERVAL for time, _ in stream} - set(ticks)

    assert sorted(set(ticks)) == ticks
    assert aligner.late >= len(kept)
    assert (aligner.late == 0) <= (not kept)


@settings(max_examples=100, deadline=None)
@given(st.lists(sample, max_size=20), st.dictionaries(st.integers(1, 19), st.floats(1e7, 9e10)))
def test_streams_lone_future_stamps_change_nothing(
    stream: list[tuple[float, dict[str, float]]], stamps: dict[int, float]
) -> None:
    """Single future stamps between ticks of ordinary samples leave the frames as they are."""
    ordered = sorted(stream, key=lambda one: one[0])
    polluted = ordered[:1]
    for i, (before, after) in enumerate(pairwise(ordered), 1):
        if i in stamps and before[0] // INTERVAL < after[0] // INTERVAL:
            polluted.append((stamps[i], {NAMES[0]: 99.0}))
        polluted.append(after)
    aligner = Aligner(INTERVAL, lateness_s=INTERVAL)

    assert twin(ordered) == run(polluted, aligner)
    assert (0, len(polluted) - len(ordered)) == (aligner.late, aligner.future)


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(st.lists(sample, max_size=20), mostly_calm(NAMES)),
    st.data(),
    st.sampled_from([0, 40]),
)
def test_streams_restored_aligner_goes_on_identically(
    stream: list[tuple[float, dict[str, float]]], data: st.DataObject, lateness: int
) -> None:
    """Saved and restored at any sample, the aligner gives the same frames and counts."""
    cut = data.draw(st.integers(0, len(stream)))
    whole = Aligner(INTERVAL, lateness_s=lateness)
    expected = run(stream, whole)
    first, second = Aligner(INTERVAL, lateness_s=lateness), Aligner(INTERVAL, lateness_s=lateness)
    frames = [f for one in stream[:cut] for f in first.push(to_samples(*one))]
    second.load_state_dict(first.state_dict())

    assert expected == seen(frames) + run(stream[cut:], second)
    assert repr(whole.state_dict()) == repr(second.state_dict())
    assert (whole.late, whole.duplicate, whole.future, whole.refused) == (
        second.late,
        second.duplicate,
        second.future,
        second.refused,
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(sample, max_size=20), st.integers(0, 20))
def test_streams_a_prefix_decides_its_own_frames(
    stream: list[tuple[float, dict[str, float]]], cut: int
) -> None:
    """More input adds frames behind those a prefix has given, and changes none."""
    short, long = Aligner(INTERVAL), Aligner(INTERVAL)
    given_by_prefix = [f for one in stream[:cut] for f in short.push(to_samples(*one))]
    given_by_all = [f for one in stream for f in long.push(to_samples(*one))]

    assert seen(given_by_prefix) == seen(given_by_all)[: len(given_by_prefix)]


@settings(max_examples=100, deadline=None)
@given(st.lists(row, max_size=20), st.sampled_from([0.0, 40.0]))
def test_streams_a_row_equals_its_values_one_by_one(
    stream: list[tuple[float, dict[str, float]]], lateness: float
) -> None:
    """Whether series come together or each in a message of its own shows nowhere."""
    whole, single = Aligner(INTERVAL, lateness), Aligner(INTERVAL, lateness)
    for aligner in (whole, single):  # time is believed, and every series has its place
        for time in (0.0, 10.0):
            aligner.push(to_samples(time, dict.fromkeys(ROW, math.nan)))
    together, apart = [], []

    for time, metrics in stream:
        together += whole.push(to_samples(time, metrics))
        for name, value in metrics.items():
            apart += single.push(to_samples(time, {name: value}))

    assert seen(together) == seen(apart)
    assert repr(whole.state_dict()["open"]) == repr(single.state_dict()["open"])


# How far a clock is wrong, tick by tick, seconds: steadily, by a drift, at once, or with one stamp.
far = st.integers(-7200, 7200)
clock = st.one_of(
    far.map(lambda by: [by] * TICKS),
    st.integers(-9, 9).map(lambda by: [by * k for k in range(TICKS)]),
    st.tuples(far, st.integers(0, TICKS)).map(lambda at: [0] * at[1] + [at[0]] * (TICKS - at[1])),
    st.tuples(far, st.integers(0, TICKS - 1)).map(
        lambda at: [at[0] * (k == at[1]) for k in range(TICKS)]
    ),
)


@settings(max_examples=100, deadline=None)
@given(
    clock, st.integers(2, 4), st.sampled_from([0.0, 10.0, 25.0]), st.randoms(use_true_random=False)
)
def test_streams_one_source_may_have_any_clock(
    wrong: list[int], others: int, lateness: float, random: random.Random
) -> None:
    """The frames of the others are those without it, and nothing of theirs is late."""
    stream: list[tuple[str, float, float]] = []
    for k in range(TICKS):
        came = [("odd", INTERVAL * (k + 9000) + wrong[k], float(k))]
        came += [(f"e{i}", INTERVAL * (k + 9000) + i, float(k)) for i in range(others)]
        random.shuffle(came)
        stream += came
    aligner, expected = Aligner(INTERVAL, lateness), Aligner(INTERVAL)

    def frames(of: Aligner, sent: list[tuple[str, float, float]]) -> dict[int, dict[str, float]]:
        found = [f for one, t, v in sent for f in of.push(to_samples(t, {f"{one}:x": v}))]
        values = [(int(t // INTERVAL), held) for t, held in seen(found + of.flush())]
        assert [number for number, _ in values] == sorted({number for number, _ in values})
        theirs = {n: {k: v for k, v in held.items() if k != "odd:x"} for n, held in values}
        return {n: held for n, held in theirs.items() if held}

    alone = sorted((one for one in stream if one[0] != "odd"), key=lambda one: one[1])
    assert frames(expected, alone) == frames(aligner, stream)
