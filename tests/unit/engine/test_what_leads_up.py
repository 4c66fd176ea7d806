"""A cause that works slowly is looked back to from the health signal that it makes move."""

import datetime as dt

import numpy as np
from makers import NAMES, ONSET, shop_config, shop_rows

from coral.engine import Engine
from detectors.policy import TriggerPolicy
from streams.records import Frame

FELT = ONSET + 14


def test_a_disk_that_fills_for_longer_than_a_lead() -> None:
    """None of its rows is normal, and it comes before what moves with the health signal."""
    x = shop_rows(seed=1, fault=None)
    disk, latency, cpu = (NAMES.index(n) for n in ("db:disk_io", "web:latency_p95", "cart:cpu"))
    spread = x[:ONSET].std(axis=0)
    x[ONSET:, disk] += 4.0 * spread[disk] * np.minimum(np.arange(1, len(x) - ONSET + 1), 15)
    x[FELT:, [latency, cpu]] += 30.0 * spread[[latency, cpu]]
    engine = Engine(shop_config(), trigger=TriggerPolicy(warmup_rows=10**6))  # hears nothing else
    events = [
        e for t, row in enumerate(x) for e in engine.step(Frame("shop", float(t), NAMES, row))
    ]
    felt = events[0].data
    first, last = (dt.datetime.fromisoformat(t).timestamp() for t in felt.trigger.onset_interval)

    assert "health" == felt.trigger.source
    assert ONSET <= first <= ONSET + 7  # a ramp is dated by the step that is most like it
    assert FELT == last
    assert FELT - first < felt.rows
    assert felt.base_rows <= ONSET + 1
    assert "db" == felt.causes[0].entity
