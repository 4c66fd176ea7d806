"""What poison costs: good rows per second and memory of the loop, with poison among the rows.

Rows of 50 series go through decoder, aligner, engine and dead letters, all of `coral run` but its
client, with one message of poison after every thousand, and after every hundred, of each kind in
turn. CPU time is taken message by message, so that what poison costs is told apart from what others
on the machine do to all of them.

rows_per_s
    Good rows a second of CPU time.
lost_per_mille, lost_per_cent
    Share of the time that goes into poison, while each message of it becomes a letter, and into
    what it costs the row behind it (caches): the throughput that is lost. Median of the runs.
decoded_rows_per_s, decoded_lost_per_mille, decoded_lost_per_cent
    The same without the engine, which is most of the work.
cost_us_<kind>
    CPU time of one message of a kind, median.
rss_growth_mb
    Memory after a long run with one message in a hundred poison, against that after its first
    tenth; in it letters are limited: `letters` were written, `suppressed` only counted.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import os
import time
from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from common import finish, options

from coral.config import SystemConfig
from coral.contract.events import message_of
from coral.daemon.warmup import warm
from coral.engine import Engine
from streams.align.aligner import Aligner
from streams.clock import ManualClock
from streams.codec import NativeCodec, encode_row
from streams.memory.broker import MemoryBroker, MemorySink, MemorySource
from streams.processing.dead_letters import DeadLetterPolicy, DeadLetters
from streams.processing.loop import Loop
from streams.records import Decoded, Frame, Message, Record, TopicPartition

SERIES = 50
LETTERS = DeadLetterPolicy(max_letters=600)
NAMES = tuple(f"service{i // 10}:metric{i % 10}" for i in range(SERIES))
_ROW = b'{"system":"shop","timestamp":%d,"metrics":%s}'
POISON = {
    "random bytes": np.random.default_rng(1).bytes(500),
    "10 MB": b"x" * 10_000_000,
    "invalid UTF-8": b'{"system":"\xff\xfe"}',
    "10k deep": b"[" * 10_000 + b"]" * 10_000,
    "10k deep metrics": _ROW % (0, b'{"a:x":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "1e400": _ROW % (0, b'{"service0:metric0":1e400}'),
    "wrong types": b'{"system":7,"timestamp":"x","metrics":[]}',
    "duplicate keys": _ROW % (0, b'{"service0:metric0":1.0,"service0:metric0":2.0}'),
    "deep in a string": b'{"system":"' + b"\\u0000" * 1000 + b'"}',
    "half a message": b'{"system":"shop","time',
}


class Given(MemorySource):
    """Values from an iterator, as they are asked for: nothing is held."""

    def __init__(self, values: Iterable[bytes]) -> None:
        broker = MemoryBroker(ManualClock())
        broker.create_topic("metrics")
        super().__init__(broker, ["metrics"], "group", ManualClock())
        self._values = iter(values)
        self._next = 0
        self._done = False

    @property
    def exhausted(self) -> bool:
        """Whether there is nothing left."""
        return self._done

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Return what comes next."""
        super().poll(1, timeout_s)
        taken = list(islice(self._values, max_records))
        self._done = len(taken) < max_records
        self._next += len(taken)
        first = self._next - len(taken)
        return [Record("metrics", 0, first + i, b"shop", v) for i, v in enumerate(taken)]

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Nobody asks."""


class Nowhere(MemorySink):
    """Forgets what it is sent."""

    def __init__(self) -> None:
        super().__init__(MemoryBroker(ManualClock()))

    def send(self, *message: object) -> None:
        """Forget it."""


def good(count: int) -> Iterator[bytes]:
    """Native rows, one a second, of values with all their digits."""
    values = np.random.default_rng(0).lognormal(size=(512, SERIES))
    for t in range(count):
        yield encode_row("shop", float(t), NAMES, values[t % 512])


def mixed(rows: Iterable[bytes], poison: Iterable[bytes], every: int) -> Iterator[bytes]:
    """Yield the same rows, and poison after each `every` of them."""
    endless = cycle(poison)
    for i, row in enumerate(rows, 1):
        yield row
        if i % every == 0:
            yield next(endless)


def following(frame: Frame, engine: Engine) -> list[Message]:
    """Return the messages that follow from a frame."""
    return [message_of(event, "incidents") for event in engine.step(frame)]


class Driven(NamedTuple):
    """A run of the loop over values that are there already."""

    took: np.ndarray  # CPU seconds of each of them
    loop: Loop
    letters: DeadLetters


def drive(values: Iterable[bytes], *, engine: bool) -> Driven:
    """Run the loop until the values end."""
    letters = DeadLetters(LETTERS, ManualClock())
    watching = Engine(SystemConfig(name="shop", interval_s=1.0, kpi=(NAMES[0],)))
    codec, marks = NativeCodec(), array("q")

    def decode(record: Record) -> Decoded:
        marks.append(time.thread_time_ns())
        return codec.decode(record)

    loop = Loop(
        Given(values),
        Nowhere(),
        decode,
        (lambda frame: following(frame, watching)) if engine else lambda _: [],
        lambda _: Aligner(1.0),
        ManualClock(),
        dead_letters=letters,
    )
    loop.run()
    marks.append(time.thread_time_ns())
    return Driven(np.diff(np.array(marks)) / 1e9, loop, letters)


def resident_mb() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def growth(count: int) -> tuple[float, DeadLetters, int]:
    """Return the growth of memory over a long run with much poison, MiB, and what became of it."""
    seen: list[float] = []

    def watched() -> Iterator[bytes]:
        for i, value in enumerate(mixed(good(count), POISON.values(), 100)):
            if i == count // 10:
                seen.append(resident_mb())
            yield value

    driven = drive(watched(), engine=False)
    return resident_mb() - seen[0], driven.letters, driven.loop.bad


def lost(took: np.ndarray, every: int) -> float:
    """Return the share of the time that went into poison and what it does to the row behind it."""
    number = np.arange(len(took))
    poison, behind = number % (every + 1) == every, number % (every + 1) == 0
    rest = np.median(took[~poison & ~behind])
    slower = np.median(took[behind]) - rest
    return float((took[poison].sum() + poison.sum() * max(slower, 0.0)) / took.sum())


def shares(repeats: int, *, engine: bool) -> dict[str, float]:
    """Return rows a second, and the shares of them that poison costs."""
    rows, figures = list(good(10_000)), {}
    for name, every in (("per_mille", 1000), ("per_cent", 100)):
        values = [*mixed(rows, POISON.values(), every)]
        runs = [drive(values, engine=engine).took for _ in range(repeats)]
        figures[f"lost_{name}"] = median(lost(took, every) for took in runs)
    alone = median(drive(rows, engine=engine).took.sum() for _ in range(repeats))
    return {"rows_per_s": len(rows) / alone} | figures


def costs(repeats: int) -> dict[str, float]:
    """Return the CPU time of one message of each kind among rows, microseconds."""
    values = [*mixed(good(10_000), POISON.values(), 100)]
    runs = [drive(values, engine=False).took for _ in range(repeats)]
    poison = np.array(runs)[:, 100::101].reshape(repeats, -1, len(POISON))
    return {
        f"cost_us_{name}": 1e6 * float(np.median(poison[:, :, i])) for i, name in enumerate(POISON)
    }


def main() -> None:
    """Measure."""
    chosen = options((__doc__ or "").splitlines()[0]).parse_args()
    repeats, long = (5, 50_000) if chosen.quick else (21, 200_000)
    warm()
    decoded = shares(repeats, engine=False)
    figures = shares(repeats, engine=True)
    figures |= {f"decoded_{name}": value for name, value in decoded.items()}
    figures |= costs(repeats)
    grown, letters, bad = growth(long)
    figures |= {
        "rss_growth_mb": grown,
        "bad": bad,
        "letters": letters.written,
        "suppressed": letters.suppressed,
    }
    finish(chosen, figures, series=SERIES, repeats=repeats, long_run_rows=long)


if __name__ == "__main__":
    main()
