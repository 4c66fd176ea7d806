"""Where one box ends: systems a replica, a partition and a cluster can follow, by a small model.

CPU time and bytes of one system of n series are measured here, without a broker; what Kafka adds
comes from `benchmarks/results/kafka.json`, and so do the runs of `coral run` that the model is held
against.

A replica has one core. With s systems that send a row every i seconds its load is::

    idle + s * ((kafka_ms + row_ms(n)) / i + encode_ms(n) / checkpoint interval) / 1000

and it stands still for ``s * pause_ms(n)`` at a checkpoint. Nothing in it is fitted; runs of 100
systems of 50 series and of 20 systems of 300 are its test. Memory is ``before(n) + s * each(n)``,
the line that `benchmarks/slope.py` has drawn through what `coral run` held at most: a process that
only learns holds less, for it makes no copies for checkpoints meanwhile.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import NamedTuple

import checkpoint
from common import ROOT, finish, options
from speed import names_of, rows_of

from coral.config import SystemConfig
from coral.daemon.warmup import warm
from coral.engine import Engine
from coral.settings.sections import Limits, State
from streams.align.aligner import Aligner
from streams.codec import NativeCodec, encode_row
from streams.records import Frame, Record

RESULTS = ROOT / "benchmarks" / "results"
SERIES = (50, 300, 1000)
INTERVALS_S = (1.0, 10.0)
# Rows after which a system holds all it ever will.
FULL = checkpoint.BASE_ROWS + 300

# What a replica is given: half a core, so that it catches up twice as fast as rows come and has
# room for incidents; memory of an ordinary pod; a pause that keeps events within a second.
LOAD, MEMORY_MB, PAUSE_MS, RESTORE_S = 0.5, 4096.0, 500.0, 60.0
REPLICAS = 10


class System(NamedTuple):
    """Costs of one system."""

    row_ms: float  # CPU from the bytes of a row to its frame in the engine
    row_bytes: float
    open_ms: float  # CPU of the row that opens an incident: the loop stands still as long
    pause_ms: float  # CPU of a snapshot: the loop stands still as long
    encode_ms: float  # CPU of a checkpoint, beside the loop
    restore_s: float  # of CPU
    checkpoint_mb: float


class Memory(NamedTuple):
    """Memory that `coral run` needs, MB."""

    before: float  # the first system
    each: float


class Kafka(NamedTuple):
    """What Kafka adds."""

    idle: float  # cores
    row_ms: float  # CPU of fetching a record


def fill(n: int) -> tuple[float, float]:
    """Return `row_ms` and `open_ms`; in a process of its own."""
    warm()
    names, x = names_of(n), rows_of(n, FULL + 1)
    x[FULL, : n // 4] += 60.0
    rows = [encode_row("s", float(t), names, row) for t, row in enumerate(x)]
    records = [Record("rows", 0, t, b"s", row) for t, row in enumerate(rows)]
    best = float("inf")
    for _ in range(4):
        codec, aligner = NativeCodec(), Aligner(1.0)
        engine = Engine(SystemConfig(name="s", interval_s=1.0, kpi=(names[0],)))
        for record in records[:FULL]:
            if record.offset == FULL // 2:  # the engine is warm
                start = time.process_time()
            for samples in codec.decode(record).samples:
                for frame in aligner.push(samples):
                    engine.step(frame)
        best = min(best, time.process_time() - start)
    start = time.process_time()
    events = engine.step(Frame("s", float(FULL), names, x[FULL]))
    opening = time.process_time() - start
    assert len(events) == 1, events  # noqa: S101 - a benchmark must do the work
    return 1e3 * best / (FULL - FULL // 2), 1e3 * opening


def measured(n: int, repeats: int) -> System:
    """Return the costs of a system of n series."""
    command = [sys.executable, __file__, "--fill", str(n)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    row_ms, open_ms = map(float, told.split())
    costs = checkpoint.costs(n, repeats)
    return System(
        row_ms,
        float(len(encode_row("s", 0.0, names_of(n), rows_of(n, 1)[0]))),
        open_ms,
        costs[f"snapshot_cpu_ms_{n}"],
        costs[f"encode_cpu_ms_{n}"],
        costs[f"restore_cpu_ms_{n}"] / 1e3,
        costs[f"checkpoint_mb_{n}"],
    )


def load(kafka: Kafka, system: System, systems: float, interval_s: float) -> float:
    """Return the cores a replica needs."""
    each_s = (kafka.row_ms + system.row_ms) / interval_s + system.encode_ms / State().interval_s
    return kafka.idle + systems * each_s / 1e3


def limits(kafka: Kafka, system: System, memory: Memory, interval_s: float) -> dict[str, float]:
    """Return the number of systems at which each limit of a replica is reached."""
    each = load(kafka, system, 1.0, interval_s) - kafka.idle
    return {
        "cpu": (LOAD - kafka.idle) / each,
        "memory": (MEMORY_MB - memory.before) / memory.each,
        "pause": PAUSE_MS / system.pause_ms,
        "restore": RESTORE_S / system.restore_s,
        "limits.max_systems": float(Limits().max_systems),
    }


def table(
    kafka: Kafka, systems: Mapping[int, System], memories: Mapping[int, Memory]
) -> list[dict[str, object]]:
    """Return what a replica holds, one row for each number of series and interval."""
    rows = []
    for n, system in systems.items():
        memory = memories[n]
        for interval_s in INTERVALS_S:
            found = limits(kafka, system, memory, interval_s)
            ends = min(found, key=lambda name: found[name])
            most = int(found[ends])
            rows.append(
                {
                    "series": n,
                    "interval_s": interval_s,
                    "systems": most,
                    "ends": ends,
                    "open_ms": system.open_ms,
                    "load": load(kafka, system, most, interval_s),
                    "memory_mb": memory.before + most * memory.each,
                    "pause_s": most * system.pause_ms / 1e3,
                    "restore_s": most * system.restore_s,
                    "state_mb": most * system.checkpoint_mb,
                    "input_mb_per_s": most * system.row_bytes / interval_s / 1e6,
                    "cluster_systems": REPLICAS * most,
                    "cluster_series": REPLICAS * most * n,
                }
            )
    return rows


def main() -> None:
    """Measure, compute, compare, write."""
    if len(sys.argv) == 3 and sys.argv[1] == "--fill":
        print(*fill(int(sys.argv[2])))
        return
    chosen = options((__doc__ or "").splitlines()[0]).parse_args()
    run = json.loads((RESULTS / "kafka.json").read_text())["figures"]
    lines = json.loads((RESULTS / "slope.json").read_text())["figures"]
    memories = {n: Memory(lines[f"memory_before_mb_{n}"], lines[f"memory_mb_{n}"]) for n in SERIES}
    systems = {n: measured(n, 5 if chosen.quick else 20) for n in SERIES}
    kafka = Kafka(run["idle_cores"], run["source_cpu_ms_per_row"])
    model = {
        "quiet_cores_100x50": load(kafka, systems[50], 100, 1.0),
        "quiet_cores_20x300": load(kafka, systems[300], 20, 1.0),
    }
    figures = {f"{name}_{n}": value for n in SERIES for name, value in systems[n]._asdict().items()}
    figures |= {"kafka_idle": kafka.idle, "kafka_row_ms": kafka.row_ms}
    finish(
        chosen,
        figures,
        given={"load": LOAD, "memory_mb": MEMORY_MB, "pause_ms": PAUSE_MS, "restore_s": RESTORE_S},
        table=table(kafka, systems, memories),
        checked={
            name: {"model": cores, "run": run[name]}
            for name, cores in model.items()
            if name in run  # a quick run has but one
        },
    )


if __name__ == "__main__":
    main()
