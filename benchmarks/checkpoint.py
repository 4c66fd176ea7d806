"""Cost of a checkpoint: how long the loop stands still, how long a restart reads."""

import one_thread  # noqa: F401 - before numpy

# isort: split
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import finish, options
from speed import names_of, rows_of

from coral.checkpoint import FileStore, Saver, capture, load, restore, save
from coral.checkpoint.envelope import encode
from coral.config import SystemConfig
from coral.engine import Engine
from streams.align.aligner import Aligner
from streams.processing.systems import Systems
from streams.records import Record, Samples, TopicPartition

PARTITION = TopicPartition("coral.metrics.v1", 0)
BASE_ROWS = 4096
# Rows between two checkpoints: five seconds at one row a second.
BETWEEN = 5
STEPS = ("snapshot", "encode", "pause", "alone", "first", "row", "row_beside", "restore")


class Fed:
    """One system of n series that has learned so many rows, by default a full ring."""

    def __init__(self, n: int, rows: int = BASE_ROWS + 200) -> None:
        self.names = names_of(n)
        self.systems = Systems(lambda _: Aligner(1.0), 10)
        self.engines = {"s": self.new_engine("s")}
        self._rows: Iterator[tuple[int, np.ndarray]] = enumerate(rows_of(n, BASE_ROWS + 20_000))
        self.offset = 0
        self.feed(rows)

    def new_engine(self, name: str) -> Engine:
        """Return an engine without state."""
        return Engine(SystemConfig(name=name, interval_s=1.0, kpi=(self.names[0],)))

    def feed(self, rows: int) -> None:
        """Take further rows."""
        for _ in range(rows):
            t, x = next(self._rows)
            samples = Samples("s", float(t), self.names, x)
            for frame in self.systems.push(samples, Record(*PARTITION, t, b"s", b"")):
                self.engines["s"].step(frame)
            self.offset = t + 1

    def snapshot(self) -> dict[TopicPartition, dict[str, Any]]:
        """Take what a checkpoint holds."""
        return capture({PARTITION: self.offset}, self.systems, self.engines)


def size_mb(n: int, rows: int) -> float:
    """Return the bytes of a checkpoint of n series that have learned so many rows."""
    return len(encode("k", Fed(n, rows).snapshot()[PARTITION])) / 1e6


def timed(work: Callable[[], Any], seconds: list[float], cpu: list[float] | None = None) -> Any:
    """Do something and note how long it took, and the CPU time of this thread where asked for."""
    start, spent = time.perf_counter(), time.thread_time()
    result = work()
    seconds.append(time.perf_counter() - start)
    if cpu is not None:
        cpu.append(time.thread_time() - spent)
    return result


def costs(n: int, repeats: int) -> dict[str, float]:
    """Return the cost of checkpoints of n series, each step by itself and as the loop feels it.

    `checkpoint_pause_ms` is what the loop stands still when a `Saver` encodes and stores beside
    it; `checkpoint_alone_ms` when it does all of that itself, fsync included;
    `row_beside_p99_ms` is a slow row while a saver was busy, `row_p99_ms` while none was. Those of
    `cpu` are CPU time: what others do on the machine matters little.
    """
    fed = Fed(n)
    cpu: dict[str, list[float]] = {name: [] for name in ("snapshot", "encode", "restore")}
    seconds: dict[str, list[float]] = {name: [] for name in STEPS}
    with tempfile.TemporaryDirectory() as directory:
        store = FileStore(Path(directory))
        saver = Saver(store)
        timed(lambda: save(store, fed.snapshot()), seconds["first"])
        for _ in range(repeats):
            taken = timed(fed.snapshot, seconds["snapshot"], cpu["snapshot"])
            encoding = partial(encode, "k", taken[PARTITION])
            data = timed(encoding, seconds["encode"], cpu["encode"])
            for _ in range(BETWEEN):
                timed(lambda: fed.feed(1), seconds["row"])
            timed(lambda: save(store, fed.snapshot()), seconds["alone"])
            fed.feed(BETWEEN)
            timed(lambda: saver.submit(fed.snapshot()), seconds["pause"])
            while saver.busy:
                timed(lambda: fed.feed(1), seconds["row_beside"])
            timed(lambda: restored(fed, store), seconds["restore"], cpu["restore"])
        saver.close()
        assert saver.failed == 0, saver.error  # noqa: S101 - a benchmark must do the work
    milliseconds = {name: 1e3 * statistics.median(values) for name, values in seconds.items()}
    return {
        f"snapshot_ms_{n}": milliseconds["snapshot"],
        f"encode_ms_{n}": milliseconds["encode"],
        f"checkpoint_pause_ms_{n}": milliseconds["pause"],
        f"checkpoint_pause_max_ms_{n}": 1e3 * max(seconds["pause"]),
        f"checkpoint_alone_ms_{n}": milliseconds["alone"],
        f"checkpoint_first_ms_{n}": milliseconds["first"],
        f"row_p99_ms_{n}": 1e3 * float(np.quantile(seconds["row"], 0.99)),
        f"row_beside_p99_ms_{n}": 1e3 * float(np.quantile(seconds["row_beside"], 0.99)),
        f"restore_s_{n}": milliseconds["restore"] / 1e3,
        f"checkpoint_mb_{n}": len(data) / 1e6,
        **{f"{name}_cpu_ms_{n}": 1e3 * statistics.median(spent) for name, spent in cpu.items()},
    }


def restored(fed: Fed, store: FileStore) -> dict[str, Engine]:
    """Return the engines of the newest checkpoint."""
    refused: list[object] = []
    held = load(store, PARTITION, lambda *why: refused.append(why))
    systems = Systems(lambda _: Aligner(1.0), 10)
    engines = restore(PARTITION, held or {}, systems, fed.new_engine, lambda *w: refused.append(w))
    assert not refused, refused  # noqa: S101 - a benchmark must do the work
    assert len(engines) == 1  # noqa: S101
    return engines


def main() -> None:
    """Measure, print, write."""
    chosen = options(__doc__ or "").parse_args()
    figures: dict[str, float] = {}
    for n in (50, 300):
        figures |= costs(n, 10 if chosen.quick else 40)
    finish(chosen, figures, base_rows=BASE_ROWS)


if __name__ == "__main__":
    main()
