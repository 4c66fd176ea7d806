"""Cost of a checkpoint: how long the loop stands still, how long a restart reads."""

import os

# One core, whatever the machine has; must be set before numpy is imported.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import statistics  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
from common import finish, options  # noqa: E402
from speed import names_of, rows_of  # noqa: E402

from coral.checkpoint import FileStore, capture, load, restore, save  # noqa: E402
from coral.checkpoint.envelope import encode  # noqa: E402
from coral.config import SystemConfig  # noqa: E402
from coral.engine import Engine  # noqa: E402
from streams.align import Aligner  # noqa: E402
from streams.records import Record, Samples, TopicPartition  # noqa: E402
from streams.systems import Systems  # noqa: E402

PARTITION = TopicPartition("coral.metrics.v1", 0)
BASE_ROWS = 4096
# Rows between two checkpoints: five seconds at one row a second.
BETWEEN = 5


class Fed:
    """One system of n series that has learned a full ring and goes on learning."""

    def __init__(self, n: int) -> None:
        self.names = names_of(n)
        self.systems = Systems(lambda _: Aligner(1.0), 10)
        self.engines = {"s": self.new_engine("s")}
        self._rows: Iterator[tuple[int, np.ndarray]] = enumerate(rows_of(n, BASE_ROWS + 1000))
        self.offset = 0
        self.feed(BASE_ROWS + 200)

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


def timed(work: Callable[[], Any], seconds: list[float]) -> Any:
    """Do something and note how long it took."""
    start = time.perf_counter()
    result = work()
    seconds.append(time.perf_counter() - start)
    return result


def costs(n: int, repeats: int) -> dict[str, float]:
    """Return milliseconds of the steps of a checkpoint, seconds of a restore, bytes on disk.

    The pause is that of a loop that does all steps itself; one that hands encoding and saving to
    a thread stands still for the snapshot alone.
    """
    fed = Fed(n)
    first: list[float] = []
    snapshots: list[float] = []
    encodings: list[float] = []
    pauses: list[float] = []
    restores: list[float] = []
    with tempfile.TemporaryDirectory() as directory:
        store = FileStore(Path(directory))
        timed(lambda: save(store, fed.snapshot()), first)
        for _ in range(repeats):
            fed.feed(BETWEEN)
            taken = timed(fed.snapshot, snapshots)
            data = timed(lambda held=taken: encode("k", held[PARTITION]), encodings)
            fed.feed(BETWEEN)
            timed(lambda: save(store, fed.snapshot()), pauses)
        for _ in range(repeats):
            timed(lambda: restored(fed, store), restores)
    return {
        f"snapshot_ms_{n}": 1e3 * statistics.median(snapshots),
        f"encode_ms_{n}": 1e3 * statistics.median(encodings),
        f"checkpoint_pause_ms_{n}": 1e3 * statistics.median(pauses),
        f"checkpoint_pause_max_ms_{n}": 1e3 * max(pauses),
        f"checkpoint_first_ms_{n}": 1e3 * first[0],
        f"restore_s_{n}": statistics.median(restores),
        f"checkpoint_mb_{n}": len(data) / 1e6,
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
