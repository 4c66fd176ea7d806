"""When a change began: the change point of the series that carry it, and the first of them."""

import numpy as np
import pytest

from detectors.onset import change_point, date


@pytest.mark.parametrize("shift", [3.0, -8.0])
@pytest.mark.parametrize("ago", [0, 5, 30])
def test_a_step_is_dated_to_the_row(shift, ago):
    """Its row lies in the interval, with missing cells and a series that never moved beside it."""
    rng = np.random.default_rng(ago)
    z = rng.normal(scale=0.3, size=(60, 3))
    z[60 - ago - 1 :, :2] += shift
    z[rng.random(z.shape) < 0.1] = np.nan

    point = change_point(z)

    assert point.earliest >= ago >= point.latest
    assert point.earliest >= point.rows >= point.latest


def test_the_series_that_moved_first_dates_the_change():
    """A cause moves before what follows from it, however much larger that is."""
    z = np.zeros((40, 5))
    z[-9:, 0] = 6.0
    z[-2:, 1:] = 20.0

    assert change_point(z).rows == 1
    assert date(z, least=0) == (8, (8, 8))


def test_where_the_series_do_not_tell_nothing_is_made_up():
    """Noise, and a drift, which has no row at which it began, leave what was certain."""
    noise = np.random.default_rng(1).normal(scale=0.5, size=(40, 3))
    drift = np.linspace(0.0, 3.0, 40)[:, None]

    assert date(noise, least=4) == (4, (4, 0))
    assert date(drift, least=4) == (4, (4, 0))


def test_what_was_certain_is_never_moved_forward():
    """A statistic that was in its tail earlier than its series jumped keeps its row."""
    z = np.zeros((40, 2))
    z[-2:] = 20.0

    assert date(z, least=6) == (6, (6, 1))
