"""A told onset that is late."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from makers import ONSET, run, shop_config, shop_rows
from numpy.typing import NDArray

from coral.baseline.late_onset import rows_late, rows_since_change
from coral.baseline.policy import SCALE
from coral.baseline.scaling import center_and_scale
from coral.contract.events import Incident
from coral.report.onset_text import began

Floats = NDArray[np.float64]

LATE = 5


def late(base: Floats, newest: Floats, *, health: tuple[int, ...] = (0,)) -> int:
    """Count the late rows of series that are an entity each."""
    rows = rows_late(base, newest, np.arange(base.shape[1]), health)
    assert naive(base, newest, health) == rows
    return rows


def naive(base: Floats, newest: Floats, health: tuple[int, ...]) -> int:
    """Ask every series for its unit."""
    if len(base) < SCALE.late_base_rows:
        return 0
    center, scale = center_and_scale(base)
    out = np.abs(newest - center) > SCALE.late_units * scale
    rows = 0
    for row in out[:-1][::-1]:
        shared = np.flatnonzero(row & out[-1])
        one_alone = len(shared) == 1 and shared[0] not in health
        if not len(shared) or len(shared) < SCALE.late_share * out[-1].sum() or one_alone:
            break
        rows += 1
    return rows if rows >= SCALE.late_rows else 0


@given(
    arrays(np.float64, (20, 3), elements=st.sampled_from([0.0, 1.0, -1.0, math.nan])),
    arrays(np.float64, (6, 3), elements=st.sampled_from([0.0, 1.0, 40.0, -50.0, math.nan])),
)
def test_the_quick_look_is_that_at_every_series(base: Floats, newest: Floats) -> None:
    """The quick look overlooks no series: constant, never seen, or missing in between."""
    late(base, newest)
    assert late(base[:0], newest) == 0
    assert late(base, newest[-1:]) == 0


def test_rows_like_the_onset_are_counted_back_to_the_fault() -> None:
    """Five faulty rows before the one that is told, and not one more."""
    rows = shop_rows()
    assert late(rows[: ONSET - 20], rows[ONSET - 20 : ONSET + LATE + 1]) == LATE
    assert late(rows[: ONSET - 20], rows[ONSET - 20 : ONSET + 1]) == 0


def test_two_rows_are_no_state() -> None:
    """A join of two recordings, or a glitch, may look like the fault."""
    rows = shop_rows()
    assert late(rows[: ONSET - 20], rows[ONSET - 20 : ONSET + 3]) == 0
    assert late(rows[: ONSET - 20], rows[ONSET - 20 : ONSET + 4]) == 3


def test_nothing_is_known_without_a_base_or_a_change() -> None:
    """Few rows, rows without values, an onset that looks normal."""
    rows = shop_rows()
    assert late(rows[:15], rows[ONSET : ONSET + 9]) == 0
    assert late(rows[:100], np.full((9, rows.shape[1]), np.nan)) == 0
    assert late(rows[:100], rows[100:109]) == 0


def test_a_late_onset_leads_to_the_same_incident() -> None:
    """Same base, same cause, same evidence; the event says where it really began."""
    rows, deaf = shop_rows(), shop_config(kpi=())
    right, after = (run(rows, config=deaf, onset=float(t))[-1].data for t in (ONSET, ONSET + LATE))
    assert (after.base_rows, after.rows) == (right.base_rows, right.rows)
    assert after.causes[0].evidence == right.causes[0].evidence
    _same_onset(right, after)


@pytest.mark.parametrize("late", [1, 2, LATE])
def test_an_onset_that_users_felt_before_is_as_late_as_an_alert(late: int) -> None:
    """However few rows before it the health signals changed: none of them is normal."""
    rows = shop_rows()
    right, after = (run(rows, onset=float(t))[-1].data for t in (ONSET, ONSET + late))
    assert after.base_rows < right.base_rows
    assert after.rows == right.rows
    assert after.causes[0].entity == right.causes[0].entity
    _same_onset(right, after)


def _same_onset(right: Incident, after: Incident) -> None:
    assert after.trigger.onset_interval == [right.trigger.onset, after.trigger.onset]
    assert "already look like the fault" in began(after)
    assert "already look like the fault" not in began(right)


@pytest.mark.parametrize(
    ("owner", "health", "expected"),
    [
        ([0, 1, 2], (), 0),  # one entity was out before: a deployment, say
        ([0, 0, 2], (), 0),  # two of its series are still one entity
        ([0, 1, 2], (1,), 0),
        ([0, 1, 2], (0,), 4),  # unless it is what health is told by
        ([0, 1, 2], (0, 1), 4),
    ],
)
def test_one_entity_that_changed_before_is_no_state(
    owner: list[int], health: tuple[int, ...], expected: int
) -> None:
    """What is out before and at the onset is of two entities, or a health signal."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 3))
    rows[56:, 0] += 100.0  # four rows before the onset
    rows[60:, 1] += 100.0
    newest = np.vstack([rows[50:], rows[-1:]])
    if owner[1] == owner[0]:
        rows[56:, 1] += 100.0
        newest = np.vstack([rows[50:], rows[-1:]])
    assert rows_late(rows[:50], newest, np.array(owner), health) == expected


def test_two_entities_that_changed_before_are_a_state() -> None:
    """Whichever series comes first."""
    rows = np.random.default_rng(0).normal(size=(60, 3))
    rows[56:, 1:] += 100.0
    newest = np.vstack([rows[50:], rows[-1:]])
    assert rows_late(rows[:50], newest, np.array([0, 1, 2]), ()) == 4
    assert rows_late(rows[:50], newest, np.array([0, 1, 1]), ()) == 0


@pytest.mark.parametrize("late", [0, 1, 3, 10, 20])
def test_an_alert_is_dated_by_the_series_that_are_out(late: int) -> None:
    """To the row; a series that is out no more at the alert says nothing."""
    rng = np.random.default_rng(0)
    base, newest = rng.normal(size=(200, 4)), rng.normal(size=(31, 4))
    newest[30 - late :, :2] += 60.0
    newest[2:5, 3] += 90.0
    assert late == rows_since_change(base, newest)


def test_where_nothing_is_out_an_alert_is_not_dated() -> None:
    """Nor on a base of a few rows, nor by what is missing or was constant at zero."""
    rng = np.random.default_rng(0)
    base, newest = rng.normal(size=(200, 3)), rng.normal(size=(11, 3))
    assert None is rows_since_change(base, newest)
    newest[5:] += 60.0
    assert None is rows_since_change(base[:15], newest)
    gone = newest.copy()
    gone[-1] = np.nan
    assert None is rows_since_change(base, gone)
    base[:], newest[:] = 0.0, 0.0
    newest[5:] = np.inf
    assert None is rows_since_change(base, newest)
