"""The baselines of benchmarks/peers on systems whose answer is known, and how they are scored."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from peers.case import Case, fill, of_kinds
from peers.methods import deviations, petshop
from peers.methods.structure import metric_edges, moving
from peers.methods.walk import walk
from peers.scoring import chance, interval, macro_interval, ranking
from typed import FloatArray

from coral.evaluation.metrics import rank_scores

NAMES = ("web:lat", "cart:lat", "db:lat", "db:io")
CALLS = (("db", "cart"), ("cart", "web"))


def case(
    move: Callable[[FloatArray], None] | None = None, *, rows: int = 6, **changes: Any
) -> Case:
    """Four metrics of noise 1 around 100; `move` changes the rows after the onset in place."""
    x = 100.0 + np.random.default_rng(0).normal(size=(200 + rows, len(NAMES)))
    if move is not None:
        move(x[200:])
    facts: dict[str, Any] = {
        "key": "made/one",
        "names": NAMES,
        "base": x[:200],
        "anomalous": x[200:],
        "kpi": ("web:lat",),
        "edges": CALLS,
        "interval_s": 60.0,
    }
    return Case(**(facts | changes))


def first(scores: dict[str, float]) -> str:
    return max(scores, key=scores.__getitem__)


def fall(x: FloatArray) -> None:
    x[:, 2] -= 20.0


def test_gaps_are_filled_forward_then_backward() -> None:
    """From before, else from after; a metric that is never seen is 0."""
    nan = np.nan
    x = np.array([[nan, 1.0, nan], [2.0, nan, nan], [nan, nan, nan]])
    assert_array_equal([[2.0, 1.0, 0.0], [2.0, 1.0, 0.0], [2.0, 1.0, 0.0]], fill(x))


def test_a_case_survives_its_journey() -> None:
    """Every number of it, and the tuples."""
    sent = case()
    got = Case.decode(sent.encode())
    assert_array_equal(sent.base, got.base)
    assert_array_equal(sent.anomalous, got.anomalous)
    assert sent[4:] == got[4:]


@pytest.mark.parametrize(
    "method",
    [
        deviations.largest_z,
        deviations.mean_shift,
        deviations.robust_z,
        deviations.earliest_onset,
        deviations.percent_change,
    ],
)
def test_a_fall_is_found_by_every_two_sided_statistic(
    method: Callable[[Case], dict[str, float]],
) -> None:
    """Also by those that only see the first row."""
    assert first(method(case(fall))) == "db:lat"


def test_largest_z_is_its_formula() -> None:
    """|x - mean| / std of the base, the largest one."""
    made = case(fall)
    expected = abs(made.anomalous[:, 2] - made.base[:, 2].mean()).max() / made.base[:, 2].std()
    assert_allclose(deviations.largest_z(made)["db:lat"], expected)


def test_a_metric_that_never_moved_has_a_thousandth_of_its_mean_as_scale() -> None:
    """So a rounding error of it is no wonder, and a counter that leaves 0 is one."""
    made = case()
    still = np.column_stack([np.full(200, 50.0), np.zeros(200)])
    assert_allclose([0.05 + 1e-9, 1e-9], deviations.spread(still))
    made.base[:, 3] = 50.0
    made.anomalous[:, 3] = 50.0 + 1e-9
    assert deviations.largest_z(made)["db:io"] < 1e-6


def test_earliest_onset_goes_by_the_first_row_beyond_five() -> None:
    """The size decides only inside a row."""

    def move(x: FloatArray) -> None:
        x[1:, 0] += 10.0
        x[2:, 1] += 1000.0
        x[1:, 3] += 20.0

    scores = deviations.earliest_onset(case(move))
    assert sorted(scores, key=scores.__getitem__, reverse=True) == [
        "db:io",
        "web:lat",
        "cart:lat",
        "db:lat",
    ]


def test_percent_change_takes_a_minute_on_both_sides() -> None:
    """Thirty rows of two seconds: a jump in the last row of them counts a thirtieth."""

    def move(x: FloatArray) -> None:
        x[29, 0] += 300.0

    made = case(move, rows=40, interval_s=2.0)
    expected = made.anomalous[:30, 0].mean() / made.base[-30:, 0].mean() - 1.0
    assert_allclose(deviations.percent_change(made)["web:lat"], 100.0 * expected)


def spreading(x: FloatArray) -> None:
    x[:, 0] += 20.0 + np.arange(len(x))
    x[:, 1] += 30.0 + np.arange(len(x))
    x[:, 2] += 40.0 + np.arange(len(x))


def test_traversal_names_the_anomaly_without_an_anomalous_cause() -> None:
    """And only what reaches the KPI through anomalies."""
    assert set(petshop.traversal(case(spreading))) == {"db"}

    def broken(x: FloatArray) -> None:
        spreading(x)
        x[:, 1] = 100.0

    assert set(petshop.traversal(case(broken))) == set()


def test_traversal_ends_on_loops() -> None:
    """An entity with an anomalous cause is no root, also where the cause is its own effect."""
    loop = (*CALLS, ("web", "db"))
    assert petshop.traversal(case(spreading, edges=loop)) == {}


def test_ranked_correlation_ranks_anomalies_by_p_value() -> None:
    """An entity that is not anomalous is not named, nor is the KPI's own."""

    def move(x: FloatArray) -> None:
        x[:, 0] += 20.0 + np.arange(len(x))
        x[:, 1] = 150.0 + np.arange(len(x))

    scores = petshop.ranked_correlation(case(move, rows=12))
    assert set(scores) == {"cart"}
    assert -1e-3 < scores["cart"] < 0.0


def test_petshop_takes_gaps_and_leaves_out_what_is_hardly_measured() -> None:
    """A missing value is no anomaly; less than ten values before the onset are no history."""
    made = case(spreading)
    made.base[9:, 2] = np.nan
    assert set(petshop.traversal(made)) == {"cart"}
    made.anomalous[:, 1] = np.nan
    assert petshop.traversal(made) == {}
    made.anomalous[::2, 1] = 160.0 + np.arange(3)
    made.anomalous[1::2, 0] = np.nan
    assert set(petshop.ranked_correlation(made)) == {"cart"}


@pytest.mark.parametrize("method", [petshop.traversal, petshop.ranked_correlation])
def test_petshop_names_nothing_while_the_kpi_is_well(
    method: Callable[[Case], dict[str, float]],
) -> None:
    """As published: there is no incident to explain."""
    assert method(case(fall)) == {}


def test_edges_of_entities_become_edges_of_metrics() -> None:
    """Other metrics cause the entity's signal; signals cause signals."""
    expected = [("cart:lat", "web:lat"), ("db:io", "db:lat"), ("db:lat", "cart:lat")]
    assert expected == metric_edges(case())
    bare = of_kinds(case(), {"io"})._replace(kpi=())
    assert metric_edges(bare) == []


def test_metrics_that_never_move_are_dropped_for_learners() -> None:
    """One that moves after the onset only is kept."""
    made = case()
    made.base[:, 0] = made.anomalous[:, 0] = 1.0
    made.base[:, 1], made.anomalous[:, 1] = 1.0, 2.0
    got = moving(made)
    assert got.names == NAMES[1:]
    assert got.kpi == ()
    assert_array_equal(got.anomalous, made.anomalous[:, 1:])


def test_a_walk_goes_against_the_edges_to_the_odd_cause() -> None:
    """Among two causes of the KPI it prefers the abnormal one; PageRank cannot tell."""
    made = case(fall)
    strength = np.zeros((4, 4))
    strength[1, 0] = strength[2, 0] = 1.0
    assert first(walk(made, strength, anomalies=True)) == "db:lat"
    plain = walk(made, strength, anomalies=False)
    assert_allclose(plain["cart:lat"], plain["db:lat"])
    assert_allclose(1.0, sum(plain.values()))


def test_an_entity_is_as_suspicious_as_its_worst_metric() -> None:
    """Ties go against the truth, NaN is no score, any other number is one."""
    scores = {"a:x": -5.0, "a:y": -1.0, "b:x": -1.0, "c:x": np.nan, "d:x": -np.inf}
    assert ranking(scores, {"a"}) == ["b", "a", "d"]
    assert ranking(scores, {"b"}) == ["a", "b", "d"]


@pytest.mark.parametrize("any_of", [True, False])
@pytest.mark.parametrize("truth", [{"a"}, {"a", "b"}, {"a", "b", "c", "d", "elsewhere"}])
def test_chance_is_the_mean_over_all_orders(truth: set[str], any_of: bool) -> None:
    """Also where a true entity has no metric."""
    entities = "abcde"
    found = [rank_scores(order, truth, any_of=any_of) for order in permutations(entities)]
    assert_allclose(chance(entities, truth, any_of=any_of), np.mean(found, axis=0))


def test_intervals_hold_the_mean_and_repeat() -> None:
    """Seeded; a set of equal values has no width."""
    values = [0.0, 1.0, 1.0, 1.0]
    low, high = interval(values)
    assert low <= 0.75 <= high
    assert (low, high) == interval(values)
    assert interval([1.0, 1.0]) == (1.0, 1.0)
    assert macro_interval([[1.0], [0.0]]) == (0.5, 0.5)
