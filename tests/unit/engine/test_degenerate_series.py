"""Series that hardly vary, or hardly ever come: healthy systems in which nothing is raised."""

import numpy as np
import pytest
from typed import FloatArray

from coral.config import SystemConfig
from coral.contract.events import Event
from coral.engine import Engine
from streams.records import Frame

NAMES = ("web:latency_p95", "web:cpu", "db:cpu", "backup:bytes_per_s", "backup:cpu")
LEVELS, NOISE = (0.08, 40.0, 20.0, 900.0, 55.0), (0.005, 2.0, 0.7, 50.0, 4.0)


def watched(rows: FloatArray, interval_s: float) -> tuple[Engine, list[Event]]:
    """Let an engine without any health signal watch: everything that it raises pages."""
    engine, events = Engine(SystemConfig(name="shop", interval_s=interval_s)), list[Event]()
    names = NAMES if rows.shape[1] == len(NAMES) else tuple(f"e{j}:x" for j in range(rows.shape[1]))
    for t, x in enumerate(rows):
        events += engine.step(Frame("shop", interval_s * t, names, x))
    return engine, events


@pytest.mark.parametrize("seed", range(11))
def test_a_job_now_and_then_is_no_incident(seed: int) -> None:
    """A backup that runs, and sends, for three minutes every two hours raises nothing in 8 h."""
    noise = np.random.default_rng(seed).normal(size=(960, len(NAMES)))
    rows = np.array(LEVELS) + np.array(NOISE) * noise
    rows[np.arange(len(rows)) * 30 % 7200 >= 180, 3:] = np.nan
    _, events = watched(rows, 30.0)

    assert [] == events


@pytest.mark.parametrize("size", [0.0, 1e-16, 1e-9, 2e-6])
def test_what_hardly_varies_has_limits_that_mean_something(size: float) -> None:
    """Changes below what is printed raise nothing, and no limit is next to nothing."""
    noise = np.random.default_rng(2).normal(size=(700, 4))
    engine, events = watched(50_171.2 * (1.0 + size * noise), 10.0)
    trigger = engine.trigger
    assert trigger is not None
    limits = trigger.thresholds[np.isfinite(trigger.thresholds)]

    assert [] == events
    assert limits.size
    assert limits.min() >= 0.1
