"""A health signal that is away, or zero, in the idle hours of every night."""

import numpy as np
import pytest
from typed import FloatArray

from coral.config import SystemConfig
from coral.engine import Engine
from streams.records import Frame

HOUR, DAY = 3600.0, 86_400.0
OTHERS = ("web:cpu", "cart:latency_p95", "cart:cpu", "db:cpu")


def nights(
    idle: float, begins: tuple[float, ...], interval_s: float = 300.0
) -> tuple[FloatArray, FloatArray]:
    """Times from the first noon on, and rows; at night, from about one to five, nobody is there.

    In the last night users are, at half past two, and something is wrong for an hour.
    """
    rng = np.random.default_rng(0)
    days = len(begins)
    times = np.arange(0.5 * DAY, (days + 0.5) * DAY, interval_s)
    x = np.array([0.1, 0.3, 0.05, 0.2, 0.3]) * (1.0 + 0.05 * rng.normal(size=(len(times), 5)))
    day, hour = np.divmod(times, DAY)
    begin = np.array([0.0, *begins])[day.astype(int)]
    x[(hour / HOUR > begin) & (hour / HOUR < 6.0 - begin), 0] = idle
    wrong = (day == days) & (np.abs(hour / HOUR - 3.0) <= 0.5)
    x[wrong, 0] = 0.6 + 0.01 * rng.normal(size=int(wrong.sum()))
    x[wrong, 2] = 0.4
    return times, x


def paged(signal: str, times: FloatArray, x: FloatArray) -> list[float]:
    """When something began to be felt, hours since the first midnight."""
    edges = (("web", "cart"), ("cart", "db"))
    engine = Engine(
        SystemConfig(name="s", interval_s=float(times[1] - times[0]), kpi=(signal,), edges=edges)
    )
    felt: dict[str, float] = {}
    for time, row in zip(times.tolist(), x, strict=True):
        for event in engine.step(Frame("s", time, (signal, *OTHERS), row)):
            if event.data.kind == "incident":
                felt.setdefault(event.data.incident, time / HOUR)
    return list(felt.values())


@pytest.mark.parametrize(
    ("signal", "idle"),
    [("web:latency_p95", np.nan), ("web:latency_p95", 0.0), ("web:orders_per_minute", 0.0)],
)
def test_what_comes_back_every_night_is_no_news(signal: str, idle: float) -> None:
    """Two nights page; from the third on only what is wrong in one does."""
    times, x = nights(idle, (1.1, 0.9, 1.0, 1.05))
    pages = [divmod(hour, 24.0) for hour in paged(signal, times, x)]

    assert [1.0, 2.0, 4.0] == sorted({day for day, _ in pages})
    assert all(2.5 < hour < 2.9 for day, hour in pages if day == 4.0)
