"""Evidence against its naive twin, and its edge cases."""

import math
from typing import Any

import numpy as np
import pytest
from naive import localise as naive
from typed import BoolArray, FloatArray

from coral.baseline.one_step_predictor import OneStepPredictor
from coral.baseline.policy import ScalePolicy
from coral.baseline.scaling import center_and_scale
from coral.localise._innovation_kernels import (
    BASE,
    RUNNING,
    accumulate_comovement,
    accumulate_innovation,
    mean_bounded,
)
from coral.localise.innovation import InnovationScorer, limits_of
from coral.localise.layout import Layout
from coral.localise.policy import RankingPolicy


def unrelated(n: int) -> Layout:
    """Layout of n components of one series each that no convention names."""
    return Layout([f"c{i}:x" for i in range(n)], (), ())


def mechanism_of(base: FloatArray, coefficients: FloatArray) -> OneStepPredictor:
    """Return a mechanism in the units of its base; `coefficients` are in raw units."""
    center, scale = center_and_scale(base)
    unit = np.where(scale > 0, scale, 1.0)
    return OneStepPredictor(center, scale, coefficients * unit[:, None] / unit)


def still(base: FloatArray) -> OneStepPredictor:
    """Return a mechanism that predicts the center, whatever came before."""
    return mechanism_of(base, np.zeros((base.shape[1], base.shape[1])))


def everything_adjacent(base: FloatArray) -> BoolArray:
    return np.ones(len(base), dtype=bool)


@pytest.mark.parametrize("hole", [None, np.nan, 1e12, -1e12, 0.0])
def test_innovation_kernel_equals_its_twin(hole: float | None) -> None:
    """The kernel adds what the textbook loop adds, missing and enormous cells included."""
    rng = np.random.default_rng(3)
    n, rows = 6, 20
    x = rng.normal(size=(rows, n))
    if hole is not None:
        x[::3, 2] = hole
    scale = np.array([1.0, 0.5, 2.0, 0.0, 1e-9, 0.0])
    x[:, 5] = 0.0
    center = np.array([0.0, 1.0, -1.0, 0.0, 0.0, 0.0])
    sigma = np.full(n, 0.4)
    silence = np.array([3.0, 0.5, 2.0, 1.0, 0.0, 0.0])
    base, running = np.zeros(n, dtype=BASE), np.zeros(n, dtype=RUNNING)
    base["center"], base["scale"], base["sigma"], running["first"] = center, scale, sigma, -1
    known = np.array([0.0, 1.0, 30.0, 1000.0, 1e9, 4.0])
    base["rarest"] = 1.0 / (known + 2.0)
    beyond, learned = 0.3, 1.5
    scales = ScalePolicy(learned_units=learned)
    limits = limits_of(RankingPolicy(beyond_weight=beyond, scale=scales))
    base["recent"] = recent = np.array([np.nan, 1.5, np.nan, 10.0, 900.0, np.nan])
    running["woken"] = np.nan
    sums = ("log", "peak", "recent_log", "recent_peak", "level", "raw")
    state: list[dict[str, Any]] = [
        dict.fromkeys(sums, 0.0) | {"count": 0, "first": -1, "woken": set[float]()}
        for _ in range(n)
    ]
    for row in range(rows):
        predicted = center + 0.1 * row
        accumulate_innovation(x[row], predicted, silence, base, running, row, limits)
        expected = naive.innovation(
            *(x[row], predicted, center, scale, sigma, recent, known, silence),
            *(10.0, learned, beyond, row, state),
        )
        np.testing.assert_allclose(running["deviation"], expected, rtol=1e-12, equal_nan=True)
    pairs = {
        "log": "log_sum",
        "recent_log": "recent_log_sum",
        "level": "level_sum",
        "raw": "raw_sum",
    }
    for name, fast in (pairs | {"peak": "peak", "recent_peak": "recent_peak"}).items():
        np.testing.assert_allclose(running[fast], [s[name] for s in state], rtol=1e-12)
    assert [s["count"] for s in state] == running["count"].tolist()
    assert [s["first"] for s in state] == running["first"].tolist()
    woken = [len(s["woken"]) for s in state]
    taken = np.select([np.isnan(running["woken"]), np.isinf(running["woken"])], [0, 2], 1)
    assert np.minimum(woken, 2).tolist() == taken.tolist()


def test_comovement_kernel_equals_its_twin() -> None:
    """The cosine of the sums is the cosine over the rows in which both are present."""
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(30, 3))
    rows[rng.random((30, 3)) < 0.3] = np.nan
    left, right = np.array([0, 1]), np.array([1, 2])
    products, squares = np.zeros(2), np.zeros((2, 2))
    running = np.zeros(3, dtype=RUNNING)
    for row in rows:
        running["deviation"] = row
        accumulate_comovement(running, left, right, products, squares)
    cosine = np.maximum(products / np.sqrt(squares.prod(axis=1)), 0)
    expected = [naive.cosine(rows[:, 0], rows[:, 1]), naive.cosine(rows[:, 1], rows[:, 2])]
    np.testing.assert_allclose(cosine, expected, rtol=1e-12)


@pytest.mark.parametrize("rows", [0, 1, 63, 64, 200])
@pytest.mark.parametrize("missing", [0.0, 0.3, 1.0])
def test_mean_innovation_equals_its_twin(rows: int, missing: float) -> None:
    """Missing rows are left out, and a series without any has a mean of zero."""
    rng = np.random.default_rng(rows)
    sizes = np.abs(rng.normal(size=(rows, 4)))
    sizes[:, 3] = 0.0
    sizes[rng.random(sizes.shape) < missing] = np.nan
    sigma, known = np.array([0.4, 1.0, 0.15, 0.15]), np.array([0.0, 30.0, 1e9, 4.0])
    mean = np.full(4, np.nan)
    mean_bounded(sizes, sigma, 1.0 / (known + 2.0), 0.3, mean)
    for j, column in enumerate(sizes.T):
        found = [
            naive.bounded(size / sigma[j], known[j], 0.3) for size in column if not np.isnan(size)
        ]
        assert mean[j] == pytest.approx(np.mean(found) if found else 0.0, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(("rows", "missing"), [(31, 0.4), (31, 0.0), (64, 0.0), (1, 0.0)])
def test_scale_equals_its_twin(rows: int, missing: float) -> None:
    """Median and a third of the range plus a share of the level, column by column."""
    rng = np.random.default_rng(5)
    base = rng.normal(size=(rows, 70)) + 7
    base[rng.random(base.shape) < missing] = np.nan
    base[:, 3] = np.nan
    base[:, 4] = 0.0
    expected_center, expected_scale = naive.center_and_scale(base)
    center, scale = center_and_scale(base)
    np.testing.assert_allclose(center, expected_center, rtol=1e-12)
    np.testing.assert_allclose(scale, expected_scale, rtol=1e-12)


def test_scale_leaves_its_rows_alone() -> None:
    """One series alone lies in memory as a copy of it would."""
    base = np.array([[3.0], [1.0], [2.0]])
    assert center_and_scale(base)[0].tolist() == [2.0]
    assert base.ravel().tolist() == [3.0, 1.0, 2.0]


def test_silence_is_a_signal() -> None:
    """A series that always had a value and stops is suspicious; one with gaps before is not."""
    rng = np.random.default_rng(2)
    base = rng.normal(size=(200, 3))
    base[rng.random(200) < 0.6, 1] = np.nan
    evidence = InnovationScorer(
        base, everything_adjacent(base), still(base), unrelated(base.shape[1])
    )
    for _ in range(20):
        evidence.update(np.array([np.nan, np.nan, 0.0]), adjacent=True)
    scores = evidence.scores
    assert scores.total[0] > 3
    assert scores.total[1] < 0.3
    assert scores.missing.tolist() == pytest.approx([1.0, np.isfinite(base[:, 1]).mean(), 0.0])


@pytest.mark.parametrize(
    ("requests", "counts"), [(0.0, False), (5.0, True), (np.nan, True)], ids=["none", "some", "?"]
)
def test_silence_of_a_component_without_requests_is_no_evidence(
    requests: float, counts: bool
) -> None:
    """Nobody calls, so nothing is measured; but who is called, or does not say, is suspicious."""
    base = np.random.default_rng(2).uniform(1, 9, size=(200, 3))
    layout = Layout(["cart:requests", "cart:latency", "front:latency"], (), ())
    evidence = InnovationScorer(base, everything_adjacent(base), still(base), layout)
    for _ in range(20):
        evidence.update(np.array([requests, np.nan, 5.0]), adjacent=True)
    assert bool(evidence.scores.total[1] > 3) is counts


@pytest.mark.parametrize("rows", [8, 30, 300])
def test_rows_can_tell_no_more_than_their_number(rows: int) -> None:
    """What none of m rows showed has odds of m + 2; eight times further out is not eight times."""
    rng = np.random.default_rng(1)
    base = rng.normal(size=(rows, 2))
    scorer = InnovationScorer(base, everything_adjacent(base), still(base), unrelated(2))
    for _ in range(20):
        scorer.update(np.array([100.0, 800.0]), adjacent=True)
    near, far = scorer.scores.total
    assert 0.4 * min(rows, 100) < near < (rows + 2) * 100.0**0.25
    assert near < far < near * 8.0**0.75


def test_a_predictor_that_knows_its_rows_by_heart_leaves_the_word_to_levels() -> None:
    """A small level that lasts is evidence where predictions are none, and held against levels."""
    rng = np.random.default_rng(7)
    base = rng.normal(size=(64, 2))
    base[:, 1] = 3.0 * np.sin(np.arange(64) / 8.0)  # as far out, but for many rows in a row
    total = []
    for leverage in (0.0, 0.9):
        predictor = still(base)._replace(leverage=leverage)
        scorer = InnovationScorer(base, everything_adjacent(base), predictor, unrelated(2))
        for _ in range(32):
            scorer.update(np.array([1.5, 1.5]) + 0.1 * rng.normal(size=2), adjacent=True)
        total.append(scorer.scores.total)
    assert total[1][0] > 2.0 * total[0][0]
    assert total[1][0] > 2.0 * total[1][1]


def test_not_following_far_out_is_a_limited_score() -> None:
    """How far a series follows one that left the known range by far, nobody has seen."""
    rng = np.random.default_rng(6)
    base = rng.normal(size=(300, 2))
    base[1:, 1] = 0.95 * base[:-1, 0] + 0.05 * base[1:, 1]
    mechanism = mechanism_of(base, np.array([[0.0, 0.95], [0.0, 0.0]]))
    largest = []
    for level in (5.0, 50.0, 500.0):
        evidence = InnovationScorer(base, everything_adjacent(base), mechanism, unrelated(2))
        for _ in range(10):
            evidence.update(np.array([level, 0.0]), adjacent=True)
        largest.append(float(np.expm1(evidence.scores.largest[1])))
    assert largest[0] < 6.5
    assert largest[1] == largest[2] == pytest.approx(6.0, abs=0.5)


def test_few_values_do_not_show_the_range() -> None:
    """The same range of a dozen values is a wider unit than that of a thousand."""
    many = np.tile([[-1.0], [1.0]], (500, 1))
    few = np.full((1000, 1), np.nan)
    few[:12] = many[:12]
    assert center_and_scale(few)[1] > 3 * center_and_scale(many)[1]


def test_a_gap_in_the_collection_is_nobodys_silence() -> None:
    """Rows without any value accuse nobody."""
    base = np.random.default_rng(2).normal(size=(200, 2))
    evidence = InnovationScorer(
        base, everything_adjacent(base), still(base), unrelated(base.shape[1])
    )
    for _ in range(20):
        evidence.update(np.full(2, np.nan), adjacent=True)
    assert evidence.scores.total.tolist() == [0.0, 0.0]


def test_without_rows_there_is_no_evidence() -> None:
    """Before the first row everything is zero and nothing is NaN but the level after."""
    base = np.ones((40, 3))
    evidence = InnovationScorer(
        base, everything_adjacent(base), still(base), unrelated(base.shape[1])
    )
    scores = evidence.scores
    assert scores.total.tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(scores.after).all()


def test_a_series_without_history_is_no_evidence() -> None:
    """What appears with the fault cannot be compared with anything."""
    base = np.column_stack([np.zeros(40), np.full(40, np.nan)])
    evidence = InnovationScorer(
        base, everything_adjacent(base), still(base), unrelated(base.shape[1])
    )
    evidence.update(np.array([0.0, 99.0]), adjacent=True)
    assert evidence.scores.total[1] == 0.0


def test_a_series_that_wakes_from_zero_is_evidence_whatever_its_unit() -> None:
    """An error counter that was always zero is visible, in errors and in millierrors alike."""
    totals = []
    for unit in (1e-6, 1.0, 1e6):
        base = np.zeros((40, 1))
        evidence = InnovationScorer(
            base, everything_adjacent(base), still(base), unrelated(base.shape[1])
        )
        for value in (2.0, 4.0, 3.0):
            evidence.update(np.array([value * unit]), adjacent=True)
        totals.append(evidence.scores.total[0])
    assert totals[0] > 5
    assert totals == pytest.approx([totals[0]] * 3, rel=1e-12)


def test_a_predicted_change_is_less_surprising_than_an_own_one() -> None:
    """A series that only follows another one has less evidence than the one that leads."""
    rng = np.random.default_rng(6)
    base = rng.normal(size=(300, 2))
    base[1:, 1] = 0.95 * base[:-1, 0] + 0.05 * base[1:, 1]
    coefficients = np.array([[0.0, 0.95], [0.0, 0.0]])
    mechanism = mechanism_of(base, coefficients)
    evidence = InnovationScorer(
        base, everything_adjacent(base), mechanism, unrelated(base.shape[1])
    )
    previous = base[-1]
    for e in rng.normal(size=30):
        x = np.array([8 + e, 0.95 * previous[0]])
        evidence.update(x, adjacent=True)
        previous = x
    leader, follower = evidence.scores.total
    assert leader > 5 * follower


def test_after_a_gap_nothing_is_predicted_from_the_row_before() -> None:
    """A gap in time takes the lagged prediction away, not the row."""
    base = np.tile([[0.0], [1.0]], (20, 1))
    mechanism = mechanism_of(base, np.ones((1, 1)))
    with_gap = InnovationScorer(
        base, everything_adjacent(base), mechanism, unrelated(base.shape[1])
    )
    without = InnovationScorer(base, everything_adjacent(base), mechanism, unrelated(base.shape[1]))
    with_gap.update(np.array([50.0]), adjacent=False)
    without.update(np.array([50.0]), adjacent=True)
    assert with_gap.scores.largest[0] > without.scores.largest[0]


def test_one_broken_value_does_not_decide() -> None:
    """A single spike counts less than a sustained change of moderate size."""
    base = np.random.default_rng(7).normal(size=(200, 2))
    evidence = InnovationScorer(
        base, everything_adjacent(base), still(base), unrelated(base.shape[1])
    )
    for row in range(40):
        evidence.update(np.array([1e9 if row == 5 else 0.0, 30.0]), adjacent=True)
    spike, sustained = evidence.scores.total
    assert sustained > spike


def test_evidence_does_not_keep_or_change_its_input() -> None:
    """The row given is not modified."""
    base = np.random.default_rng(8).normal(size=(50, 2))
    kept = base.copy()
    evidence = InnovationScorer(
        base, everything_adjacent(base), still(base), unrelated(base.shape[1])
    )
    x = np.array([3.0, math.nan])
    evidence.update(x, adjacent=True)
    np.testing.assert_array_equal(kept, base)
    np.testing.assert_array_equal(np.array([3.0, math.nan]), x)


def test_what_was_out_before_is_measured_from_where_it_was() -> None:
    """A step minutes before the onset is no evidence as long as nothing more happens to it."""
    rng = np.random.default_rng(9)
    base = rng.normal(100.0, 1.0, size=(200, 3))
    base[-10:, :2] += 40.0
    evidence = InnovationScorer(base, everything_adjacent(base), still(base), unrelated(3))
    for e in rng.normal(size=(30, 3)):
        evidence.update(np.array([140.0, 200.0, 140.0]) + e, adjacent=True)
    same, further, fresh = evidence.scores.total
    assert evidence.scores.outside_before.tolist() == [10, 10, 0]
    assert same < 0.5 * further
    assert further < fresh


def test_rows_that_were_not_learned_are_before_the_onset_too() -> None:
    """Such as those of a change that was open when a health signal began to move."""
    base = np.random.default_rng(10).normal(100.0, 1.0, size=(200, 1))
    between = np.full((25, 1), 140.0)
    evidence = InnovationScorer(
        base, everything_adjacent(base), still(base), unrelated(1), between=between
    )
    evidence.update(np.array([140.0]), adjacent=True)
    plain = InnovationScorer(base, everything_adjacent(base), still(base), unrelated(1))
    plain.update(np.array([140.0]), adjacent=True)
    assert evidence.scores.outside_before.tolist() == [25]
    assert evidence.scores.total[0] < 0.7 * plain.scores.total[0]


@pytest.mark.parametrize("adjacent", [True, False])
def test_a_counter_that_goes_on_growing_is_no_evidence(*, adjacent: bool) -> None:
    """One that stands still, or grows faster, is; after a gap nobody knows how fast it grew."""
    rng = np.random.default_rng(11)
    steps = rng.integers(5, 15, size=(300, 3)).astype(float)
    base = np.cumsum(steps, axis=0)
    evidence = InnovationScorer(base, everything_adjacent(base), still(base), unrelated(3))
    x = base[-1].copy()
    for step in rng.integers(5, 15, size=30):
        x = x + np.array([step, 0.0, 100.0])
        evidence.update(x, adjacent=adjacent)
    scores = evidence.scores
    assert evidence.counter.all()
    if adjacent:
        assert scores.total[0] < 0.3
        assert (scores.total[1:] > 1.0).all()
        assert scores.after.tolist() == pytest.approx([10.0, 0.0, 100.0], rel=0.2)
    else:
        assert scores.total.tolist() == [0.0] * 3


def test_a_flag_that_is_set_with_a_health_signal_is_a_symptom() -> None:
    """Not one that is set much earlier, nor one that counts, nor one that was set before."""
    names = ["web:error_rate", "lamp:on", "early:on", "errors:n", "always:on"]
    layout = Layout(names, ["web:error_rate"], ())
    base = np.zeros((100, 5))
    base[:, 0] = np.random.default_rng(12).random(100)
    base[10, 4] = 1.0
    evidence = InnovationScorer(base, everything_adjacent(base), still(base), layout)
    for row in range(20):
        moved = row >= 10
        values = [50.0 * moved, 1.0 * moved, row >= 2, 1.0 * moved * row, 1.0 * moved]
        evidence.update(np.array(values, dtype=float), adjacent=True)
    assert evidence.scores.flag.tolist() == [False, True, False, False, False]


def test_history_comes_back_from_a_checkpoint() -> None:
    """Counters, levels before the onset and flags are those of then."""
    rng = np.random.default_rng(13)
    base = np.column_stack([np.cumsum(rng.random(200)), rng.normal(100.0, 1.0, 200), np.zeros(200)])
    base[-10:, 1] += 40.0
    layout = Layout(["a:total", "b:size", "c:error"], ["b:size"], ())
    evidence = InnovationScorer(base, everything_adjacent(base), still(base), layout)
    for row in (base[-1] + [0.5, 1.0, 1.0], base[-1] + [1.0, 30.0, 1.0]):
        evidence.update(row, adjacent=True)
    restored = InnovationScorer.from_state(evidence.state_dict(), layout)
    for scorer in (evidence, restored):
        scorer.update(base[-1] + [1.5, 30.0, 1.0], adjacent=True)
    for one, two in zip(evidence.scores, restored.scores, strict=True):
        np.testing.assert_array_equal(one, two)
