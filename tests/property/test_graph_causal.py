"""What holds of the causal graph for all streams."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import graph as naive
from typed import FloatArray, IntArray

from coral.graph import CausalGraph


def rows_of(seed: int, missing: float = 0.0, n: int = 6, n_rows: int = 260) -> FloatArray:
    rng = np.random.default_rng(seed)
    coefs, _ = naive.random_system(n, rng)
    rows = naive.simulate(coefs, n_rows, rng, rng.uniform(0.5, 1.5, n))
    rows[rng.random(rows.shape) < missing] = np.nan
    return rows


def run(graph: CausalGraph, rows: FloatArray, opens: int, start: int = 0) -> list[float]:
    """Feed rows with a solve every 40 rows and a state opened at row `opens`."""
    changes = []
    for t in range(start, len(rows)):
        if t == opens:
            graph.open_state()
        graph.update(rows[t])
        if t % 40 == 39:
            changes.append(graph.solve())
    return changes


def published(graph: CausalGraph) -> list[FloatArray | IntArray]:
    return [graph.invariant, graph.dependent, graph.changed_nodes(), graph.order]


SEEDS = st.integers(0, 10_000)
MISSING = st.sampled_from([0.0, 0.0, 0.1, 0.5])


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, missing=MISSING, at=st.integers(0, 260), opens=st.integers(0, 260))
def test_restored_at_any_row_goes_on_identically(
    seed: int, missing: float, at: int, opens: int
) -> None:
    """A checkpoint at any row, state open or not, changes not one bit of what follows."""
    rows = rows_of(seed, missing)
    graph = CausalGraph(6, 2, half_life_rows=200.0)
    run(graph, rows[:at], opens)
    twin = CausalGraph(6, 2, half_life_rows=200.0)
    twin.load_state_dict(graph.state_dict())

    assert run(graph, rows, opens, at) == run(twin, rows, opens, at)
    for one, two in zip(published(graph), published(twin), strict=True):
        np.testing.assert_array_equal(one, two)
    assert graph.edges() == twin.edges()


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, missing=MISSING)
def test_row_by_row_equals_in_blocks(seed: int, missing: float) -> None:
    """However the rows come, the graph is the same."""
    rows = rows_of(seed, missing)
    one, two = CausalGraph(6), CausalGraph(6)
    for row in rows:
        one.update(row)
    two.update_block(rows[:100])
    two.update_block(rows[100:])
    one.solve()
    two.solve()

    np.testing.assert_allclose(one.invariant, two.invariant, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_order_of_series_only_permutes(seed: int) -> None:
    """Permuted series give the permuted graph, and the rows stay as they were."""
    rows = rows_of(seed)
    before = rows.copy()
    order = np.random.default_rng(seed).permutation(6)
    one, two = CausalGraph(6), CausalGraph(6)
    for graph, stream in ((one, rows), (two, rows[:, order])):
        graph.update_block(stream[:200])
        graph.solve()
        graph.open_state()
        graph.update_block(2.0 * stream[200:])
        graph.solve()

    np.testing.assert_allclose(
        one.invariant[np.ix_(np.arange(2), order, order)], two.invariant, atol=1e-4
    )
    np.testing.assert_allclose(one.changed_nodes()[order], two.changed_nodes(), rtol=1e-3)
    np.testing.assert_array_equal(before, rows)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, exponents=st.lists(st.integers(-12, 12), min_size=6, max_size=6))
def test_units_change_nothing_but_units(seed: int, exponents: list[int]) -> None:
    """Without an instantaneous part the graph is equivariant under a change of every unit."""
    rows = rows_of(seed)
    unit = 10.0 ** np.array(exponents)
    one, two = CausalGraph(6, instantaneous=False), CausalGraph(6, instantaneous=False)
    one.update_block(rows)
    two.update_block(rows * unit)
    one.solve()
    two.solve()
    back = two.invariant * unit[:, None] / unit

    np.testing.assert_allclose(one.invariant, back, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, missing=MISSING, opens=st.integers(0, 260))
def test_instantaneous_part_is_acyclic_and_finite(seed: int, missing: float, opens: int) -> None:
    """Whenever the state opens, lag 0 of B + S has no cycle and everything is finite."""
    rows = rows_of(seed, missing)
    graph = CausalGraph(6)
    run(graph, rows, opens)
    now = (graph.invariant + graph.dependent)[0] != 0.0

    assert np.count_nonzero(np.linalg.matrix_power(now.astype(float), 6)) == 0
    for values in published(graph):
        assert np.isfinite(values).all()
