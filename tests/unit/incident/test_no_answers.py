"""A latency of exactly zero where it usually is not: nothing was answered."""

import numpy as np
import pytest
from numpy.typing import NDArray

from coral.config import SystemConfig
from coral.incident.health_signals import HealthSignals

LATENCY, ERRORS = "web:latency_p95", "web:errors"


def pages(signal: str, readings: NDArray[np.float64]) -> list[int]:
    """Return the rows in which a signal begins to be felt, while another series reports."""
    health = HealthSignals(SystemConfig(name="shop", interval_s=1.0, kpi=(signal,)), per_week=1.0)
    health.follow((signal, "db:cpu"))
    paged = []
    for row, value in enumerate(readings):
        health.update(float(row), np.array([value, 1.0]), learn=not health.alarm)
        if health.paged is not None:
            paged.append(row)
    return paged


def answered(rows: int) -> NDArray[np.float64]:
    """Return latencies of a service that answers, ms."""
    return np.asarray(100.0 + 10.0 * np.random.default_rng(0).normal(size=rows))


@pytest.mark.parametrize("before", [0, 10])
def test_nothing_is_answered_any_more(before: int) -> None:
    readings = np.concatenate([np.zeros(before), answered(40), np.zeros(20), answered(20)])
    assert pages(LATENCY, readings) == [before + 42]


def test_a_service_that_answers_now_and_then() -> None:
    readings = answered(200)
    readings[np.random.default_rng(1).random(200) < 0.4] = 0.0
    assert pages(LATENCY, np.append(readings, np.zeros(20))) == []


def test_a_latency_too_short_to_be_measured() -> None:
    assert pages(LATENCY, np.append(np.zeros(60), answered(5))) == [61]


def test_no_errors_are_no_silence() -> None:
    assert pages(ERRORS, np.append(answered(40), np.zeros(20))) == []
