"""Re-baselining: how long an alarm must last, and what is accepted with it."""

import numpy as np
import pytest

from detectors.decision.rebaselining import Rebaselining


def rule(interval_s: float = 60.0) -> Rebaselining:
    return Rebaselining(3, interval_s, 1000)


@pytest.mark.parametrize(
    ("interval_s", "learned", "rows"),
    [
        (60.0, 100, 60.0),  # an hour
        (1.0, 10_000, 3600.0),  # an hour, however fast the rows come
        (3600.0, 100, 30.0),  # 30 rows, however slowly
        (60.0, 1600, 100.0),  # a sixteenth of the base
        (60.0, 2000, 125.0),
        (60.0, 10**9, 125.0),  # of what is still remembered of it
    ],
)
def test_rows_needed(interval_s: float, learned: int, rows: float) -> None:
    """An alarm is accepted after an hour, 30 rows and a sixteenth of the base."""
    assert rule(interval_s).rows_needed(learned) == rows


def test_the_largest_evidence_of_the_alarm_is_accepted() -> None:
    """Each statistic stays quiet up to the most that it has shown; what was accepted stays so."""
    normal = rule()
    normal.begin(np.array([4.0, -3.0, 0.0]))
    normal.follow(np.array([2.0, -1.0, 7.0]))
    normal.accept(80)

    assert normal.accepted.tolist() == [4.0, 0.0, 7.0]
    assert normal.decay**80 == pytest.approx(np.exp(-1.0))

    normal.begin(np.array([9.0, 1.0, 1.0]))
    normal.accept(100)

    assert normal.accepted.tolist() == [9.0, 1.0, 7.0]


def test_an_alarm_that_is_not_accepted_leaves_nothing() -> None:
    """Evidence of an alarm that ended by itself is not that of the next one."""
    normal = rule()
    normal.begin(np.array([50.0, 50.0, 50.0]))
    normal.begin(np.array([1.0, 2.0, 3.0]))
    normal.accept(60)

    assert normal.accepted.tolist() == [1.0, 2.0, 3.0]
