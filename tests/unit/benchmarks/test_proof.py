"""The proof of the ranking: a fast path that ranks as the engine does, changes that change."""

from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import ablations
import calibration
import left_out_rules
import numpy as np
import pytest
import robustness
import told
from ablations import Ablation
from makers import EDGES, ONSET, shop_rows, write_recording
from robustness import Condition, Scored
from told import Told
from typed import there

from coral.evaluation.case import Skipped, score_case
from coral.localise.policy import RANKING
from streams.series import entity_of

START = 1_700_000_000 + ONSET
LABELS: dict[str, Any] = {
    "dataset": "tep",
    "fault_start": START,
    "kpi": ["web:latency_p95"],
    "root_cause_entities": ["db"],
    "root_cause_metrics": [],
    "edges": EDGES,
    "edge_semantics": "a calls b",
    "modes": ["oracle"],
    "fault_type": "disk",
}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One recorded incident, as of a set of the tables."""
    folder = tmp_path_factory.mktemp("proof") / "shop"
    return write_recording(folder, shop_rows(), **LABELS)


@pytest.fixture(scope="module")
def case(path: Path) -> Told:
    """The same, opened."""
    return there(told.open_told(path))


def test_the_fast_path_ranks_and_trusts_as_the_engine(path: Path, case: Told) -> None:
    """Same entities in the same order, same tier, after the same rows."""
    scored = score_case(path, "oracle")
    assert not isinstance(scored, Skipped)
    (row,) = scored
    normal = told.learn(case)
    localiser = told.answer(case, normal)
    ranking = localiser.rank()
    assert told.rank(case, normal) == row["entities"]
    assert told.tier_of(case, normal, localiser, ranking) == row["tier"]


@pytest.mark.parametrize("condition", robustness.CONDITIONS, ids=lambda c: c.name)
def test_every_condition_changes_something_and_only_the_input(
    case: Told, condition: Condition
) -> None:
    """The recorded one nothing; all others what the engine gets, never what is true of it."""
    other = there(condition.change(case, np.random.default_rng(0)))
    same = all(
        np.array_equal(a, np.asarray(b), equal_nan=True) if isinstance(a, np.ndarray) else a == b
        for a, b in zip(case, other, strict=True)
    )
    assert same == (condition.name == "as_recorded")
    assert len(other.truth) == len(case.truth)
    assert len(other.x) == len(other.times)
    assert other.x.shape[1] == len(other.names) == len(set(other.names))


def test_a_sparser_recording_keeps_its_onset(case: Told) -> None:
    """The first faulty row stays, and is told at its time."""
    other = robustness.sparser(case, np.random.default_rng(0))
    assert other.times[other.onset] == case.times[case.onset] == START


def test_renaming_changes_no_score(case: Told) -> None:
    """Names carry no evidence."""
    other = robustness.renamed(case, np.random.default_rng(1))
    first = [told.rank(c, told.learn(c))[0] for c in (case, other)]
    assert {first[0]} == case.truth
    assert {first[1]} == other.truth


@pytest.fixture(scope="module")
def busy(case: Told) -> Told:
    """The same with no zero, whose multiple nobody could see."""
    return case._replace(x=case.x + 1.0)


def touched(before: Told, after: Told | None) -> dict[str, int]:
    """The first row that a decoy changed, by series."""
    grown = there(after).x > before.x
    series = np.flatnonzero(grown.any(axis=0)).tolist()
    return {before.names[i]: int(grown[:, i].argmax()) for i in series}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("lag", robustness.LAGS)
def test_a_decoy_is_one_innocent_series_for_good(
    busy: Told, lag: int, count: int, seed: int
) -> None:
    """One of each entity, from its row to the end by one factor; no cause, no health signal."""
    other = there(robustness.decoy(lag, count)(busy, np.random.default_rng(seed)))
    found = touched(busy, other)
    assert list(found.values()) == [ONSET - lag] * count
    assert len(set(map(entity_of, found)) - busy.truth) == count
    assert not found.keys() & set(busy.kpi)
    factors = (other.x / busy.x)[ONSET - lag :, [busy.names.index(name) for name in found]]
    assert factors == pytest.approx(np.broadcast_to(factors[0], factors.shape))
    assert factors == pytest.approx(np.clip(factors, *robustness.FACTORS))


def test_a_drifting_decoy_grows_until_the_fault_ends(busy: Told) -> None:
    """From once what it was to the factor of the last faulty row, and no further."""
    short = busy._replace(end=ONSET + 20)
    other = there(robustness.decoy(10, drifts=True)(short, np.random.default_rng(3)))
    (name,) = touched(busy, other)
    factors = (other.x / busy.x)[:, busy.names.index(name)]
    ramp = np.linspace(1.0, factors[-1], 30)
    expected = np.concatenate((np.ones(ONSET - 10), ramp, np.full(60, factors[-1])))
    assert factors == pytest.approx(expected)
    assert robustness.FACTORS[0] <= factors[-1] <= robustness.FACTORS[1]


def test_a_decoy_beside_a_cause_has_a_relation_with_it(busy: Told) -> None:
    """Either end of it will do; web has none with the database."""

    def drawn(case: Told) -> set[str]:
        near = robustness.decoy(10, beside=True)
        found = [touched(case, near(case, np.random.default_rng(seed))) for seed in range(20)]
        return {entity_of(name) for series in found for name in series}

    assert drawn(busy) == {"cart", "pay"}
    assert drawn(busy._replace(edges=(("pay", "db"), ("web", "cart")))) == {"pay"}


def test_a_decoy_is_no_multiple_of_nothing(busy: Told) -> None:
    """What is zero half of the time before it, or missing, is not chosen."""
    x = busy.x.copy()
    x[: ONSET // 2, [1, 2, 3]] = 0.0
    x[:, 4] = np.nan
    quiet = busy._replace(x=x)
    drawn = [robustness.decoy(10)(quiet, np.random.default_rng(seed)) for seed in range(8)]
    assert [touched(quiet, other) for other in drawn] == [{"pay:cpu": ONSET - 10}] * 8


def test_a_decoy_needs_an_innocent_and_rows_before_it(case: Told) -> None:
    """Otherwise there is no such case."""
    rng = np.random.default_rng(0)
    guilty = case._replace(truth=frozenset({"db", "web", "pay"}))
    early = case._replace(onset=10 + robustness.LEAST_BASE)
    assert robustness.decoy(10)(guilty, rng) is not None
    assert robustness.decoy(10, 2)(guilty, rng) is None
    assert robustness.decoy(10)(guilty._replace(truth=guilty.truth | {"cart"}), rng) is None
    assert robustness.decoy(10, beside=True)(case._replace(edges=()), rng) is None
    assert robustness.decoy(10)(early, rng) is not None
    assert robustness.decoy(10)(early._replace(onset=early.onset - 1), rng) is None


def test_a_case_without_room_for_a_change_is_not_counted(path: Path) -> None:
    """The others are."""
    recorded = robustness.CONDITIONS[0]
    never = Condition("never", "never", lambda _, __: None, random=True)
    scored = robustness.score(path, [recorded, never])
    assert scored == [Scored("as_recorded", "tep/shop", 1.0, 1.0, 1.0, 1.0)]


def test_a_condition_is_held_against_its_own_cases() -> None:
    """As recorded, of the cases that count; *likely* is worth nothing known where never said."""
    rows = [
        Scored("as_recorded", "tep/a", 1.0, 1.0, 1.0, 1.0),
        Scored("as_recorded", "skab/b", 0.0, 0.4, 1.0, 0.0),
        Scored("neighbour_decoy_10", "tep/a", 0.5, 0.8, 0.0, 0.0),
    ]
    found = robustness.table(rows)
    plain, near = found["as_recorded"], found["neighbour_decoy_10"]
    assert plain["macro"] == {"ac@1": 0.5, "avg@5": 0.7}
    assert plain["pooled"] == {"likely_share": 1.0, "likely_right": 0.5}
    assert near["pooled"] == {"likely_share": 0.0, "likely_right": None}
    assert near["same_as_recorded"]["macro"] == {"ac@1": 1.0, "avg@5": 1.0}
    assert "same_as_recorded" not in plain


@pytest.mark.parametrize("ablation", ablations.ABLATIONS, ids=lambda a: a.name)
def test_an_ablation_takes_effect_and_is_undone(ablation: Ablation) -> None:
    """A number of the policy is another one; a function is replaced, and its own again."""
    policy, functions = ablations.split(ablation.values)
    assert (policy != RANKING) == (len(functions) < len(ablation.values))
    before = {name: resolve_name(name) for name in functions}
    with told.changed(functions):
        assert all(resolve_name(name) != value for name, value in before.items())
    assert {name: resolve_name(name) for name in functions} == before


def test_constants_are_those_of_the_policy_and_shares_stay_shares() -> None:
    """All its numbers, the unit's included; the odds of a share are multiplied."""
    found = ablations.constants()
    assert found["walk_power"] == RANKING.walk_power
    assert found["scale.level_share"] == RANKING.scale.level_share
    assert set(ablations.SHARES) <= found.keys()
    assert not set(ablations.OTHER) & found.keys()
    assert ablations.scaled("damping", 0.5, 3.0) == pytest.approx(0.75)
    assert ablations.scaled("walk_power", 0.5, 3.0) == 1.5
    policy, functions = ablations.split({"scale.level_share": 0.5, "damping": 0.6, "m:f": None})
    assert (policy.scale.level_share, policy.damping, functions) == (0.5, 0.6, {"m:f": None})


def test_constants_are_chosen_without_the_set_left_out(path: Path) -> None:
    """A value that helps only the set left out is not chosen."""
    bench = ablations.Bench([path])
    name = "walk_power"
    value = ablations.constants()[name]
    good = {key: 1.0 if key == "tep" else 0.5 for key in ("tep", "smd")}
    poor = dict.fromkeys(("tep", "smd"), 0.5)
    for factor in ablations.FACTORS:
        bench._known[(name, ablations.scaled(name, value, factor)),] = (good, good)
    bench._known[()] = (poor, poor)
    assert ablations.choose(bench, [name], "tep") == {}
    assert name in ablations.choose(bench, [name], "smd")


def test_an_onset_where_nothing_is_wrong_is_no_likely_cause(path: Path) -> None:
    """The fault is; rows before it, told as an onset, are not."""
    rows = calibration.judge(path)
    kinds = {kind: [r["tier"] for r in rows if r["kind"] == kind] for kind in ("fault", "clean")}
    assert kinds["fault"] == ["likely"]
    assert len(kinds["clean"]) == len(calibration.ENDS)
    assert "likely" not in kinds["clean"]


def test_a_window_counts_once() -> None:
    """Two cases that share their normal rows have one window."""
    one = {"dataset": "a", "window": 1, "tier": "likely"}
    found = calibration.distinct([one, dict(one), one | {"window": 2, "tier": "possible"}])
    assert calibration.likely_share(found)["likely_rate"] == 0.5


def test_what_likely_asks_for_is_chosen_without_the_set_left_out() -> None:
    """The choice that says it most often of those that are right on the other sets."""
    n = len(calibration.CHOICES)
    always, never = [True] * n, [False] * n
    first = [k == 0 for k in range(n)]
    rows = [
        {"dataset": "a", "ac@1": 1.0, "likely_if": always},
        {"dataset": "a", "ac@1": 0.0, "likely_if": [k > 0 for k in range(n)]},
        {"dataset": "b", "ac@1": 0.0, "likely_if": first},
        {"dataset": "b", "ac@1": 1.0, "likely_if": never},
    ]
    found = calibration.left_out(rows)
    held = found["datasets"]["b"]
    # On a alone the first choice is the only one that is never wrong.
    assert (held["n"], held["share"], held["ac@1"]) == (1, 0.5, 0.0)
    assert held["chosen"]["likely_evidence"] == calibration.ASKED["likely_evidence"][0]
    assert found["pooled"]["n"] == found["datasets"]["a"]["n"] + 1


def test_selective_accuracy_keeps_the_surest() -> None:
    """Tier before agreement before distance."""
    sure = {"tier": "likely", "consensus": 0.8, "margin": 0.3, "ac@1": 1.0}
    less = {"tier": "possible", "consensus": 1.0, "margin": 9.0, "ac@1": 0.0}
    points = calibration.selective([less, sure])
    assert [points[i]["ac@1"] for i in (4, 9)] == [1.0, 0.5]


def test_rules_that_only_the_set_left_out_keeps_are_taken_out_the_worst_first() -> None:
    """Of two that change the same number one goes; the set itself is not asked."""
    now = {"a": 0.5, "b": 0.5}, {"a": 0.5, "b": 0.5}
    better = {"a": 0.0, "b": 0.9}, {"a": 0.0, "b": 0.9}
    best = {"a": 0.0, "b": 1.0}, {"a": 0.0, "b": 1.0}
    without = {"bounded": better, "unbounded": best, "no_walk": better, "no_roles": now}

    assert left_out_rules.taken_out(now, without, "a") == ["unbounded", "no_walk"]
    assert left_out_rules.taken_out(now, without, "b") == []
    held = left_out_rules.table(now, without, {"a": better})
    assert held["a"]["without"] == {"ac@1": 0.0, "avg@5": 0.0}
    assert held["a"]["shipped"] == {"ac@1": 0.5, "avg@5": 0.5}
