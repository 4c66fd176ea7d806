"""The watch on health signals: against its twin, and on what users feel."""

from dataclasses import replace
from typing import TypeAlias

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from naive.health import watched
from numpy.testing import assert_allclose, assert_array_equal
from typed import BoolArray, FloatArray

from detectors.health.habits import NOTHING, Habit
from detectors.health.health_watch import HealthWatch
from detectors.health.policy import HEALTH, HealthPolicy
from detectors.places import appended

# Short enough that a stream of some hundred rows sees every branch.
SHORT = replace(
    HEALTH, ready_readings=4, ready_zero_rows=9, ready_constant_rows=20, window=7, memory_readings=8
)
KINDS = ("noise", "held", "zero", "constant", "integers", "sparse", "level", "late")


# Signals, loads, habits (3, rows, signals), directions, which rows are learned, whether others
# report in them, and how many readings more than usual are asked for.
Case: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, list[int], BoolArray, BoolArray, float]


def latency(rows: int, seed: int = 0) -> FloatArray:
    """Latencies around a tenth of a second, one a row."""
    return np.asarray(0.1 + 0.01 * np.random.default_rng(seed).normal(size=rows))


def pages(watch: HealthWatch, rows: FloatArray, *, learn: bool = True) -> list[int]:
    """Rows on which the watch begins to page; rows (t,) or (t, n)."""
    x = rows.reshape(len(rows), -1)
    return [t for t, one in enumerate(x) if watch.update(one, learn=learn).drift_detected]


def stream(kind: str, rows: int, rng: np.random.Generator) -> FloatArray:
    """A signal of a kind, with missing cells, moves and, at times, infinite ones."""
    x = rng.normal(size=rows)
    match kind:
        case "held":
            x = np.repeat(x, int(rng.integers(2, 16)))[:rows]
        case "zero":
            x = np.where(np.arange(rows) < rng.integers(rows), 0.0, rng.integers(0, 3, rows))
        case "constant":
            x = np.where(np.arange(rows) < rng.integers(rows), 7.0, rng.integers(6, 9, rows))
        case "integers":
            x = rng.integers(-1, 3, rows).astype(float)
        case "sparse":
            x[np.arange(rows) % int(rng.integers(2, 9)) != 0] = np.nan
        case "level":
            x += 1e3
        case "late":
            x[: rng.integers(rows)] = np.nan
    x = np.array(x, dtype=float)
    x[rng.integers(rows) :] += rng.choice([0.0, 3.0, -8.0, 1e9])
    spikes = rng.random(rows) < rng.choice([0.0, 0.05])
    x[spikes] *= 20.0
    x[rng.random(rows) < rng.choice([0.0, 0.2])] = np.nan
    x[rng.random(rows) < rng.choice([0.0, 0.02])] = rng.choice([np.inf, -np.inf])
    begin = int(rng.integers(rows))
    x[begin : begin + int(rng.choice([0, 30]))] = np.nan
    return x


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw signals, loads, habits, directions, learned rows, whether others report, what more."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3))
    rows = draw(st.sampled_from([40, 150, 500]))
    x = np.column_stack([stream(kind, rows, rng) for kind in kinds])
    loads = np.column_stack([stream(draw(st.sampled_from(KINDS)), rows, rng) for _ in kinds])
    habits = np.tile(np.reshape(NOTHING, (3, 1, 1)), (1, rows, len(kinds)))
    if draw(st.booleans()):
        habits[:, rng.random(rows) < 0.5] = np.reshape([2.0, -1.0, 4.0], (3, 1, 1))
    bad = [draw(st.sampled_from([-1, 0, 1])) for _ in kinds]
    learned = rng.random(rows) < draw(st.sampled_from([1.0, 0.7]))
    reporting = rng.random(rows) < draw(st.sampled_from([1.0, 0.8]))
    return x, loads, habits, bad, learned, reporting, draw(st.sampled_from([0.0, 0.0, 1.0, 5.0]))


@pytest.mark.parametrize("policy", [SHORT, HEALTH], ids=["short", "shipped"])
@given(case=cases())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_the_whole_rule(policy: HealthPolicy, case: Case) -> None:
    """Evidence, deviation, level and onset are those of the twin after every row."""
    x, loads, habits, bad, learned, reporting, more = case
    watch = HealthWatch(bad, policy)
    watch.ask(more)
    ours = []
    for t, row in enumerate(x):
        habit = Habit(*habits[:, t])
        watch.update(row, loads[t], habit, learn=bool(learned[t]), reporting=bool(reporting[t]))
        ours.append([watch.evidence.copy(), watch.deviation, watch.level, watch._signals["began"]])
        ours[-1][3] = ours[-1][3].copy()
    expected = [
        watched(
            x[:, j].tolist(),
            loads[:, j].tolist(),
            [(high, low, gap) for high, low, gap in habits[:, :, j].T.tolist()],
            bad[j],
            policy,
            learned.tolist(),
            reporting.tolist(),
            watch.asked,
        )
        for j in range(len(bad))
    ]

    assert_allclose(np.array(ours), np.transpose(expected, (1, 2, 0)), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [1.05, 1.4, 5.0, 1e6])
def test_a_step_pages_on_its_second_reading(size: float) -> None:
    """One reading, however large, does not; it is dated to the first."""
    spike, step = (HealthWatch([1]) for _ in range(2))
    x = latency(60)

    assert pages(spike, np.append(x, [size, *latency(40, 1)])) == []
    assert pages(step, np.append(x, [size, size * 1.01])) == [61]
    assert step.onset_rows == 1
    assert step.worst == 0
    assert step.level[0] == pytest.approx(0.1, abs=0.01)


def test_a_scrape_held_over_many_rows_is_one_reading() -> None:
    """Of 15 rows, a value each: the second one pages, not the first one's second row."""
    watch = HealthWatch([1])
    x = np.repeat(np.append(latency(60), [0.5, 0.52]), 15)[: 61 * 15 + 1]

    assert pages(watch, x) == [61 * 15]
    assert watch.onset_rows == 29  # it may have begun on the row after the last ordinary scrape


def test_a_scrape_that_stops_changing_is_read_again() -> None:
    """A value held half as long again as usual counts again: an extreme one that stays pages."""
    x = np.append(np.repeat(latency(60), 15), np.full(40, 0.5))

    assert pages(HealthWatch([1]), x) == [900 + 23]


def test_a_value_that_is_usually_new_and_is_held_is_read_every_other_row() -> None:
    """The same extreme value again is a reading on the third row, not on the second."""
    assert pages(HealthWatch([1]), np.append(latency(60), [0.5] * 9)) == [62]


@pytest.mark.parametrize(("bad", "up", "down"), [(1, 1, 0), (-1, 0, 1), (0, 1, 1)])
def test_only_the_bad_direction_pages(bad: int, up: int, down: int) -> None:
    """Upwards, downwards, or either."""
    for sign, expected in ((1, up), (-1, down)):
        x = np.append(latency(60), 0.1 + sign * np.array([0.5, 0.51, 0.52]))
        assert len(pages(HealthWatch([bad]), x)) == expected


@pytest.mark.parametrize(("rows", "expected"), [(48, [49]), (46, []), (300, [301])])
def test_errors_at_rest_that_leave_zero(rows: int, expected: list[int]) -> None:
    """After 48 rows of zero a counter of errors pages at its second reading."""
    x = np.append(np.zeros(rows), [3.0, 2.0])

    assert pages(HealthWatch([1]), x) == expected


@pytest.mark.parametrize(("rows", "expected"), [(200, []), (256, [257])])
def test_a_setting_that_changes_is_no_symptom(rows: int, expected: list[int]) -> None:
    """What was constant, but not zero, is judged after 256 rows."""
    assert pages(HealthWatch([0]), np.append(np.full(rows, 7.0), [9.0, 8.0])) == expected


@pytest.mark.parametrize("every", [1, 5])
def test_missing_pages_after_three_times_its_longest_distance(every: int) -> None:
    """While others report; where nothing reports, nothing is missing; back is calm again."""
    newest = 59 * every
    x = np.full(newest + 3 * every + 1, np.nan)
    x[: newest + 1 : every] = latency(60)
    watch, silent = HealthWatch([1]), HealthWatch([1])

    assert pages(watch, x) == [newest + 3 * every]
    assert watch.onset_rows == 3 * every - 1
    assert not any(
        silent.update(np.array([one]), reporting=bool(np.isfinite(one))).alarm for one in x
    )
    assert not watch.update(np.array([0.1])).alarm


def test_missing_now_and_then_is_usual() -> None:
    """A signal that comes at regular distances pages after three; one that does not, never."""
    x = latency(400)
    x[100:110] = np.nan
    x[120:129] = np.nan
    x[300:] = np.nan

    # Irregular from its first gap on, until 64 regular distances later.
    assert pages(HealthWatch([1]), x) == [102, 302]
    x[250:252] = np.nan
    assert pages(HealthWatch([1]), x) == [102]
    every = np.full(30 * 15, np.nan)
    every[::15] = latency(30)
    gone = np.append(every, [np.nan] * 60)
    assert pages(HealthWatch([1]), gone) == [29 * 15 + 45]


@pytest.mark.parametrize("base", [120, 200, 400, 1000, 3000])
def test_an_initial_transient_does_not_blind_it_for_ever(base: int) -> None:
    """The first third ten times as slow is forgotten when a fault of half of it comes."""
    x = latency(base + 2, seed=base)
    x[: base // 3] += 1.0
    x[base:] = 0.5, 0.51

    assert pages(HealthWatch([1]), x)[-1:] == [base + 1]


def test_a_level_that_two_readings_held_of_late_is_no_news() -> None:
    """Two readings that did not page are known; as high for longer is none, higher is."""
    x = latency(200, seed=3)
    fault: FloatArray = np.linspace(0.155, 0.16, 6, dtype=np.float64)
    known, new = HealthWatch([1]), HealthWatch([1])
    pages(new, x)
    x[98:100] = 0.165, 0.166
    assert pages(known, x) == []

    assert pages(known, fault) == []
    assert pages(new, fault) == [5]
    assert pages(known, fault + 0.4) == [1]


@pytest.mark.parametrize("rows", [6_000, 20_000])
def test_errors_now_and_then_do_not_page_when_two_come_in_a_row(rows: int) -> None:
    """A reading in thirty has an error; many in a row, or one beyond all, are told at once."""
    rng = np.random.default_rng(6)
    x = np.where(rng.random(rows) < 1 / 30, rng.uniform(0.01, 0.03, rows), 0.0)
    x[:100] = 0.0
    x[50:100:25] = 0.02
    now_and_then, outage = HealthWatch([1]), HealthWatch([1])

    assert ((x[1:] > 0) & (x[:-1] > 0)).any()
    assert pages(now_and_then, x) == []
    outage.load_state_dict(now_and_then.state_dict())
    assert pages(now_and_then, 0.029 + 1e-5 * np.arange(8.0))[0] in (3, 4, 5)
    assert pages(outage, 0.5 + 0.1 * np.arange(8.0)) == [1]


def test_a_state_without_single_readings_goes_on() -> None:
    """States of older versions know the levels of two in a row alone, and no load."""
    old, x = HealthWatch([1]), latency(200, seed=3)
    pages(old, x)
    state = old.state_dict()
    entry = next(key for key, value in state.items() if np.shape(value) == (1, 4, 8))
    state[entry] = np.asarray(state[entry])[:, :2]
    state["_ring"] = np.asarray(state["_ring"])[:, 0]
    for name in ("top", "bottom", "excursions"):
        del state["signals"][name]
    new = HealthWatch([1])
    new.load_state_dict(state)

    assert pages(new, x) == []
    assert pages(new, x[:4] * 10.0) == [1]


def test_nothing_is_learned_in_an_incident() -> None:
    """Rows of an incident move evidence, and neither level nor scale."""
    watch = HealthWatch([1])
    pages(watch, latency(60))
    before = watch.state_dict()
    pages(watch, np.full(200, 0.9), learn=False)
    after = watch.state_dict()

    for name in ("_ring", "_ordered", "_levels"):
        assert_array_equal(before[name], after[name])
    assert watch.alarm


def test_an_alarm_lasts_until_nothing_is_left_of_it() -> None:
    """Readings between page and zero do not end it, and do not begin another one."""
    watch = HealthWatch([1])
    assert pages(watch, np.append(latency(60), [0.9, 0.91])) == [61]
    states = []
    for one in latency(5, seed=9):
        watch.update(np.array([one]))
        states.append((watch.alarm, bool(watch.felt[0])))

    # Of 12 each ordinary reading takes off 6, as much as an extreme one adds.
    assert states == [(True, False), *[(False, False)] * 4]


def test_what_most_readings_say_ends_an_alarm() -> None:
    """One in four that is out holds no alarm; where most are out it goes on.

    On a live system the latency after a fault was ordinary but for such a one, which kept the
    alarm for minutes, and the next fault in it was told to nobody (issue 18).
    """
    for out, alarm in ((4, False), (2, True)):
        watch = HealthWatch([1])
        assert pages(watch, np.append(latency(60), np.linspace(0.9, 0.95, 18))) == [61]
        calm = latency(24, seed=9)
        calm[::out] = 0.5
        pages(watch, calm)
        assert watch.alarm == alarm


def test_signals_that_join() -> None:
    """Those there were go on as they did; a new one is judged once it is known."""
    alone, grown = HealthWatch([1]), HealthWatch([1])
    x = latency(140).reshape(-1, 2)
    pages(alone, x[:40, 0])
    pages(grown, x[:40, 0])
    grown.follow(appended(1, 3), [1, -1, 0])
    for t in range(40, 70):
        alone.update(x[t, :1])
        grown.update(np.array([x[t, 0], x[t, 1], np.nan]))

    assert grown.n_signals == 3
    assert grown.ready.tolist() == [True, True, False]
    assert grown.evidence[0] == alone.evidence[0]
    assert grown.level[0] == alone.level[0]
    assert pages(grown, np.array([[0.1, -0.5, np.nan], [0.11, -0.4, np.nan]])) == [1]
    assert grown.worst == 1


@given(case=cases(), cut=st.integers(0, 500))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_a_copy_goes_on_identically(case: Case, cut: int) -> None:
    """A state saved at any row and loaded into a new watch gives the same state in the end."""
    x, loads, habits, bad, learned, reporting, more = case
    whole, first, second = (HealthWatch(bad, SHORT) for _ in range(3))
    for watch in (whole, first):
        watch.ask(more)
    for t, row in enumerate(x):
        habit = Habit(*habits[:, t])
        whole.update(row, loads[t], habit, learn=bool(learned[t]), reporting=bool(reporting[t]))
        if t == cut:
            second.load_state_dict(first.state_dict())
        half = second if t >= cut else first
        half.update(row, loads[t], habit, learn=bool(learned[t]), reporting=bool(reporting[t]))
    half = second if cut < len(x) else first

    assert repr(half.state_dict()) == repr(whole.state_dict())
    assert half.alarm == whole.alarm


def test_what_is_accepted_begins_anew() -> None:
    """The signals that are felt are forgotten, the others are not; restart keeps everything."""
    watch, again = HealthWatch([1, -1]), HealthWatch([1, -1])
    x = np.column_stack([latency(62), latency(62, seed=1)])
    x[60:, 0] = 0.9, 0.91
    for one in (watch, again):
        assert pages(one, x) == [61]
    watch.accept()
    again.restart()

    assert (watch.alarm, again.alarm) == (False, False)
    assert (watch.ready.tolist(), again.ready.tolist()) == ([False, True], [True, True])
    assert watch._signals["bad"].tolist() == [1, -1]
    stays = np.column_stack([latency(60, seed=3) + 0.8, latency(60, seed=2)])
    assert pages(again, stays) == [1]
    assert pages(watch, stays) == []


@pytest.mark.parametrize("more", [0, 1, 2, 3, 10])
def test_more_readings_are_asked_for(more: int) -> None:
    """After as many pages beyond the budget; even then a fault pages in the end, and ends."""
    watch = HealthWatch([1])
    pages(watch, latency(60))
    watch.ask(more)

    assert pages(watch, np.full(20, 0.9) + 0.001 * np.arange(20)) == [1 + more]
    assert pages(watch, latency(60, seed=4)) == []
    assert not watch.alarm


def test_missing_for_longer_is_asked_for_too() -> None:
    """Beyond the budget a missing signal pages as well, later."""
    watch = HealthWatch([1])
    pages(watch, latency(60))
    watch.ask(2)

    assert pages(watch, np.full(20, np.nan)) == [5]


def test_wrong_rows_are_named() -> None:
    """An error says what came."""
    with pytest.raises(ValueError, match=r"`HealthWatch` requires .*shape=\(2,\)"):
        HealthWatch([1]).update(np.zeros(2))


def test_without_signals_there_is_nothing_to_feel() -> None:
    """No signal: no alarm, whatever comes."""
    watch = HealthWatch([])

    assert pages(watch, np.zeros((3, 0)).reshape(3, 0)) == []
    assert watch.felt.tolist() == []


@pytest.mark.parametrize(("rise", "expected"), [(1.3, []), (2.5, [101])])
def test_load(rise: float, expected: list[int]) -> None:
    """A latency that grows no faster than its load says nothing; one that does pages as ever."""
    rng, watch = np.random.default_rng(0), HealthWatch([1])
    values, load = 0.2 + 0.1 * latency(140), rng.normal(100.0, 2.0, size=140)
    values[100:120] *= rise
    load[100:120] *= 1.5

    assert pages(HealthWatch([1]), values) == [101]
    assert expected == [
        t for t in range(140) if watch.update(values[t : t + 1], load[t : t + 1]).drift_detected
    ]


@pytest.mark.parametrize("resets", [False, True])
def test_load_that_is_counted_up_explains_nothing(*, resets: bool) -> None:
    """It grows with time alone: a latency that stays up is felt however long that lasts."""
    rng, watch = np.random.default_rng(0), HealthWatch([1])
    values, load = 0.2 + 0.1 * latency(400), np.cumsum(rng.uniform(90.0, 110.0, size=400))
    values[100:] *= 3.0
    if resets:
        load[70:] -= load[69]

    for t in range(400):
        watch.update(values[t : t + 1], load[t : t + 1], learn=t < 100)
        assert watch.alarm == (t >= 101)


def test_load_that_was_known_too_seldom_explains_nothing() -> None:
    """Few values are no usual load: what looks like a rise may be where it always is."""
    values, watch = 0.2 + 0.1 * latency(102), HealthWatch([1])
    load = np.full(102, np.nan)
    load[80:100], load[100:] = 10.0, 100.0
    values[100:] *= 3.0

    assert [101] == [
        t for t in range(102) if watch.update(values[t : t + 1], load[t : t + 1]).drift_detected
    ]


def test_load_and_habit_hold_for_their_own_row() -> None:
    """A row without them is judged as if there had never been any."""
    rng = np.random.default_rng(5)
    values, usual = 0.2 + 0.1 * latency(100), rng.normal(100.0, 2.0, size=100)
    habit = Habit(np.full(1, 9.0), np.zeros(1), np.zeros(1))
    watch = HealthWatch([1])
    for t in range(100):
        watch.update(values[t : t + 1], usual[t : t + 1])
    watch.update(np.array([0.3]), np.array([900.0]), habit)

    pages = [watch.update(np.array([value])).drift_detected for value in (5.0, 5.1)]
    assert [False, True] == pages
