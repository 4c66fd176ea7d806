"""Properties that hold for every stream."""

from collections.abc import Callable, Iterator
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.testing import assert_allclose
from typed import FloatArray, IntArray

from detectors.decision.cusum import Cusum
from detectors.statistics.dynamic_pca import DynamicPCA
from detectors.statistics.robust_scaler import RobustScaler
from detectors.statistics.ssa import MultivariateSSA
from detectors.trigger import Trigger

STREAMING: dict[str, Callable[[int], Any]] = {
    "RobustScaler": RobustScaler,
    "MultivariateSSA": MultivariateSSA,
    "DynamicPCA": DynamicPCA,
    "Cusum": Cusum,
    "Trigger": lambda n: Trigger(n, 60.0),
}
FEW = settings(max_examples=12, deadline=None, derandomize=True)


@st.composite
def streams(draw: st.DrawFn, rows: int = 260) -> FloatArray:
    """Draw noise with a shift, missing and infinite cells, a constant and a quantised series."""
    n = draw(st.integers(2, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    x = rng.standard_t(4, size=(rows, n)) * 10.0 ** rng.integers(-3, 4, size=n)
    x[:, 0] = np.round(x[:, 0] / (np.abs(x[:, 0]).max() / 3.0))
    x[:, 1] = draw(st.sampled_from([0.0, 7.0]))
    x[draw(st.integers(120, rows - 1)) :] += draw(st.sampled_from([0.0, 3.0, 1e4]))
    x[rng.random(x.shape) < draw(st.sampled_from([0.0, 0.3]))] = np.nan
    x[rng.random(x.shape) < draw(st.sampled_from([0.0, 0.02]))] = np.inf
    return x


def trace(trigger: Trigger, rows: FloatArray) -> list[tuple[Any, ...]]:
    """Everything that the engine reads, row by row."""
    out = []
    for x in rows:
        trigger.update(x)
        out.append(
            (
                trigger.drift_detected,
                trigger.alarm,
                trigger.rebaselined,
                trigger.onset_rows,
                trigger.statistic_name,
                trigger.statistic,
                trigger.threshold,
                trigger.p_value,
                *trigger.scores,
            )
        )
    return out


def flat(state: dict[str, Any]) -> Iterator[FloatArray | IntArray | int]:
    """Every value of a nested state."""
    for value in state.values():
        if isinstance(value, dict):
            yield from flat(value)
        else:
            yield value


@pytest.mark.parametrize("name", STREAMING)
@given(x=streams(), cut=st.integers(0, 259))
@FEW
def test_restored_continues_identically(name: str, x: FloatArray, cut: int) -> None:
    """A state saved at any row and loaded into a new object gives the same state in the end."""
    whole, first = STREAMING[name](x.shape[1]), STREAMING[name](x.shape[1])
    rows = np.where(np.isfinite(x), x, np.nan)
    for one in rows[:cut]:
        first.update(one)
    second = STREAMING[name](x.shape[1])
    second.load_state_dict(first.state_dict())
    for one in rows:
        whole.update(one)
    for one in rows[cut:]:
        second.update(one)

    for ours, theirs in zip(flat(second.state_dict()), flat(whole.state_dict()), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(x=streams(), cut=st.integers(0, 259))
@FEW
def test_restored_trigger_tells_the_same(x: FloatArray, cut: int) -> None:
    """After a restore the engine reads exactly what it would have read, this row included."""
    whole, first = Trigger(x.shape[1], 60.0), Trigger(x.shape[1], 60.0)
    expected = trace(whole, x)
    trace(first, x[:cut])
    second = Trigger(x.shape[1], 60.0)
    second.load_state_dict(first.state_dict())

    assert repr(second.scores) == repr(first.scores)
    assert repr(expected[cut:]) == repr(trace(second, x[cut:]))


@given(x=streams())
@FEW
def test_prefix_decides_its_own_output(x: FloatArray) -> None:
    """What comes later changes nothing of what was said before."""
    whole = trace(Trigger(x.shape[1], 60.0), x)

    assert repr(whole[:200]) == repr(trace(Trigger(x.shape[1], 60.0), x[:200]))


@given(x=streams())
@FEW
def test_input_is_untouched(x: FloatArray) -> None:
    """No row is ever changed."""
    before = x.copy()
    trace(Trigger(x.shape[1], 60.0), x)

    np.testing.assert_array_equal(before, x)


@given(x=streams(), seed=st.integers(0, 99))
@FEW
def test_order_of_columns_only_permutes(x: FloatArray, seed: int) -> None:
    """Another order of the columns permutes the scores, up to rounding."""
    order = np.random.default_rng(seed).permutation(x.shape[1])
    one, other = Trigger(x.shape[1], 60.0), Trigger(x.shape[1], 60.0)
    for row in x[:140]:
        one.update(row)
        other.update(row[order])
        assert one.drift_detected == other.drift_detected
        assert_allclose(other.statistics, one.statistics, rtol=1e-5, atol=1e-5)


@given(x=streams(), power=st.integers(-20, 20))
@FEW
def test_unit_does_not_matter(x: FloatArray, power: int) -> None:
    """Another unit of a series (a power of two: exact) changes nothing."""
    scaled = x.copy()
    scaled[:, -1] *= 2.0**power

    assert repr(trace(Trigger(x.shape[1], 60.0), x)) == repr(
        trace(Trigger(x.shape[1], 60.0), scaled)
    )


@given(x=streams())
@FEW
def test_zero_point_does_not_matter(x: FloatArray) -> None:
    """A shift of a series by a few of its largest values changes its z-scores by rounding only."""
    one, other = RobustScaler(x.shape[1]), RobustScaler(x.shape[1])
    shifted = np.ascontiguousarray(x + 3.0 * np.nan_to_num(np.abs(x[:60]), posinf=0.0).max(0))
    for row, moved in zip(x[:140], shifted, strict=False):
        assert_allclose(one.transform(row), other.transform(moved), rtol=1e-6, atol=1e-6)
        one.update(row)
        other.update(moved)


@given(x=streams(), storm=st.lists(st.integers(0, 259), max_size=60))
@FEW
def test_storm_of_missing_rows_leaves_no_nan(x: FloatArray, storm: list[int]) -> None:
    """Rows without any cell, at any time, never put NaN where a number was learned."""
    x = x.copy()
    x[storm] = np.nan
    trigger = Trigger(x.shape[1], 60.0)
    trace(trigger, x)
    state = trigger.state_dict()
    log_p, state = state["_log_p"], state["_bank"]

    learned = state["_scaler"]["_learned"]
    assert np.isfinite(learned[:, ~np.isnan(learned[1])]).all()
    for part in ("_space", "_ssa"):
        assert np.isfinite(state[part]["_usual"]["learned"]).all()
    for part, name in (("_space", "_basis"), ("_ssa", "_gram")):
        assert np.isfinite(state[part][name]).all()
    assert np.isfinite(state["_windows"]["_sums"]).all()
    assert np.isfinite(log_p).all()


@given(seed=st.integers(0, 2**16))
@FEW
def test_constant_extra_series_is_harmless(seed: int) -> None:
    """A series that never moves does not hide a fault of two others."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(320, 6))
    x[300:, :2] += 200.0
    trigger = Trigger(7, 60.0)
    raised = [t for t, row in enumerate(trace(trigger, np.insert(x, 3, 5.0, axis=1))) if row[0]]

    assert any(300 <= t <= 303 for t in raised)


@given(seed=st.integers(0, 2**16), size=st.sampled_from([50.0, 1e6]))
@FEW
def test_second_fault_after_a_spike_is_found(seed: int, size: float) -> None:
    """One spike in one series hides no later fault of it and another one."""
    x = np.random.default_rng(seed).normal(size=(500, 5))
    x[250, 1] += size
    x[450:, 1:3] += 200.0
    raised = [t for t, row in enumerate(trace(Trigger(5, 60.0), x)) if row[0]]

    assert any(450 <= t <= 455 for t in raised)
