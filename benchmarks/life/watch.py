"""CORAL's engine through one life, by the real aligner: what it opened, said and cost."""

import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.checkpoint import capture
from coral.checkpoint.envelope import encode
from coral.config import EngineConfig, SystemConfig
from coral.contract.changes import ChangeEvent
from coral.contract.events import Event
from coral.engine import Engine
from detectors.places import places, take
from life.arrivals import WEEK_S
from life.frames import samples
from life.opened import Answer, Opened
from life.series import EPOCH, Column
from life.topology import CONFIGURED_EDGES, KPI
from life.world import SYSTEM, World
from streams.align.aligner import Aligner
from streams.processing.systems import Systems
from streams.records import Record, TopicPartition

__all__ = ["Week", "configured", "watch"]

PARTITION = TopicPartition("coral.metrics.v1", 0)
ALIVE_ROWS = 64  # a series that had a value in so many rows is alive


class _Spent(NamedTuple):
    """What a week took so far, and when each series last had a value."""

    rows: int
    cpu_s: float
    offset: int
    newest: NDArray[np.float64]


class Week(NamedTuple):
    """What a week of life cost.

    `cpu_s` is CPU time of aligner and engine, and of making their samples (some hundredths of a
    millisecond a row), `rss_mb` resident memory beyond that before the first row, `checkpoint_mb`
    the state of the whole system at the end of the week.
    """

    rows: int
    cpu_s: float
    rss_mb: float
    checkpoint_mb: float
    series_known: int
    series_alive: int
    refused: int


def configured(interval_s: float) -> SystemConfig:
    """Return the system as a user would write it: health signals and topology, no more."""
    return SystemConfig(name=SYSTEM, interval_s=interval_s, kpi=KPI, edges=CONFIGURED_EDGES)


def watch(
    world: World, columns: list[Column], changes: Sequence[ChangeEvent] = ()
) -> tuple[list[Opened], list[Week]]:
    """Return what the shipped engine opened in a life, and what every week of it cost.

    Parameters
    ----------
    world : World
    columns : list of Column
    changes : sequence of ChangeEvent
        What it is told of meanwhile, by time.
    """
    coming = deque(changes)
    # One collector may be an interval late: whoever runs it would allow for that.
    systems = Systems(lambda _: Aligner(world.interval_s, lateness_s=world.interval_s), 1)
    engine = Engine(configured(world.interval_s), EngineConfig())
    opened: dict[str, Opened] = {}
    weeks: list[Week] = []
    rows, offset, newest = 0, 0, np.zeros(0)
    names: tuple[str, ...] = ()
    before, start = _rss_mb(), time.process_time()

    def week() -> Week:
        spent = _Spent(rows, time.process_time() - start, offset, newest)
        return _week(world, systems, engine, spent)

    for offset, sent in enumerate(samples(world, columns), 1):
        for frame in systems.push(sent, Record(*PARTITION, offset, b"", b"")):
            now = float(frame.time) - EPOCH
            while coming and coming[0].time <= frame.time:
                engine.note(coming.popleft())
            for event in engine.step(frame):
                note(opened, event, now)
            rows += 1
            if frame.names != names:
                index = places(frame.names, names)
                names, newest = frame.names, take(newest, index, (0,), -np.inf)
            newest[np.isfinite(frame.values)] = now
            if (now + world.interval_s) // WEEK_S > len(weeks):
                weeks.append(week())
                rows, start = 0, time.process_time()
    if rows:
        weeks.append(week())
    return list(opened.values()), [w._replace(rss_mb=round(w.rss_mb - before, 1)) for w in weeks]


def note(opened: dict[str, Opened], event: Event, now: float) -> None:
    """Write down what an event says; `now` is s since the life began."""
    data = event.data
    held = opened.get(data.incident)
    if held is None:
        trigger = data.trigger
        held = Opened(
            incident=data.incident,
            source=trigger.source,
            channel=trigger.channel or "",
            series=tuple(trigger.series),
            opened=now,
        )
    if held.felt is None and data.kind == "incident":
        held = held._replace(felt=now)
    if data.resolution is not None:
        held = held._replace(closed=now, resolution=data.resolution)
    else:
        top = tuple(entity.name for entity in data.entities[:5])
        answer = Answer(now, top, data.tier, data.convergence.converged)
        held = held._replace(answers=(*held.answers, answer))
    opened[data.incident] = held


def _week(world: World, systems: Systems, engine: Engine, spent: _Spent) -> Week:
    state = capture({PARTITION: spent.offset}, systems, {SYSTEM: engine})[PARTITION]
    since = spent.newest.max() - ALIVE_ROWS * world.interval_s
    return Week(
        rows=spent.rows,
        cpu_s=round(spent.cpu_s, 2),
        rss_mb=_rss_mb(),
        checkpoint_mb=round(len(encode("k", state)) / 1e6, 2),
        series_known=len(spent.newest),
        series_alive=int(np.sum(spent.newest > since)),
        refused=systems.aligners[SYSTEM].refused,
    )


def _rss_mb() -> float:
    """Return the resident memory of this process now, MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024
