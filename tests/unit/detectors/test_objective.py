"""Objectives of health signals: when they are breached, and when no longer."""

import math
from collections.abc import Iterable

import numpy as np
import pytest

from coral.checkpoint.tree import pack, unpack
from coral.config import HealthSignal
from detectors.health.objective import Objectives, readings_of
from detectors.health.window_mean import MOST_BUCKETS, WindowMean

NAME = "web:x"
NAN = math.nan


def course(signal: HealthSignal, values: Iterable[float], interval_s: float = 10.0) -> str:
    """One mark a row, `#` where the objective is breached."""
    objectives = Objectives([signal], interval_s)
    rows = enumerate(values)
    marks = [objectives.update(1.7e9 + interval_s * k, np.array([v])).item() for k, v in rows]
    return "".join(".#"[mark] for mark in marks)


def above(text: str, limit: float = 1.0) -> list[float]:
    """Readings as text: `x` beyond the limit, `-` on it, a blank is missing."""
    return [{"x": limit + 1.0, "-": limit, " ": NAN}[mark] for mark in text]


@pytest.mark.parametrize(
    ("for_s", "readings", "expected"),
    [
        (0.0, "-xx--x", ".##..#"),
        (0.0, "x", "#"),
        (20.0, "xxx---", "..###."),
        (20.0, "xx-xxx-xx---", ".....######."),
        (20.0, "xxx--x---", "..######."),
        # Shorter than an interval: a reading alone proves no duration, two do.
        (5.0, "xx--", ".##."),
        # A gap of up to 20 s is bridged, a longer one begins the count anew.
        (20.0, "x x", "..#"),
        (20.0, "x  x", "...#"),
        (20.0, "x   xxx", "......#"),
        (20.0, "xxx-   ---", "..#######."),
        # Nobody knows: nothing changes.
        (20.0, "xxx          ", "..###########"),
        (20.0, "             ", "............."),
    ],
)
def test_every_reading_for_a_duration(for_s: float, readings: str, expected: str) -> None:
    """Breached once all readings of so many seconds are beyond; over once none of them is."""
    signal = HealthSignal(name=NAME, above=1.0, for_=f"{for_s}s")

    assert expected == course(signal, above(readings))


@pytest.mark.parametrize(
    ("rows", "of", "readings", "expected"),
    [
        (3, 5, "xxx", "..#"),
        (3, 5, "x-x-x", "....#"),
        (3, 5, "x--x-x", "......"),
        (3, 5, "xxx-----", "..#####."),
        (3, 5, "x  x  x", "......#"),
        (1, 3, "-x---", ".###."),
        (3, 3, "xx-xxx---", ".....###."),
    ],
)
def test_so_many_of_the_newest_readings(rows: int, of: int, readings: str, expected: str) -> None:
    """Breached at once; over when they have been fewer for as many readings as a breach takes."""
    signal = HealthSignal(name=NAME, above=1.0, rows=rows, of=of)

    assert expected == course(signal, above(readings))


def test_below_is_the_other_side() -> None:
    """At the limit nothing is breached, on either side."""
    values = [0.98, 0.99, 1.0]

    assert "#.." == course(HealthSignal(name=NAME, below=0.99), values)
    assert "..#" == course(HealthSignal(name=NAME, above=0.99), values)


def test_the_burn_rate_needs_the_short_window_covered() -> None:
    """From the row on that ends it; over when it has burned too slowly for the short window."""
    signal = HealthSignal(name=NAME, target=0.75, burn_rate=2.0, windows_s=(80.0, 40.0))

    # Two rows after the errors the short mean is at the limit, 1/2; for 40 s from there on.
    assert "...#########....." == course(signal, [1.0] * 7 + [0.0] * 10)
    assert "..." == course(signal, [1.0] * 3)
    assert "........" == course(signal, [1.0, 1.0, *[0.0] * 6])


def test_both_windows_have_to_burn() -> None:
    """A peak fills the short window alone, what is over the long one alone."""
    signal = HealthSignal(name=NAME, target=0.75, burn_rate=2.0, windows_s=(80.0, 20.0))

    assert "." * 11 == course(signal, [*[0.0] * 8, 1.0, 1.0, 0.0])
    assert "............#" == course(signal, [*[0.0] * 8, *[1.0] * 5])


def test_after_a_long_gap_the_short_window_has_to_be_covered_again() -> None:
    """What was before the gap says nothing of now."""
    signal = HealthSignal(name=NAME, target=0.75, burn_rate=2.0, windows_s=(400.0, 40.0))

    assert "...................#" == course(signal, [*[1.0] * 3, *[NAN] * 13, *[1.0] * 4])


def test_the_rule_of_the_workbook() -> None:
    """A total outage pages within 5 minutes; what burns 10 times too fast takes half an hour."""
    signal = HealthSignal(name=NAME, target=0.999)
    rules = signal.rules
    assert [(14.4, (3600.0, 300.0)), (6.0, (21_600.0, 1800.0))] == [
        (rule.burn_rate, rule.windows_s) for rule in rules
    ]
    begun = {}
    for errors in (1.0, 0.01, 0.004):
        objectives, rows = Objectives(rules, 60.0), [*[0.0] * 60, *[errors] * 400]
        found = [bool(objectives.update(60.0 * k, np.full(2, v)).any()) for k, v in enumerate(rows)]
        begun[errors] = found.index(True) - 59 if any(found) else None
    assert {1.0: 1, 0.01: 91, 0.004: None} == begun


def test_failed_or_good_requests_of_all() -> None:
    """The same ratio; a row without requests, or with one of the series missing, has none."""
    failed = HealthSignal(name="web:failed", total="web:all", target=0.9)
    good = HealthSignal(name="web:latency", good="web:fast", total="web:all", target=0.9)
    totals = np.array([8.0, 8.0])
    both = [failed, good]
    assert [0.25, 0.25] == readings_of(both, np.array([2.0, 6.0]), totals).tolist()
    for total in (0.0, -1.0, NAN, math.inf):
        assert np.isnan(readings_of(both, np.array([2.0, 6.0]), np.full(2, total))).all()
    assert np.isnan(readings_of(both, np.full(2, NAN), totals)).all()
    plain = HealthSignal(name=NAME, above=1.0)
    assert [3.0] == readings_of([plain], np.array([3.0]), np.array([NAN])).tolist()


def test_a_ratio_is_a_ratio() -> None:
    """Readings outside of 0 to 1 count as the nearest of them."""
    mean = WindowMean(4)
    for number, ratio in enumerate((-5.0, 70.0, 0.5, 0.5)):
        mean.push(number, ratio)

    assert 0.5 == mean.value
    assert not WindowMean(4).exceeds(0.0)
    assert math.isnan(WindowMean(4).value)


@pytest.mark.parametrize("rows", [1, 2, 63, 64, 65, 129, 360, 8640])
def test_a_window_is_as_long_as_asked_for(rows: int) -> None:
    """To within a 64th part, in at most 64 buckets, exactly up to 64 rows."""
    mean = WindowMean(rows)
    width = -(-rows // MOST_BUCKETS)
    for ones in range(1, 3):
        number = 10 * rows * ones + width - 1  # the last row of a bucket
        number -= number % width + 1
        mean.push(number, 1.0)
        lasted = next(k for k in range(1, 3 * rows) if _forgotten(rows, number, k))
        assert abs(lasted - rows) <= rows / 64
    assert len(mean.state_dict()["_sums"]) <= MOST_BUCKETS


def _forgotten(rows: int, number: int, after: int) -> bool:
    """Whether a row does not count any more so many rows later."""
    mean = WindowMean(rows)
    mean.push(number, 1.0)
    mean.push(number + after, 0.0)
    return mean.value == 0.0


def test_an_objective_that_is_still_the_same_goes_on() -> None:
    """After a change of the configuration it keeps its state, the others begin anew."""
    slow = HealthSignal(name=NAME, above=1.0, for_="20s")
    failing = HealthSignal(name=NAME, target=0.999)
    before = Objectives([slow, *failing.rules], 10.0)
    for time in (0.0, 10.0):
        before.update(time, np.array([2.0, 1.0, 1.0]))
    changed = [HealthSignal(name=NAME, above=1.0, for_="19s"), slow]
    after = Objectives(changed, 10.0)
    after.load_state_dict(before.state_dict())

    assert [False, False] == after.breached.tolist()
    assert [False, True] == after.update(20.0, np.array([2.0, 2.0])).tolist()


def test_a_copy_of_the_state_stays_as_it_is() -> None:
    """Rows after a checkpoint do not change it."""
    objectives = Objectives([HealthSignal(name=NAME, above=1.0, rows=2, of=3)], 10.0)
    objectives.update(0.0, np.array([2.0]))
    state = objectives.state_dict()
    again = Objectives([HealthSignal(name=NAME, above=1.0, rows=2, of=3)], 10.0)
    again.load_state_dict(state)
    for time in (10.0, 20.0):
        objectives.update(time, np.array([2.0]))
        again.update(time, np.array([2.0]))
        again.load_state_dict(state)

    assert [False] == again.breached.tolist()


def test_a_state_can_be_written_however_many_requests_there_are() -> None:
    """Sums of more than 64 bits go through a checkpoint, and on from there."""
    failing = HealthSignal(name=NAME, target=0.999, total="web:all")
    before, after = (Objectives(failing.rules, 10.0) for _ in range(2))
    requests = np.full(len(failing.rules), 1e9)
    for row in range(400):
        before.update(10.0 * row, np.full(len(failing.rules), 0.5), requests)
    after.load_state_dict(unpack(pack(before.state_dict()), 1 << 20))
    assert [True] * len(failing.rules) == before.breached.tolist()
    for row in range(400, 500):
        expected = before.update(10.0 * row, np.zeros(len(failing.rules)), requests).tolist()
        assert expected == after.update(10.0 * row, np.zeros(len(expected)), requests).tolist()
    assert before.state_dict() == after.state_dict()


def test_a_state_that_is_none_is_refused() -> None:
    """With what is missing in it."""
    signal = HealthSignal(name=NAME, above=1.0)
    objectives = Objectives([signal], 10.0)
    ((key, state),) = objectives.state_dict().items()
    del state["_spell"]

    with pytest.raises(ValueError, match=r"`Lasting` requires a state with entries .*_spell"):
        objectives.load_state_dict({key: state})


def test_errors_say_which_rule() -> None:
    """A row of another width, an interval that is none, an objective without a limit."""
    with pytest.raises(ValueError, match=r"`Objectives` requires a row of shape \(0,\)"):
        Objectives([], 10.0).update(0.0, np.array([1.0]))
    with pytest.raises(ValueError, match="`Objectives` requires interval_s > 0"):
        Objectives([], 0.0)
    with pytest.raises(ValueError, match="requires above, below or target of every objective"):
        Objectives([HealthSignal(name=NAME)], 10.0)
    with pytest.raises(ValueError, match="requires burn_rate and windows_s beside target"):
        Objectives([HealthSignal(name=NAME, target=0.9)], 10.0)


def test_no_objective_is_nothing_to_do() -> None:
    """As in every system that only names its health signals."""
    objectives = Objectives([], 10.0)

    assert [] == objectives.update(0.0, np.empty(0)).tolist()
    assert {} == objectives.state_dict()
