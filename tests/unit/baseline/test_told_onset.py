"""A told onset that is late."""

import numpy as np
from makers import ONSET, run, shop_rows

from coral.baseline.told_onset import rows_late
from coral.report.onset_text import began

LATE = 5


def test_rows_like_the_onset_are_counted_back_to_the_fault() -> None:
    """Five faulty rows before the one that is told, and not one more."""
    rows = shop_rows()
    assert rows_late(rows[: ONSET - 20], rows[ONSET - 20 : ONSET + LATE + 1]) == LATE
    assert rows_late(rows[: ONSET - 20], rows[ONSET - 20 : ONSET + 1]) == 0


def test_two_rows_are_no_state() -> None:
    """A join of two recordings, or a glitch, may look like the fault."""
    rows = shop_rows()
    assert rows_late(rows[: ONSET - 20], rows[ONSET - 20 : ONSET + 3]) == 0
    assert rows_late(rows[: ONSET - 20], rows[ONSET - 20 : ONSET + 4]) == 3


def test_nothing_is_known_without_a_base_or_a_change() -> None:
    """Few rows, rows without values, an onset that looks normal."""
    rows = shop_rows()
    assert rows_late(rows[:15], rows[ONSET : ONSET + 9]) == 0
    assert rows_late(rows[:100], np.full((9, rows.shape[1]), np.nan)) == 0
    assert rows_late(rows[:100], rows[100:109]) == 0


def test_a_late_onset_leads_to_the_same_incident() -> None:
    """Same base, same cause, same evidence; the event says where it really began."""
    rows = shop_rows()
    right, late = (run(rows, onset=float(t))[-1].data for t in (ONSET, ONSET + LATE))
    assert (late.base_rows, late.rows) == (right.base_rows, right.rows)
    assert late.causes[0].evidence == right.causes[0].evidence
    assert late.trigger.onset_interval == [right.trigger.onset, late.trigger.onset]
    assert "already look like the fault" in began(late)
    assert "already look like the fault" not in began(right)
