"""A hundred thousand rows of life: regimes, renamed series, hostile names, a fault at the end.

At a row a minute ten weeks. A mutation that fits a subspace once, keeps names for ever, or lets the
last regime's tails stand, fails here.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from typed import FloatArray

from coral.checkpoint import envelope
from coral.checkpoint.snapshot import capture
from coral.config import SystemConfig
from coral.contract.events import Event
from coral.engine import Engine
from streams.align.aligner import Aligner
from streams.errors import DecodeError
from streams.processing.systems import Systems
from streams.records import Record, Samples, TopicPartition

ROWS, REGIME, DAY = 100_000, 20_000, 1440
RENAMED_EVERY = DAY // 10
FAULT = 97_000
SERVICES = ("gateway", "orders", "payment", "catalog", "postgres")
METRICS = ("latency", "cpu", "memory", "requests")
EDGES = (
    ("orders", "gateway"),
    ("catalog", "gateway"),
    ("payment", "orders"),
    ("postgres", "orders"),
)
HOME = TopicPartition("metrics", 0)


def lives() -> Iterator[tuple[int, tuple[str, ...], FloatArray]]:
    """Rows of twenty series that live on, and of ten that get another name in turn."""
    rng = np.random.default_rng(7)
    fixed = [f"{service}:{metric}" for service in SERVICES for metric in METRICS]
    loading = np.zeros((3, len(fixed) + 10))
    center = np.full(len(fixed) + 10, 50.0)
    serial = 0
    pods = [f"{SERVICES[i % 5]}-pod{i}-{i}:cpu" for i in range(10)]
    names = (*fixed, *pods)
    for t in range(ROWS):
        if t % REGIME == 0:
            # Another release: other levels, other relations between the series.
            loading = rng.normal(size=(3, len(names)))
            center = center + rng.normal(0.0, 5.0, size=len(names))
        if t % RENAMED_EVERY == RENAMED_EVERY - 1:
            serial += 1
            pods[serial % 10] = f"{SERVICES[serial % 5]}-pod{serial % 10}-{serial + 10}:cpu"
            names = (*fixed, *pods)
        hours = np.sin(2.0 * np.pi * t / DAY + np.arange(3))
        x = center + hours @ loading + rng.normal(size=len(names))
        if t >= FAULT:
            for name, size in (("payment:cpu", 90.0), ("payment:latency", 80.0)):
                x[fixed.index(name)] += size
            for name, size in (("orders:latency", 60.0), ("gateway:latency", 60.0)):
                x[fixed.index(name)] += size if t > FAULT else 0.0
        yield t, names, x


class Life:
    """One life, lived once for all tests."""

    def __init__(self) -> None:
        self.engine = Engine(
            SystemConfig(name="shop", interval_s=60.0, kpi=("gateway:latency",), edges=EDGES)
        )
        self.events: list[tuple[int, Event]] = []
        self.sizes: list[int] = []
        self.widths: list[int] = []
        self.energy: list[float] = []
        self.missing = self.refused = 0
        self.systems = Systems(lambda _: Aligner(60.0), 10, {"shop"})
        for t, names, x in lives():
            if t % 500 == 0:
                self.junk(t)
            time = 60.0 * t
            for frame in self.systems.push(Samples("shop", time, names, x), self.record(t)):
                self.events += [(t, event) for event in self.engine.step(frame)]
                self.missing += int(np.isfinite(frame.values).sum() != len(names))
            if t % REGIME == REGIME - 1 and t < FAULT:
                self.look(t)
            if t >= FAULT + 40:
                break

    def record(self, t: int) -> Record:
        return Record(*HOME, t, None, b"")

    def junk(self, t: int) -> None:
        """A flood of system names."""
        for i in range(5):
            name = f"junk-{t}-{i}\u202e<script>"
            try:
                self.systems.push(Samples(name, 60.0 * t, ("a:x",), np.ones(1)), self.record(t))
            except DecodeError:
                self.refused += 1

    def look(self, t: int) -> None:
        """Note how large everything is, and how well the present regime is known."""
        state = capture({HOME: t}, self.systems, {"shop": self.engine})[HOME]
        self.sizes.append(len(envelope.encode("k", state)))
        self.widths.append(len(self.systems.aligners["shop"].series))
        trigger: Any = self.engine.trigger
        space = trigger._row_statistics._dynamic_pca
        lagged = space._lagged
        outside = lagged - space._basis @ (space._basis.T @ lagged)
        self.energy.append(float(outside @ outside / (lagged @ lagged)))


@pytest.fixture(scope="module")
def life() -> Life:
    return Life()


def test_no_frame_is_empty(life: Life) -> None:
    """Every value that was sent is in a frame, whatever its name, to the end."""
    assert life.missing == 0


def test_nothing_grows(life: Life) -> None:
    """Names, systems and checkpoint are as large at the end as in the first regime."""
    assert max(life.widths) <= 2 * 30
    assert max(life.sizes) <= 1.15 * life.sizes[0]
    assert len(life.systems.aligners) <= 11


def test_the_present_regime_is_known(life: Life) -> None:
    """What the common space leaves of a row is as little in the last regime as in the first."""
    assert max(life.energy) <= 1.5 * life.energy[0]


def test_a_fault_in_the_last_tenth_is_found_and_named(life: Life) -> None:
    """Within three rows, and the service it began in comes first."""
    found = [(t, event.data) for t, event in life.events if t >= FAULT]
    felt = [t for t, data in found if data.kind == "incident"]
    assert found[0][0] - FAULT <= 3
    assert felt[0] - FAULT <= 4
    assert found[-1][1].causes[0].entity == "payment"


def test_a_regime_pages_once_at_most(life: Life) -> None:
    """A release is one change, or one incident where users feel it; between them nothing pages."""
    paged = [
        t for t, event in life.events if "opened" in event.type and event.data.kind == "incident"
    ]
    assert len([t for t in paged if t < FAULT]) <= ROWS // REGIME
