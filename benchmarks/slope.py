"""Slope of a replica: cores, memory and Kafka's bytes over the systems that `coral run` follows.

One process on one core; its systems come in steps. At each step the new ones have learned all they
ever will before anything is counted, then every system sends a row a second. A line through the
steps says what one more system costs; the model of `benchmarks/capacity.py` is held against it.
State is stored in Kafka. CPU time is counted, so that others on the machine matter little.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from capacity import FULL
from common import ROOT, finish, options
from endtoend import EPOCH
from kafka_throughput import broker
from members import Group
from speed import names_of, rows_of

from coral.settings.sections import State
from streams.codec import encode_row

os.environ["MALLOC_MMAP_THRESHOLD_"] = str(1 << 20)  # of the processes it starts: as in the image

PARTITIONS = 4
# In every step each partition has systems: what reading a partition takes is no part of the slope.
STEPS = {50: (20, 60), 300: (4, 12), 1000: (4, 8)}
STORED = 'state.store = "kafka"\nstate.topic = "{states}"\n'
# Of a step: two checkpoints are stored in it.
WATCHED_S = 2 * int(State().interval_s)
CAUGHT_UP_S = 600.0


class Step(NamedTuple):
    """What a replica with so many systems needs; of memory the most, while checkpoints are made."""

    systems: int
    cores: float
    memory_mb: float
    rows_mb_per_s: float
    state_mb_per_s: float


class Feed:
    """Rows of systems of n series, all of the same values."""

    def __init__(self, group: Group, n: int, steps: int) -> None:
        self._group, self._names = group, names_of(n)
        self._x = rows_of(n, FULL + (steps + 1) * WATCHED_S)
        self._next: list[int] = []  # row of each system

    def add(self, count: int) -> None:
        """Let further systems learn all they ever will."""
        new = range(len(self._next), len(self._next) + count)
        self._next += [0] * count
        self._group.write(row for _ in range(FULL) for row in self._rows(new))

    def second(self) -> None:
        """Send a row of every system."""
        self._group.write(self._rows(range(len(self._next))))

    def _rows(self, systems: Iterable[int]) -> Iterable[tuple[int, bytes, bytes]]:
        for i in systems:
            t, name = self._next[i], f"s{i}"
            self._next[i] += 1
            row = encode_row(name, float(EPOCH + t), self._names, self._x[t])
            yield i % PARTITIONS, name.encode(), row


def steps_of(address: str, home: Path, n: int) -> list[Step]:
    """Return what one process needs at each step."""
    found, before = [], 0
    core = max(os.sched_getaffinity(0))
    with Group(address, home, names_of(n)[0], [core], PARTITIONS, STORED) as group:
        group.joined()
        feed = Feed(group, n, len(STEPS[n]))
        for systems in STEPS[n]:
            feed.add(systems - before)
            before = systems
            group.caught_up(CAUGHT_UP_S)
            found.append(watched(group, feed, systems))
            print(n, found[-1], flush=True)
    return found


def watched(group: Group, feed: Feed, systems: int) -> Step:
    """Send a row a second for a while; return what that took."""
    (member,) = group.members
    member.peak_mb()
    begun, clock, cpu = time.time(), time.monotonic(), group.cpu_s()
    for second in range(WATCHED_S):
        time.sleep(max(clock + second - time.monotonic(), 0.0))
        feed.second()
    spent, took = group.cpu_s() - cpu, time.monotonic() - clock
    written = {
        topic: sum(len(record.value) for record in group.appended(begun, topic)) / took / 1e6
        for topic in (group.rows, group.states)
    }
    return Step(
        systems,
        spent / took,
        member.peak_mb(),
        written[group.rows],
        written[group.states],
    )


def line(steps: list[Step], name: str) -> tuple[float, float]:
    """Return what one more system adds, and what there is before the first, by least squares."""
    at = [step.systems for step in steps]
    each, before = np.polyfit(at, [getattr(step, name) for step in steps], 1)
    return float(each), float(before)


def main() -> None:
    """Measure."""
    chosen = options((__doc__ or "").splitlines()[0]).parse_args()
    subprocess.run([sys.executable, "-m", "coral.daemon.warmup"], check=True, cwd=ROOT)
    with tempfile.TemporaryDirectory() as folder, broker(None) as (address, _):
        steps = {n: steps_of(address, Path(folder), n) for n in STEPS}
    costs = Step._fields[1:]
    figures = {f"{name}_{n}": line(held, name)[0] for n, held in steps.items() for name in costs}
    figures |= {f"memory_before_mb_{n}": line(steps[n], "memory_mb")[1] for n in STEPS}
    finish(
        chosen,
        figures,
        steps={n: [step._asdict() for step in held] for n, held in steps.items()},
        watched_s=WATCHED_S,
        rows_learned=FULL,
    )


if __name__ == "__main__":
    main()
