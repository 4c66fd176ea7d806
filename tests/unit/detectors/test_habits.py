"""What health signals did at this time of day on the days before."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from detectors.health.habits import NOTHING, Habits
from detectors.health.policy import HEALTH

HOUR, DAY = 3600.0, 86_400.0
READ = np.array([True])


def after(readings: list[tuple[float, float]]) -> Habits:
    """Habits of one signal that held values at some hours, for two rows each; NaN = was away."""
    habits = Habits(1, 60.0)
    for hour, value in readings:
        for row in range(2):
            habits.note(hour * HOUR + 60.0 * row, np.array([value]), READ)
    return habits


@pytest.mark.parametrize(
    ("hours", "now", "expected"),
    [
        ([26.0], 50.0, NOTHING[:2]),  # once is no habit
        ([26.0, 50.0], 74.0, (0.4, 0.4)),
        ([26.0, 50.0], 74.9, (0.4, 0.4)),  # half an hour later
        ([26.0, 50.0], 76.0, NOTHING[:2]),  # two hours later
        ([26.0, 51.5], 74.0, NOTHING[:2]),  # at different times
        ([23.9, 48.1], 72.0, (0.4, 0.4)),  # around midnight
        ([2.0, 26.0], 26.1, NOTHING[:2]),  # today says nothing of today
        ([2.0, 26.0], 2.0 + 24.0 * HEALTH.habit_days, (0.4, 0.4)),
        ([2.0, 26.0], 26.0 + 24.0 * HEALTH.habit_days, NOTHING[:2]),  # long ago
    ],
)
def test_two_days_make_a_habit(
    hours: list[float], now: float, expected: tuple[float, float]
) -> None:
    """Of the newest days, at the same time of day."""
    high, low, _ = after([(hour, 0.4) for hour in hours]).at(now * HOUR)

    assert expected == (high[0], low[0])


def test_the_second_most_extreme_day_counts() -> None:
    """One day, however wild, makes none."""
    habits = after([(2.0, 5.0), (26.0, 900.0), (50.0, 7.0), (74.0, -4.0), (98.0, -900.0)])
    high, low, _ = habits.at(122.0 * HOUR)

    assert (7.0, -4.0) == (high[0], low[0])


def test_gaps_are_habits_too() -> None:
    """For as long as the signal was away on two days, while others reported."""
    habits = Habits(2, HOUR)
    for row in range(3 * 24):
        away = row % 24 in (2, 3, 4)
        x = np.array([np.nan if away else 1.0, np.nan])
        habits.note(row * HOUR, x, np.ones(2, dtype=np.bool_), reporting=row > 0)
        gaps = [habits.at(row * HOUR).gap[0]]
        if row >= 48 and away:
            assert [row % 24 - 1.0] == gaps
    assert 0.0 == habits.at(80.0 * HOUR).gap[0]


def test_an_outage_of_days_is_no_habit() -> None:
    """It is one, though it lasts over the same time of two days and more."""
    habits, hours = Habits(1, HOUR), [*range(8 * 24)]
    for row in hours:
        away = 3.2 * 24 <= row < 5.6 * 24
        habits.note(row * HOUR, np.array([np.nan if away else 1.0]), READ)

    assert all(habits.at((8 * 24 + hour) * HOUR).gap[0] <= 1.0 for hour in range(24))


def test_a_copy_goes_on_identically_and_signals_come_and_go() -> None:
    """What is known of a signal moves with it; of a new one nothing is."""
    habits, copy = after([(2.0, 0.4), (26.0, 0.4)]), Habits(1, 60.0)
    copy.load_state_dict(habits.state_dict())
    copy.select(np.array([-1, 0]))
    high, low, gap = copy.at(50.0 * HOUR)

    assert_array_equal(high, [-np.inf, 0.4])
    assert_array_equal(low, [np.inf, 0.4])
    assert_array_equal(gap, [0.0, 0.0])
