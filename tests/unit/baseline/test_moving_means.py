"""Moving means of the normal rows against plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typed import FloatArray

from coral.baseline.moving_means import largest_moving_means


def twin(column: list[float], rows: int) -> float:
    """Return the largest size of a mean over `rows` values, every half of that from the end."""
    largest, end = 0.0, len(column)
    while end >= rows:
        seen = [v for v in column[end - rows : end] if not math.isnan(v)]
        if seen and 2 * len(seen) >= rows:
            largest = max(largest, abs(sum(seen) / len(seen)))
        end -= max(rows // 2, 1)
    return largest


@given(
    st.lists(
        st.lists(st.sampled_from([0.0, 1.0, -2.5, 7.0, math.nan]), min_size=2, max_size=2),
        max_size=70,
    )
)
def test_they_equal_their_twin(rows: list[list[float]]) -> None:
    x: FloatArray = np.array(rows, dtype=np.float64).reshape(-1, 2)
    found = largest_moving_means(x)
    assert len(found) == max(len(x) // 2, 1).bit_length()
    for i, largest in enumerate(found):
        expected = [twin(x[:, j].tolist(), 2**i) for j in range(2)]
        np.testing.assert_allclose(largest, expected, rtol=1e-12)


@pytest.mark.parametrize("start", range(0, 200, 7))
def test_an_excursion_is_found_wherever_it_is(start: int) -> None:
    """A mean over 32 rows sees three quarters of 32 rows at a level."""
    x = np.zeros((256, 1))
    x[start : start + 32] = 1.0
    assert 0.74 <= largest_moving_means(x)[5, 0] <= 1.0
