"""The bounded course of every series around the onset."""

import numpy as np
import pytest
from typed import FloatArray

from coral.localise.sparklines import POINTS, SparklineBuffer


def textbook(rows: FloatArray, span: int) -> FloatArray:
    """Means of consecutive spans from the first row on."""
    return np.array(
        [
            [np.mean(c[~np.isnan(c)]) if (~np.isnan(c)).any() else np.nan for c in piece.T]
            for piece in (rows[i : i + span] for i in range(0, len(rows), span))
        ]
    ).reshape(-1, rows.shape[1])


@pytest.mark.parametrize("n_rows", [0, 1, 19, 20, 21, 40, 41, 79, 333, 1000])
def test_the_course_is_that_of_the_textbook(n_rows: int) -> None:
    """Means of equal spans, missing cells left out, never more points than allowed."""
    rng = np.random.default_rng(n_rows)
    rows = rng.normal(size=(n_rows, 3))
    rows[rng.random(rows.shape) < 0.3] = np.nan
    rows[:, 2] = np.nan
    profile = SparklineBuffer(3)
    for x in rows:
        profile.update(x)
    courses = profile.sparklines(rows)
    assert len(courses.after) <= POINTS
    assert n_rows <= POINTS * courses.span
    np.testing.assert_allclose(courses.after, textbook(rows, courses.span), atol=1e-12)
    whole = n_rows - n_rows % courses.span
    expected = textbook(rows[n_rows - whole :], courses.span)[-POINTS:]
    np.testing.assert_allclose(courses.before, expected, atol=1e-12)


def test_a_restored_buffer_goes_on_identically() -> None:
    """Cut anywhere, saved, restored and continued: the same course."""
    rows = np.random.default_rng(0).normal(size=(100, 2))
    whole = SparklineBuffer(2)
    for x in rows:
        whole.update(x)
    for cut in (0, 7, 20, 21, 99):
        part = SparklineBuffer(2)
        for x in rows[:cut]:
            part.update(x)
        rest = SparklineBuffer(2)
        rest.load_state_dict(part.state_dict())
        for x in rows[cut:]:
            rest.update(x)
        np.testing.assert_array_equal(whole.sparklines(rows).after, rest.sparklines(rows).after)


def test_rows_that_were_not_recorded_count_as_missing() -> None:
    """An incident of an older checkpoint has a course from the restart on."""
    profile = SparklineBuffer(1, skipped=45)
    for _ in range(11):
        profile.update(np.ones(1))
    courses = profile.sparklines(np.empty((0, 1)))
    assert (4, 0, 14) == (courses.span, len(courses.before), len(courses.after))
    assert np.isnan(courses.after[:11, 0]).all()
    assert [1.0, 1.0, 1.0] == courses.after[11:, 0].tolist()
