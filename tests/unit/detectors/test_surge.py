"""A second fault in an open incident is told from the first one, and only that."""

import numpy as np
import pytest
from typed import FloatArray

from detectors.health.surge import Surge


def begun(values: FloatArray, bad: float = 1.0, every: int = 1) -> list[int]:
    """Rows in which a second move begins; a reading in every so many rows."""
    surge, found = Surge(1), []
    for t, value in enumerate(values):
        read = np.array([t % every == 0])
        if surge.update(np.array([value]), read, np.array([bad])).begun[0]:
            found.append(t)
    return found


def felt(rows: int, seed: int = 0) -> FloatArray:
    """A latency that is felt a little, all the time."""
    return np.asarray(0.07 + 0.01 * np.random.default_rng(seed).normal(size=rows))


def test_a_second_move_is_told_once() -> None:
    """In the second reading that is beyond; what stays there is no news."""
    x = felt(60)
    x[40:] += 0.5
    assert begun(x) == [41]


def test_it_goes_by_readings() -> None:
    """A value that is held for three rows is one reading."""
    x = np.repeat(felt(40), 3)
    x[90:] += 0.5
    assert begun(x, every=3) == [93]


@pytest.mark.parametrize("kind", ["one reading", "flapping", "climbing", "getting better"])
def test_what_is_none(kind: str) -> None:
    """One reading alone; what goes up and down; what climbs step by step; the good direction."""
    x = felt(120)
    match kind:
        case "one reading":
            x[40] += 5.0
        case "flapping":
            x[(np.arange(120) // 4) % 2 == 0] += 0.5
        case "climbing":
            x += 0.02 * np.arange(120)
        case _:
            x[:60] += 0.5
    assert begun(x) == []


def test_a_reading_that_was_out_alone_asks_for_one_more() -> None:
    """Of a level that holds: what the run itself holds speaks not against it."""
    x = felt(60)
    x[35] += 5.0
    x[40:] += 0.5
    assert begun(x) == [42]


def test_counts_are_no_second_fault() -> None:
    """Errors a second jump: one that is far out has been so before."""
    rng = np.random.default_rng(1)
    counts = rng.poisson(2.0, 3000) + rng.normal(0.0, 0.02, 3000)
    assert begun(counts) == []
    counts[2000:] += 60.0
    assert begun(counts) in ([2001], [2002], [2003])


@pytest.mark.parametrize("seed", range(5))
def test_counts_mostly_the_same_have_hardly_a_scale(seed: int) -> None:
    """Two errors in most seconds, and up to eight in others: five such in a row are no news."""
    rng = np.random.default_rng(seed)
    usual = np.where(rng.random(300) < 0.6, 2.0, rng.integers(3, 9, 300))
    x = usual + rng.normal(0.0, 0.02, 300)
    assert begun(x) == []
    x[200:] += 60.0
    assert 200 <= begun(x)[0] <= 216


def test_down_is_bad_for_some_and_either_way_for_others() -> None:
    """By the direction of the signal."""
    x = felt(60)
    x[40:] = 0.0
    assert [begun(x, bad) for bad in (1.0, -1.0, 0.0)] == [[], [41], [41]]


def test_an_incident_begins_anew() -> None:
    """Nothing is told before as many readings as it takes have come in it."""
    surge = Surge(1)
    read, bad = np.array([True]), np.array([1.0])
    for value in felt(40):
        surge.update(np.array([value]), read, bad)
    surge.restart()
    assert not any(surge.update(np.array([0.6]), read, bad).begun[0] for _ in range(30))
