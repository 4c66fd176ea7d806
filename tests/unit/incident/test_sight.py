"""What could be noticed of a system, in words."""

import numpy as np
import pytest
from makers import NAMES, shop_config, shop_rows, unfelt_rows
from typed import FloatArray, there

from coral.config import SystemConfig
from coral.engine import Engine
from coral.incident.health_signals import HealthSignals, SignalLimit
from streams.records import Frame


def engine_after(rows: FloatArray, config: SystemConfig, names: tuple[str, ...] = NAMES) -> Engine:
    """An engine that has taken rows."""
    engine = Engine(config)
    for t, x in enumerate(rows):
        engine.step(Frame("shop", float(t), names, x))
    return engine


def health_after(values: list[float], name: str = "web:latency") -> HealthSignals:
    """One health signal that has taken values."""
    health = HealthSignals(SystemConfig(name="s", interval_s=1.0, kpi=(name,)), 1.0)
    health.follow([name])
    for t, value in enumerate(values):
        health.update(float(t), np.array([value]), learn=True)
    return health


def test_the_limit_of_a_health_signal_is_where_two_readings_page() -> None:
    """A little less pages with two readings not, a little more does."""
    values = [0.1 + 0.01 * np.sin(3.7 * t) for t in range(60)]
    limit = health_after(values).limits["web:latency"]

    assert limit.level == pytest.approx(0.1, abs=0.005)
    for factor, felt in ((0.98, False), (1.02, True)):
        reading = limit.level + factor * (limit.value - limit.level)
        assert felt == health_after([*values, reading, 1.0001 * reading]).alarm


def test_a_signal_at_rest_is_felt_when_it_moves() -> None:
    """An error counter that has been zero for long enough; a signal where less is worse."""
    resting = health_after([0.0] * 60, "web:errors_per_s")

    assert {"web:errors_per_s": SignalLimit(0.0, 0.0)} == resting.limits
    assert {} == health_after([0.0] * 40, "web:errors_per_s").limits
    hits = health_after([0.9 + 0.001 * (t % 7) for t in range(60)], "db:success_ratio")
    limit = hits.limits["db:success_ratio"]
    assert limit.value < limit.level


def test_readings_that_are_needed_are_counted() -> None:
    """Until a signal is judged."""
    assert {"web:latency": 14} == health_after([0.1 * t for t in range(10)]).readings_needed
    assert {} == health_after([0.1 + 0.01 * (t % 5) for t in range(60)]).readings_needed


def test_pages_beyond_the_budget_ask_for_more_readings() -> None:
    """Two as a rule."""
    health = health_after([0.1 + 0.01 * (t % 5) for t in range(60)])
    assert 2 == health.readings_to_page


def test_the_step_is_about_the_one_that_is_noticed() -> None:
    """Three more series than are said, and a tenth of the size: the sentence is no wild guess."""
    config = shop_config(kpi=(), edges=())
    sight = engine_after(shop_rows(rows=190, fault=None), config).sight()
    (step,) = sight.reach
    size = float(step.split()[3])
    assert "in five series" in step
    for factor, noticed in ((0.1, False), (3.0, True)):
        rows = shop_rows(rows=196, fault=None)
        center = np.median(rows[:190], axis=0)
        scale = 1.4826 * np.median(abs(rows[:190] - center), axis=0)
        rows[190:, 2:7] += factor * size * scale[2:7]
        engine = engine_after(rows, config)
        assert noticed == (there(engine.trigger).alarm)


def test_what_has_never_occurred_is_named_once() -> None:
    """Entities of all edges and of the order, in their order."""
    config = shop_config(
        kpi=("web:gone",),
        edges=(("web", "b"), ("b", "a")),
        forbidden_edges=(("c", "web"),),
        order=("d", "web"),
    )
    sight = engine_after(shop_rows(rows=60, fault=None), config).sight()

    assert (["web:gone"], ["b", "a", "c", "d"]) == (sight.absent_signals, sight.absent_entities)
    assert "no health signal of the configuration has ever occurred: nothing pages" in sight.needed


def test_both_budgets_are_counted() -> None:
    """A change of which no health signal knows counts as a change only."""
    budgets = there(engine_after(unfelt_rows(), shop_config()).sight().budgets)
    changes = there(budgets.changes)

    assert (0, 1.0, "incident") == (
        budgets.pages.alarms,
        budgets.pages.per_week,
        budgets.pages.product,
    )
    assert (1, 2.0, "change") == (changes.alarms, changes.per_week, changes.product)
    everything = there(engine_after(unfelt_rows(), shop_config(kpi=(), edges=())).sight().budgets)
    assert (1, None) == (everything.pages.alarms, everything.changes)


def test_a_given_onset_leaves_nothing_to_notice() -> None:
    """No trigger, no reach, no budget."""
    engine = Engine(shop_config(), onset=500.0)
    engine.step(Frame("shop", 0.0, NAMES, shop_rows(rows=1)[0]))
    sight = engine.sight()
    assert ("watching", [], [], None) == (sight.phase, sight.needed, sight.reach, sight.budgets)


@pytest.mark.parametrize(
    ("traffic", "felt"),
    [
        ("web:requests_per_s", False),
        ("cart:requests_per_s", True),
        ("web:cart_client_requests_per_s", True),
        ("web:http_requests_in_flight", True),
        ("web:http_requests_inprogress", True),
    ],
)
def test_load_is_the_traffic_that_the_entity_of_a_signal_serves(traffic: str, felt: bool) -> None:
    """Not that of another one, nor the calls that it makes, nor what latency makes wait there."""
    names = ("web:latency", traffic)
    health = HealthSignals(SystemConfig(name="s", interval_s=1.0, kpi=names[:1]), 1.0)
    health.follow(names)
    for t in range(66):
        noise, rise = 1.0 + 0.01 * np.sin(3.7 * t), 1.4 if t >= 60 else 1.0
        health.update(float(t), rise * noise * np.array([0.1, 50.0]), learn=True)

    assert felt == health.alarm
