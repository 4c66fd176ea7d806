"""The line about parts of records that could not be used."""

from collections.abc import MutableMapping
from typing import Any

from coral.daemon.left_out_log import LeftOutLog
from streams.clock import ManualClock
from streams.processing.left_out import LeftOut
from streams.records import EMPTY, Problem


def test_a_sum_once_a_minute(logged: list[MutableMapping[str, Any]]) -> None:
    """Reasons, the metrics with most of it, the newest; nothing while nothing came."""
    clock, counts = ManualClock(0.0), LeftOut()
    log = LeftOutLog(clock)
    log.polled(counts)
    counts.count([Problem("labels", "disk.io", "a[0]", "no entity")] * 3 + [EMPTY])
    for _ in range(3):
        log.polled(counts)
    counts.count([EMPTY])
    log.polled(counts)
    clock.advance(60.0)
    log.polled(counts)
    log.report(counts)

    first, second = logged
    assert {"labels": 3, "empty": 1} == first["reasons"]
    assert ["disk.io (labels) 3"] == first["most"]
    assert (4, 5) == (first["parts"], second["parts"])
    assert "$: a payload expected, got none" == second["newest"]
