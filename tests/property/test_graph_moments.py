"""What holds of the lagged moments for all rows."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from typed import FloatArray

from coral.graph import LaggedMoments

CELLS = st.one_of(st.floats(-1e6, 1e6), st.just(np.nan), st.just(np.inf))


@st.composite
def streams(draw: st.DrawFn) -> tuple[FloatArray, LaggedMoments]:
    n = draw(st.integers(1, 4))
    rows = draw(arrays(np.float64, (draw(st.integers(0, 150)), n), elements=CELLS, fill=CELLS))
    lags = draw(st.integers(0, 3))
    half_life = draw(st.sampled_from([None, 5.0, 100.0]))
    return rows, LaggedMoments(n, lags, half_life, anchor_first=draw(st.booleans()))


def fresh(moments: LaggedMoments) -> LaggedMoments:
    twin = LaggedMoments(1, moments.lags, moments.half_life_rows)
    twin.load_state_dict(moments.state_dict())
    return twin


def everything(moments: LaggedMoments) -> list[FloatArray]:
    products, _pairs, offsets, weight = moments.kernel_arrays()
    counts = [moments.pair_weights(lag) for lag in range(moments.lags + 1)]
    return [products, np.array(counts), offsets, weight, np.array(moments.effective_rows)]


def assert_close(one: LaggedMoments, two: LaggedMoments) -> None:
    for a, b in zip(everything(one), everything(two), strict=True):
        scale = max(1.0, float(np.abs(a).max(initial=0.0)))
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10 * scale)


@settings(max_examples=40, deadline=None)
@given(stream=streams(), cuts=st.lists(st.integers(0, 150), max_size=4))
def test_row_by_row_equals_in_blocks(
    stream: tuple[FloatArray, LaggedMoments], cuts: list[int]
) -> None:
    """However the rows are cut into blocks, the sums are the same."""
    rows, moments = stream
    blocks = fresh(moments)
    blocks._anchor = moments._anchor.copy()
    for row in rows:
        moments.update(row)
    for part in np.split(rows, sorted(min(cut, len(rows)) for cut in cuts)):
        blocks.update_block(part)
        blocks.fold()

    assert_close(moments, blocks)
    assert moments.rows_seen == blocks.rows_seen == len(rows)


@settings(max_examples=40, deadline=None)
@given(stream=streams(), at=st.integers(0, 150))
def test_restored_at_any_row_goes_on_identically(
    stream: tuple[FloatArray, LaggedMoments], at: int
) -> None:
    """A checkpoint at any row changes not one bit of what follows."""
    rows, moments = stream
    moments.update_block(rows[:at])
    twin = fresh(moments)
    moments.update_block(rows[at:])
    twin.update_block(rows[at:])

    for a, b in zip(everything(moments), everything(twin), strict=True):
        np.testing.assert_array_equal(a, b)


@settings(max_examples=40, deadline=None)
@given(stream=streams(), seed=st.integers(0, 99))
def test_order_of_series_only_permutes(stream: tuple[FloatArray, LaggedMoments], seed: int) -> None:
    """Permuted series give permuted sums, and the rows stay as they were."""
    rows, moments = stream
    before = rows.copy()
    order = np.random.default_rng(seed).permutation(rows.shape[1])
    other = fresh(moments)
    moments.update_block(rows)
    other.update_block(rows[:, order])
    moments.select(order)

    assert_close(moments, other)
    np.testing.assert_array_equal(before, rows)


@settings(max_examples=40, deadline=None)
@given(stream=streams())
def test_always_finite(stream: tuple[FloatArray, LaggedMoments]) -> None:
    """No cell of any result is ever NaN or infinite, no variance negative."""
    rows, moments = stream
    moments.update_block(rows)

    for values in everything(moments):
        assert np.isfinite(values).all()
    for lag in range(moments.lags + 1):
        assert np.isfinite(moments.covariance(lag)).all()
    assert np.isfinite(moments.means).all()
    assert (moments.variances >= 0.0).all()
