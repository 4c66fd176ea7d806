"""When a change began: the change point of the series that carry it, and the first of them."""

import numpy as np
import pytest
from naive import detectors as naive

from detectors.decision.change_point import change_point, date


@pytest.mark.parametrize("shift", [3.0, -8.0])
@pytest.mark.parametrize("ago", [0, 5, 30])
def test_a_step_is_dated_to_the_row(shift: float, ago: int) -> None:
    """Its row lies in the interval, with missing cells and a series that never moved beside it."""
    rng = np.random.default_rng(ago)
    z = rng.normal(scale=0.3, size=(60, 3))
    z[60 - ago - 1 :, :2] += shift
    z[rng.random(z.shape) < 0.1] = np.nan

    point = change_point(z)

    assert point.earliest >= ago >= point.latest
    assert point.earliest >= point.rows >= point.latest


def test_the_series_that_moved_first_dates_the_change() -> None:
    """A cause moves before what follows from it, however much larger that is."""
    z = np.zeros((40, 5))
    z[-9:, 0] = 6.0
    z[-2:, 1:] = 20.0

    assert change_point(z).rows == 1
    assert date(z, least=0) == (8, (8, 8))


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_best_step_and_where_step_or_ramp_is_likely(seed: int) -> None:
    """As by least squares on every row, missing cells and series without any included."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(30, 4))
    z[-12:, 1] += 0.7 * np.arange(1, 13)
    z[-6:, 0] += 3.0
    z[rng.random(z.shape) < 0.15] = np.nan
    z[:, 3] = np.nan
    step, ramp = naive.change_gains(z, 3.0)
    either = np.maximum(step, ramp)
    likely = [*np.flatnonzero(either >= either.max() - 1.92), np.argmax(step)]

    point = change_point(z)

    assert point[:3] == (int(np.argmax(step)), max(likely), min(likely))
    assert point.gain == pytest.approx(step.max())


@pytest.mark.parametrize("slope", [0.5, -3.0])
def test_a_ramp_began_within_its_interval(slope: float) -> None:
    """Though the step that fits it best begins later."""
    z = np.random.default_rng(0).normal(scale=0.5, size=(60, 3))
    z[-20:, 1] += slope * np.arange(1, 21)

    point = change_point(z)

    assert point.rows < 19 <= point.earliest


def test_noise_that_resembles_itself_is_not_dated() -> None:
    """Neighbouring rows on the same side of the mean are no change of that day."""
    z = np.zeros((60, 2))
    z[-8:, 0] = 2.2
    z[-1, 1] = 20.0

    assert date(z, least=0) == (0, (0, 0))


def test_where_the_series_do_not_tell_nothing_is_made_up() -> None:
    """Noise, and a drift, leave what was certain; it may have begun at any row."""
    noise = np.random.default_rng(1).normal(scale=0.5, size=(40, 3))
    drift = np.linspace(0.0, 3.0, 40)[:, None]

    assert date(noise, least=4) == (4, (39, 0))
    assert date(drift, least=4) == (4, (39, 0))
    assert date(noise[-2:], least=4) == (4, (4, 0))


def test_what_was_certain_is_never_moved_forward() -> None:
    """A statistic that was in its tail earlier than its series jumped keeps its row."""
    z = np.zeros((40, 2))
    z[-2:] = 20.0

    assert date(z, least=6) == (6, (6, 1))
