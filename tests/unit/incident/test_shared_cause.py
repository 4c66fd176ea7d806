"""Two callers that move together may have a callee in common that shows nothing."""

import numpy as np
import pytest

from coral.config import SystemConfig
from coral.contract.events import Incident
from coral.engine import Engine
from streams.records import Frame

ONSET, ROWS = 300, 340
SERVICES = ("web", "cart", "orders", "db")
NAMES = tuple(f"{name}:{metric}" for name in SERVICES for metric in ("latency_p95", "cpu"))


def answer(slow: dict[str, float], *edges: tuple[str, str]) -> Incident:
    """Return the last answer when latencies of services rise by so many scales."""
    x = 10.0 + np.random.default_rng(4).normal(size=(ROWS, len(NAMES)))
    for name, scales in slow.items():
        x[ONSET:, NAMES.index(f"{name}:latency_p95")] += scales
    config = SystemConfig(
        name="shop", interval_s=5.0, kpi=("web:latency_p95",), edges=(("web", "cart"), *edges)
    )
    engine = Engine(config, onset=5.0 * ONSET)
    rows = (Frame("shop", 5.0 * t, NAMES, row) for t, row in enumerate(x))
    return [event for frame in rows for event in engine.step(frame)][-1].data


def test_two_callers_of_a_silent_callee_are_possible_each() -> None:
    """It is said which callee it could be."""
    data = answer(
        {"web": 20.0, "cart": 30.0, "orders": 24.0},
        *(("web", "orders"), ("cart", "db"), ("orders", "db")),
    )
    first, second = (cause.entity for cause in data.causes[:2])

    assert {"cart", "orders"} == {first, second}
    assert "possible" == data.tier
    sentence = f"`{second}` moved too, and both depend on `db`: it could be that one"
    assert sentence in data.causes[0].evidence_against


@pytest.mark.parametrize(
    ("slow", "edges"),
    [
        ({"web": 20.0, "cart": 30.0}, (("web", "orders"), ("cart", "db"), ("orders", "db"))),
        ({"web": 20.0, "cart": 30.0, "orders": 24.0}, (("web", "orders"), ("cart", "db"))),
    ],
    ids=["one moved", "nothing in common"],
)
def test_without_a_shared_callee_nothing_is_said(
    slow: dict[str, float], edges: tuple[tuple[str, str], ...]
) -> None:
    """One caller alone, or callers of different services, accuse no third one."""
    data = answer(slow, *edges)

    assert ("cart", "likely") == (data.causes[0].entity, data.tier)
    assert not any("both depend on" in one for one in data.causes[0].evidence_against)
