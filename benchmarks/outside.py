"""What being seen costs: the notes of a row, a snapshot of many systems, and an answer.

CPU time of this process, so that what else the machine does shows little.
"""

import json
import time
from collections.abc import Callable

import numpy as np
from common import finish, options

from coral.config import SystemConfig
from coral.daemon.reporter import Reporter
from coral.engine import Engine
from coral.http.board import Board
from coral.http.metrics import Exposition
from coral.settings import load
from streams.align.aligner import Aligner
from streams.clock import SystemClock
from streams.memory.broker import MemoryBroker, MemorySink, MemorySource
from streams.processing.dead_letters import DeadLetterPolicy, DeadLetters
from streams.processing.loop import Loop
from streams.records import Decoded, Frame, Record, Samples

SERIES = 50
WARM = 2_000
NAMES = tuple(f"service{i // 5}:m{i % 5}" for i in range(SERIES))
TOPIC = "metrics"


def us(work: Callable[[int], object], count: int) -> float:
    """Return the CPU microseconds of one call, of so many."""
    start = time.process_time()
    for n in range(count):
        work(n)
    return 1e6 * (time.process_time() - start) / count


def step_us(rows: int) -> float:
    """Return what one row through a warm engine costs."""
    engine = Engine(SystemConfig(name="s", interval_s=1.0))
    x = np.random.default_rng(0).normal(size=(WARM + rows, SERIES))

    def step(t: int) -> None:
        engine.step(Frame("s", float(t), NAMES, x[t]))

    us(step, WARM)
    return us(lambda n: step(WARM + n), rows)


def notes_us(rows: int) -> float:
    """Return what it costs to note a row: the beat, when it was, what decoding and engine took.

    And what the timeline of an incident would show of it: two health signals, gaps, the trigger.
    """
    clock, settings = SystemClock(), load(flags=[f"systems.s.kpi={json.dumps(NAMES[:2])}"]).settings
    board = Board(clock, 0)
    reporter = Reporter(board, settings, clock)
    frame = Frame("s", 1.0, NAMES, np.ones(SERIES))
    engine = Engine(SystemConfig(name="s", interval_s=1.0))
    for t, x in enumerate(np.random.default_rng(0).normal(size=(WARM, SERIES))):
        engine.step(Frame("s", float(t), NAMES, x))

    def note(_: int) -> None:
        board.beat()
        begun = clock.monotonic()
        reporter.decode.add(clock.monotonic() - begun)
        begun = clock.monotonic()
        now = clock.monotonic()
        reporter.stepped(frame, "watching", now, now - begun, engine.trigger)

    return us(note, rows)


def of_many(systems: int) -> tuple[float, float]:
    """Return the CPU milliseconds of a snapshot of so many systems, and of `/metrics` from it."""
    clock, settings = SystemClock(), load().settings
    broker = MemoryBroker(clock)
    broker.create_topic(TOPIC)
    board = Board(clock, 0)
    reporter = Reporter(board, settings, clock)
    source = MemorySource(broker, [TOPIC], "g", clock)
    letters = DeadLetters(DeadLetterPolicy(), clock)
    loop = Loop(
        source,
        MemorySink(broker),
        lambda _: Decoded([]),
        lambda _: [],
        lambda _: Aligner(1.0),
        clock,
    )
    engines = {}
    for n in range(systems):
        name, record = f"s{n:05}", Record(TOPIC, 0, n, None, b"")
        loop.systems.push(Samples(name, 1.0, NAMES, np.ones(SERIES)), record)
        engines[name] = Engine(SystemConfig(name=name, interval_s=1.0))
        frame = Frame(name, 1.0, NAMES, np.ones(SERIES))
        engines[name].step(frame)
        reporter.stepped(frame, engines[name].phase, clock.monotonic(), 0.0)

    def publish(_: int) -> None:
        reporter._due = 0.0  # noqa: SLF001 - at once
        reporter.polled(loop, engines, letters, source.lag, failed=0)

    exposition = Exposition(board)
    publish(0)
    return us(publish, 20) / 1e3, us(lambda _: exposition.written(""), 20) / 1e3


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "").parse_args()
    rows = 2_000 if chosen.quick else 20_000
    figures = {"step_us": step_us(rows), "notes_us": notes_us(10 * rows)}
    figures["notes_share"] = figures["notes_us"] / figures["step_us"]
    for systems in (100, 1000):
        snapshot, metrics = of_many(systems)
        figures |= {f"snapshot_ms_{systems}": snapshot, f"metrics_ms_{systems}": metrics}
    finish(chosen, figures)


if __name__ == "__main__":
    main()
