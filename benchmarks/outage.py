"""A shared outage: a hundred systems open an incident each, within a minute, in one daemon loop.

Every system sends a row a second, and each has a second of its own in which its fault begins; once
within a minute, and once all in the same second. What the loop spends on each record, from bytes to
events, is measured in CPU time, and a queue is computed from it: records are taken in the order in
which they come, each when the one before is done. The lag of a row is the time from when it came
until its events are sent. So nothing is slept for, and others on the machine matter little.
Checkpoints, which run beside the loop, are left out.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import copy
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from common import finish, options
from speed import NORMAL_ROWS, names_of, rows_of, system_of

from coral.contract.events import INCIDENTS, message_of
from coral.daemon.warmup import warm
from coral.engine import Engine
from coral.replay.driver import METRICS
from streams.align.aligner import Aligner
from streams.clock import SystemClock
from streams.codec.native import NativeCodec, encode_row
from streams.memory.broker import MemoryBroker, MemorySink, MemorySource
from streams.processing.loop import Loop, LoopPolicy
from streams.records import Frame, Message

SYSTEMS = 100
SERIES = (50, 300)
# Seconds: before the first fault, in which faults begin, and after the last.
BEFORE_S, AFTER_S = 5, 30
SPANS_S = {"minute": 60, "second": 1}


class Row(NamedTuple):
    """One row of one system."""

    came: float  # s since the first
    system: int
    value: bytes


class Queue:
    """Processes records one by one in the loop of the daemon; computes when each would be done."""

    def __init__(self, engines: dict[str, Engine]) -> None:
        self._broker = MemoryBroker()
        for topic in (METRICS, INCIDENTS):
            self._broker.create_topic(topic)
        self.opened = 0
        self._engines = engines
        self._loop = Loop(
            MemorySource(self._broker, [METRICS], "outage"),
            MemorySink(self._broker),
            NativeCodec().decode,
            self._handle,
            lambda _: Aligner(1.0),
            SystemClock(),
            policy=LoopPolicy(max_poll_records=1, poll_timeout_s=0.0),
        )
        self._free = 0.0  # when the loop is done with all that came so far
        self.lags: list[float] = []
        self.spent: list[float] = []

    def take(self, row: Row) -> None:
        """Process a row; note when it would be done."""
        name = f"s{row.system}"
        self._broker.produce(METRICS, name.encode(), row.value)
        start = time.process_time()
        self._loop.run_once()
        spent = time.process_time() - start
        self._free = max(self._free, row.came) + spent
        self.lags.append(self._free - row.came)
        self.spent.append(spent)

    def _handle(self, frame: Frame) -> list[Message]:
        events = self._engines[frame.system].step(frame)
        self.opened += sum(".opened." in event.type for event in events)
        return [message_of(event) for event in events]


def learned(n: int) -> dict[str, Any]:
    """Return the state of an engine that has learned all it ever will, after a first incident."""
    engine, names = Engine(system_of("s", n)), names_of(n)
    for t, x in enumerate(rows_of(n, NORMAL_ROWS)):
        engine.step(Frame("s", float(t), names, x))
    return engine.state_dict()


def engines_of(n: int, systems: int) -> dict[str, Engine]:
    """Return engines with memory of their own that have all learned the same rows."""
    state, engines = learned(n), dict[str, Engine]()
    for name in (f"s{i}" for i in range(systems)):
        engines[name] = Engine(system_of(name, n))
        engines[name].load_state_dict(copy.deepcopy(state) | {"system": name})
    return engines


def rows(n: int, systems: int, span_s: int) -> Iterator[Row]:
    """Yield the rows of all systems in the order in which they come."""
    rng, names = np.random.default_rng(1), names_of(n)
    begins = BEFORE_S + rng.integers(span_s, size=systems)
    for second in range(BEFORE_S + span_s + AFTER_S):
        normal = rows_of(n, systems, seed=1000 + second)
        for system, x in enumerate(normal):
            if second >= begins[system]:
                x[: n // 4] += 60.0
            value = encode_row(f"s{system}", float(NORMAL_ROWS + second), names, x)
            yield Row(second + system / systems, system, value)


def outage(n: int, systems: int, span_s: int) -> dict[str, float]:
    """Return what a row waits at most, and what opening so many incidents takes of the loop."""
    queue = Queue(engines_of(n, systems))
    for row in rows(n, systems, span_s):
        queue.take(row)
    if queue.opened != systems:
        raise RuntimeError(f"{queue.opened} of {systems} systems opened an incident")
    lags, seconds = np.array(queue.lags), BEFORE_S + span_s + AFTER_S
    late = np.flatnonzero(lags > 1.0)
    faults = systems * (BEFORE_S + span_s)
    return {
        "largest_lag_s": float(lags.max()),
        "p99_lag_s": float(np.percentile(lags, 99)),
        "largest_row_ms": 1e3 * max(queue.spent),
        # After the last fault, until every row is done within a second of its coming.
        "over_after_s": max(float(late[-1] + 1 - faults), 0.0) / systems if late.size else 0.0,
        "cores": sum(queue.spent) / seconds,
    }


def main() -> None:
    """Measure, print, write."""
    chosen = options((__doc__ or "").splitlines()[0]).parse_args()
    systems = SYSTEMS // 5 if chosen.quick else SYSTEMS
    warm()
    figures: dict[str, float] = {}
    for n in SERIES:
        outage(n, 2, 1)  # loads the kernels of so many series
        for span, span_s in SPANS_S.items():
            found = outage(n, systems, span_s)
            figures |= {f"{name}_{span}_{n}": value for name, value in found.items()}
    finish(chosen, figures, systems=systems)


if __name__ == "__main__":
    main()
