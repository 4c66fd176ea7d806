"""Series that are out before an incident begins."""

import numpy as np
import pytest
from naive import localise as naive
from numpy.typing import NDArray

from coral.baseline.excursion import excursions

ROWS = 80


@pytest.fixture
def quiet() -> NDArray[np.float64]:
    """Eighty rows of two series about a hundred."""
    return np.random.default_rng(1).normal(100.0, 1.0, size=(ROWS, 2))


@pytest.mark.parametrize("lag", [3, 5, 10, 40])
def test_a_step_is_found_however_long_ago(quiet: NDArray[np.float64], lag: int) -> None:
    """The level is that of the newest rows, and the rows are counted from the step."""
    quiet[-lag:, 0] += 50.0
    found = excursions(quiet, np.array([100.0, 100.0]))
    assert found.rows.tolist() == [lag, 0]
    assert found.level[0] == pytest.approx(150.0, abs=4.0)
    assert np.isnan(found.level[1])


def test_what_comes_every_day_is_no_excursion(quiet: NDArray[np.float64]) -> None:
    """A level that was there before is normal, though the series is there right now."""
    quiet[20:30, 0] += 50.5
    quiet[-10:, 0] += 50.0
    center = np.array([100.0, 100.0])
    quiet[25, 0] = 160.0
    assert excursions(quiet, center).rows.tolist() == [0, 0]


def test_a_level_that_fell_is_an_excursion_too(quiet: NDArray[np.float64]) -> None:
    """Both directions, and a missing cell changes nothing."""
    quiet[-8:, 1] = 0.0
    quiet[-2, 1] = quiet[10, 1] = np.nan
    found = excursions(quiet, np.array([100.0, 100.0]))
    assert found.rows.tolist() == [0, 8]
    assert found.level[1] == 0.0


def test_a_series_that_varied_only_since_its_excursion_was_constant() -> None:
    """What is asked is whether it varied before."""
    rows = np.full((ROWS, 2), 7.0)
    rows[-4:, 0] = 9.0
    rows[30, 1] = 8.0
    found = excursions(rows, np.array([7.0, 7.0]))
    assert found.varied.tolist() == [False, True]
    assert found.rows.tolist() == [4, 0]


@pytest.mark.parametrize("n_rows", [0, 1, 5])
def test_few_rows_have_no_level(n_rows: int) -> None:
    """Nothing is said of a level where there are no rows before it."""
    found = excursions(np.full((n_rows, 1), 3.0), np.array([3.0]))
    assert np.isnan(found.level).all()
    assert found.rows.tolist() == [0]
    assert not found.varied.any()


def test_a_series_without_values_is_nothing() -> None:
    """Neither out nor varied."""
    found = excursions(np.full((ROWS, 1), np.nan), np.array([0.0]))
    assert (found.rows.tolist(), found.varied.tolist()) == ([0], [False])


@pytest.mark.parametrize("seed", range(20))
def test_excursions_equal_their_twin(seed: int) -> None:
    """Steps, pulses, constants, few values and holes, in rows of any number."""
    rng = np.random.default_rng(seed)
    n_rows = int(rng.integers(1, 40))
    rows = rng.integers(0, 4, size=(n_rows, 12)).astype(float)
    rows[:, 3:6] = rng.normal(size=(n_rows, 3))
    rows[:, 6:8] = 2.0
    for series in range(0, 12, 2):
        rows[int(rng.integers(n_rows)) :, series] += float(rng.integers(-6, 7))
    rows[rng.random(rows.shape) < 0.1] = np.nan
    center = np.nan_to_num(np.median(np.nan_to_num(rows), axis=0))
    found = excursions(rows, center)
    twins = [naive.excursion(rows[:, s].tolist(), center[s]) for s in range(12)]
    np.testing.assert_array_equal(found.level, [level for level, _, _ in twins])
    assert found.rows.tolist() == [since for _, since, _ in twins]
    assert found.varied.tolist() == [varied for _, _, varied in twins]
