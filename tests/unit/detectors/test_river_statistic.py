"""Detectors of river as further statistics of the trigger."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from river.anomaly import HalfSpaceTrees
from river.drift import ADWIN, KSWIN, PageHinkley
from typed import FloatArray

from detectors.decision.alarm_budget import AlarmBudget
from detectors.decision.novelty_gate import NoveltyGate
from detectors.names import STATISTICS
from detectors.places import appended
from detectors.statistics.other_statistics import fitted_to
from detectors.statistics.river_catalogue import CATALOGUE, parse, problems
from detectors.statistics.river_statistic import RiverStatistic, river_statistics
from detectors.trigger import Trigger

NAMES = tuple(CATALOGUE)
# Half a millisecond a number: as few rows as show what is to be shown.
SLOW = "river.drift.KSWIN"
FAST = {
    SLOW: (900, {}),
    "river.anomaly.LODA": (2000, {"n_random_cuts": 25}),
    "river.anomaly.HalfSpaceTrees": (2500, {}),
}


def noise(rows: int, n: int = 4, seed: int = 0) -> FloatArray:
    """Rows of autocorrelated noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, n))
    for t in range(1, rows):
        x[t] += 0.5 * x[t - 1]
    return x


def trigger(
    *settings: dict[str, Any] | str, n: int = 4, alone: bool = True, interval_s: float = 60.0
) -> Trigger:
    """A trigger that listens to the detectors of river, or to all statistics."""
    further = river_statistics(settings, n)
    one = Trigger(n, interval_s, further=further)
    if alone:
        listening_to(one, {added.name for added in further})
    return one


def listening_to(one: Trigger, names: set[str]) -> None:
    """Only these statistics may raise an alarm, and they share the whole budget."""
    one._used[:] = [name in names for name in one.names]
    one._gate = NoveltyGate(one._used, one.interval_s)
    one._budget = AlarmBudget(one.false_alarms_per_week, one.interval_s, one._gate.shares)


def raised(one: Trigger, x: FloatArray) -> list[int]:
    """Row numbers on which a change is declared."""
    return [t for t, row in enumerate(x) if one.update(row).drift_detected]


@pytest.mark.parametrize("name", NAMES)
def test_the_budget_holds_and_a_shift_is_found(name: str) -> None:
    """On noise as many alarms as the budget allows; then a shift that nothing else may see."""
    rows, parameters = FAST.get(name, (5000, {}))
    x = noise(rows + 100, seed=3)
    x[rows:, :2] += 15.0
    one = trigger({"class": name, **parameters})
    found = raised(one, x)

    assert sum(t < rows for t in found) <= 2
    late = [t for t in found if t >= rows]
    assert late
    assert late[0] - rows <= 60
    assert one.names == (*STATISTICS[:-1], name, "silence")
    assert set(np.argsort(-one.scores)[:2].tolist()) == {0, 1}


def test_budget_over_many_weeks() -> None:
    """Twelve weeks of noise, a row every ten minutes: about an alarm a week at most."""
    x = noise(12 * 1008, n=3, seed=5)
    one = trigger("river.drift.ADWIN", n=3, interval_s=600.0)

    assert len(raised(one, x)) <= 14


def test_all_statistics_share_one_budget() -> None:
    """Each further one takes its share, so that the sum stays what was set."""
    without, with_two = Trigger(4, 60.0), trigger("river.drift.ADWIN", NAMES[0], alone=False)

    assert np.exp(without._budget.log_alpha - with_two._budget.log_alpha) == pytest.approx(9 / 7)
    assert raised(with_two, noise(1500, seed=1)) == []


def test_adwin_is_read_as_river_has_it() -> None:
    """The mean of its window in standard errors, of the elder of two generations."""
    z = np.random.default_rng(0).normal(size=(1300, 1))
    z[700:] += 2.0
    ours = RiverStatistic(parse("river.drift.ADWIN"), 1)
    for t, row in enumerate(z):
        value = ours.push(row)
        first = max(t // 512 - 1, 0) * 512
        if t % 100 == 99:
            theirs = ADWIN()
            for number in z[first : t + 1, 0].astype(np.float32).tolist():
                theirs.update(number)
            assert value == pytest.approx(abs(theirs.estimation) * np.sqrt(theirs.width))


def test_page_hinkley_is_read_as_by_hand() -> None:
    """Sum minus its minimum, maximum minus sum; it has no public name in river."""
    z = np.random.default_rng(1).normal(size=200).astype(np.float32)
    ours = RiverStatistic(parse({"class": "river.drift.PageHinkley", "delta": 0.5}), 1)
    up = down = lowest = mean = 0.0
    lowest, highest = np.inf, -1.0
    keep = PageHinkley().alpha
    for t, number in enumerate(z.tolist()):
        mean += (number - mean) / (t + 1)
        up = keep * up + number - mean - 0.5
        down = keep * down + number - mean + 0.5
        lowest, highest = min(lowest, up), max(highest, down)
        assert ours.push(np.array([number])) == pytest.approx(max(up - lowest, highest - down))


def test_kswin_is_read_as_river_has_it() -> None:
    """Minus log of its p-value, from a full window on."""
    z = np.random.default_rng(2).normal(size=130).astype(np.float32)
    ours, theirs = RiverStatistic(parse(SLOW), 1), KSWIN(alpha=0.0, seed=0)
    for t, number in enumerate(z.tolist()):
        value = ours.push(np.array([number]))
        theirs.update(number)
        assert np.isnan(value) == (t < 99)
        if t >= 99:
            assert value == pytest.approx(-np.log(theirs.p_value))


def test_half_space_trees_see_what_was_learned_only() -> None:
    """Features between 0 and 1, a moving mean of minus the log of what the score leaves to 1."""
    z = np.random.default_rng(3).normal(size=(320, 2)).astype(np.float32)
    ours, theirs = RiverStatistic(parse(NAMES[0]), 2), HalfSpaceTrees(seed=0)
    mean = 0.0
    for t, row in enumerate(z):
        value = ours.push(row.astype(np.float64))
        x = dict(enumerate((1.0 / (1.0 + np.exp(-row.astype(np.float64)))).tolist()))
        if t >= 250:
            score = -np.log(1.0 - theirs.score_one(x))
            mean += (score - mean) / min(t - 249, 8)
            assert value == pytest.approx(mean, nan_ok=True) or t < 253
        else:
            assert np.isnan(value)
        if t < 300:  # an alarm begins: rows are judged, and not learned
            ours.learn()
            theirs.learn_one(x)


def test_parameters_are_rivers_but_for_its_own_thresholds() -> None:
    """What is set is used; a threshold that is not set makes no detector begin anew."""
    assert parse("river.drift.PageHinkley").make().threshold == np.inf
    assert parse({"class": "river.drift.PageHinkley", "threshold": 9.0}).make().threshold == 9.0
    assert parse("river.drift.ADWIN").make().delta == ADWIN().delta
    assert parse({"class": SLOW, "alpha": 0.01, "stat_size": 20}).make(3).seed == 3
    assert parse({"class": SLOW, "seed": 7}).make(3).seed == 7


def everything(one: Trigger) -> str:
    """What the engine reads of a trigger."""
    told = (one.drift_detected, one.alarm, one.rebaselined, one.onset_rows, one.statistic_name)
    return repr((*told, one.statistics, one.thresholds, one.scores, one.onset_interval))


def awkward(rows: int, seed: int = 7) -> FloatArray:
    """Noise with missing cells, a constant, rows without anything, and a fault that passes."""
    x = noise(rows, n=5, seed=seed)
    x[:, 4] = 3.0
    x[np.random.default_rng(seed).random(x.shape) < 0.15] = np.nan
    x[60:63] = np.nan
    x[rows // 2 : rows // 2 + 25, :3] += 40.0
    x[-5:, 4] = 9.0
    return x


@pytest.mark.parametrize("name", NAMES)
def test_restored_continues_identically(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any row on: in the first generation, in an alarm, where one follows another."""
    small = {
        "river.anomaly.HalfSpaceTrees": {"window_size": 64, "height": 5},
        "river.anomaly.LODA": {"n_random_cuts": 10},
        SLOW: {"window_size": 40, "stat_size": 15},
    }
    setting = {"class": name, **small.get(name, {})}
    short = {key: entry._replace(rows=1 + entry.rows // 12) for key, entry in CATALOGUE.items()}
    monkeypatch.setattr("detectors.statistics.river_catalogue.CATALOGUE", short)
    x = awkward(170 if name == SLOW else 260)
    whole = trigger(setting, n=4, alone=False)
    cuts = set(np.linspace(1, len(x) - 2, 9, dtype=int).tolist()) | {len(x) // 2 + 3}
    running: list[Trigger] = []
    for t, full in enumerate(x):
        row = full[:4] if t < 50 else full  # the constant comes later
        if t == 50:
            for one in (whole, *running):
                one.select(appended(4, 5))
        for one in (whole, *running):
            one.update(row)
        told = everything(whole)
        assert all(everything(one) == told for one in running)
        if t in cuts:
            restored = trigger(setting, n=len(row), alone=False)
            restored.load_state_dict(whole.state_dict())
            assert everything(restored) == told
            running = [*running[-2:], restored]


@pytest.mark.parametrize("name", NAMES)
def test_memory_is_bounded(name: str) -> None:
    """Two generations of rows are kept, whatever comes."""
    one = RiverStatistic(parse(name), 2)
    most = 0
    for row in np.random.default_rng(0).normal(size=(230 if name == SLOW else 1600, 2)):
        one.push(row)
        one.learn()
        most = max(most, len(one._rows))
        assert len(one._generations) <= 2

    assert most == 2 * one._life


@pytest.mark.parametrize("name", NAMES)
def test_nothing_and_constants_say_nothing(name: str) -> None:
    """Rows without a cell, and series that never move, raise no alarm."""
    x = np.full((400, 3), np.nan)
    one = trigger(name, n=3)
    assert raised(one, x) == []
    assert np.isnan(one.statistic)
    x = np.full((300, 3), 7.0)
    assert raised(trigger(name, n=3), x) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_series_is_of_no_importance(name: str) -> None:
    """But for what river draws at random."""
    x = noise(400, seed=11)
    one, other = RiverStatistic(parse(name), 4), RiverStatistic(parse(name), 4)
    ours, theirs = [], []
    for row in x[:150] if name == SLOW else x:
        ours.append(one.push(row))
        theirs.append(other.push(row[::-1].copy()))
        one.learn()
        other.learn()

    assert np.isfinite(ours).sum() == np.isfinite(theirs).sum() > 0
    if CATALOGUE[name].per_series and name != SLOW:
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_what_is_accepted_is_forgotten_by_drift_detectors() -> None:
    """After a new normal, and after an alarm that another statistic raised, they begin anew."""
    x = noise(900, seed=13)
    x[600:] += 60.0
    one = trigger("river.drift.ADWIN", alone=False)
    for row in x:
        one.update(row)
        if one.rebaselined:
            break

    further: Any = one._row_statistics.further[0]
    assert further._rows == []
    assert raised(one, x[-200:]) == []


def test_other_statistics_in_a_saved_state() -> None:
    """One that is added or has other parameters warms up; one that is gone is gone."""
    x = noise(900, seed=17)
    old = trigger("river.drift.ADWIN", NAMES[0], alone=False)
    raised(old, x)
    state = old.state_dict()
    for settings in (
        [],
        ["river.drift.ADWIN"],
        [NAMES[0], {"class": "river.drift.ADWIN", "delta": 0.01}, "river.drift.PageHinkley"],
    ):
        new = trigger(*settings, alone=False)
        new.load_state_dict(fitted_to(state, new.state_dict()))
        kept = {
            name: (float(statistic), float(onset))
            for name, statistic, onset in zip(
                old.names[:-1], old.statistics, old._tail.onset, strict=False
            )
        }
        for name, statistic, onset in zip(
            new.names[:-1], new.statistics, new._tail.onset, strict=False
        ):
            changed = name == "river.drift.ADWIN" and len(settings) == 3
            if name in kept and not changed:
                np.testing.assert_equal((float(statistic), float(onset)), kept[name])
            else:
                assert np.isnan(onset)
        assert new.learned_rows == 900
        assert raised(new, noise(60, seed=18)) == []


def test_too_many_series() -> None:
    """Where it would be too slow it says so, and what to do."""
    with pytest.raises(
        ValueError, match=r"`river.drift.KSWIN` requires at most 300 .* take it out"
    ):
        RiverStatistic(parse(SLOW), 301)
    one = RiverStatistic(parse(SLOW), 2)
    with pytest.raises(ValueError, match="at most 300 series, got 400"):
        one.select(appended(2, 400))


@pytest.mark.parametrize(
    ("setting", "rule"),
    [
        ("river.drift.Adwin", "a class out of {all} expected (did you mean `river.drift.ADWIN`?)"),
        ("os.system", "a class out of {all} expected"),
        ({"delta": 0.1}, "a class out of {all} expected"),
        (
            {"class": SLOW, "alhpa": 0.1},
            (
                "parameters of river.drift.KSWIN out of alpha, window_size, stat_size, seed "
                "expected (did you mean `alpha`?)"
            ),
        ),
        ({"class": SLOW, "alpha": "x"}, "a number expected as alpha of river.drift.KSWIN"),
        ({"class": SLOW, "alpha": float("nan")}, "a number expected as alpha of river.drift.KSWIN"),
        (
            {"class": SLOW, "alpha": 3.0},
            ("parameters that river.drift.KSWIN takes expected (Alpha must be between 0 and 1.)"),
        ),
        (
            {"class": SLOW, "window_size": 50},
            (
                "parameters that river.drift.KSWIN takes expected "
                "(Sample larger than population or is negative)"
            ),
        ),
        (
            {"class": "river.drift.ADWIN", "clock": 0},
            "a whole number of 1..2147483647 expected as clock of river.drift.ADWIN",
        ),
        (
            {"class": NAMES[0], "height": 30},
            "a whole number of 1..10 expected as height of river.anomaly.HalfSpaceTrees",
        ),
        (
            {"class": "river.drift.PageHinkley", "mode": 1},
            "text expected as mode of river.drift.PageHinkley",
        ),
    ],
)
def test_what_cannot_be_used_is_told(setting: dict[str, Any] | str, rule: str) -> None:
    """Place and rule of every wrong setting; the value stands beside them."""
    assert [(0, rule.format(all=", ".join(NAMES)))] == list(problems([setting]))


def test_every_detector_once() -> None:
    """Two of one class would have one name."""
    assert list(problems(["river.drift.ADWIN", {"class": "river.drift.ADWIN"}])) == [
        (1, "river.drift.ADWIN once expected")
    ]
    assert list(problems(NAMES)) == []


def test_river_is_imported_when_it_is_asked_for() -> None:
    """A daemon that does not use it starts without it."""
    code = "import sys, coral.engine, coral.daemon.daemon; sys.exit('river' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
