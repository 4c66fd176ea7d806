"""Series that hardly vary, or hardly ever come: healthy systems in which nothing is raised."""

import numpy as np
import pytest
from typed import BoolArray, FloatArray

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


def sparse(rest: float, rows: int, jobs: int, seed: int) -> tuple[FloatArray, BoolArray]:
    """Return rows with jobs that run for one to five minutes every two hours or so.

    Between their runs two series of each are at rest; and which rows are in the first run of one.
    """
    rng = np.random.default_rng(seed)
    x = np.array(LEVELS[:3]) + np.array(NOISE[:3]) * rng.normal(size=(rows, 3))
    first = np.zeros(rows, dtype=np.bool_)
    columns = [x]
    for _ in range(jobs):
        awake, at = np.zeros(rows, dtype=np.bool_), int(rng.integers(240))
        first[at : at + 30] = True
        while at < rows:
            awake[at : at + int(rng.integers(2, 11))] = True
            at += int(rng.integers(200, 281))
        running = np.array(LEVELS[3:]) + np.array(NOISE[3:]) * rng.normal(size=(rows, 2))
        columns.append(np.where(awake[:, None], running, rest))
    return np.hstack(columns), first


@pytest.mark.parametrize("rest", [0.0, np.nan])
@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_a_job_that_sends_zeros_between_its_runs(rest: float, jobs: int, seed: int) -> None:
    """Its first run may be news; no later one is, and it is never a likely cause."""
    rows, first = sparse(rest, 960, jobs, seed)
    names = [*NAMES[:3], *(f"job{j}:{m}" for j in range(jobs) for m in ("bytes_per_s", "cpu"))]
    engine = Engine(SystemConfig(name="shop", interval_s=30.0))
    events = [
        (t, event.data)
        for t, x in enumerate(rows)
        for event in engine.step(Frame("shop", 30.0 * t, tuple(names), x))
    ]
    blamed = [
        (t, data.tier)
        for t, data in events
        if data.causes and data.causes[0].entity.startswith("job")
    ]
    opened = [
        t for t, data in events if data.revision == 1 and data.trigger.series[0].startswith("job")
    ]

    assert "likely" not in {tier for _, tier in blamed}
    assert all(first[t] for t in opened)


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
