"""Speed of CORAL on Kafka: decoding, `coral run` from topic to events, latency, checkpoints.

The figures, rows being native ones of 50 series:

decode_rows_per_s, microbatch_values_per_s, packed_values_per_s, single_sample_per_s
    Decoded and aligned, without a broker, a second of CPU time. Micro-batches of 100 rows, of
    decimal numbers or packed. Single samples: the slowest of the formats with one a message.
sink_rows_per_s, source_rows_per_s, source_cpu_ms_per_row
    Into a broker and out of it, nothing else.
end_to_end_rows_per_s, two_replica_speedup
    Of `coral run` processes, one a core, from a topic to published events. On two cores the
    broker takes its part of them; `two_replica_speedup_by_cpu` is what cores of their own give.
latency_p50_s, latency_p99_s
    From the append of the row that raises the alarm to the append of the event that opens the
    incident, by the broker's clock; 100 systems, one row a second each. `latency_starved` tells
    how busy others kept the machine: the seconds a second that `coral run` could have run but got
    no core.
checkpoint_pause_ms_300, restore_s_300
    See `benchmarks/checkpoint.py`.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import checkpoint
import formats
import numpy as np
from common import ROOT, finish, options
from endtoend import steady, throughput
from members import pin

from streams.align.aligner import Aligner
from streams.codec import NativeCodec, encode_batch, encode_row
from streams.kafka import KafkaConnection, KafkaSink, KafkaSource, topics
from streams.records import Record

SERIES = 50
BATCH_ROWS = 100
NAMES = tuple(f"service{i // 10}:metric{i % 10}" for i in range(SERIES))
SINGLE = ("telegraf_json", "influx", "prometheus_json")


def rows_of(count: int) -> np.ndarray:
    """Return values with all the digits that real ones have."""
    return np.random.default_rng(0).lognormal(size=(count, SERIES))


def row_records(count: int) -> list[Record]:
    """Return native rows, one a second."""
    return [
        Record("metrics", 0, t, b"shop", encode_row("shop", float(t), NAMES, row))
        for t, row in enumerate(rows_of(count))
    ]


def batch_records(count: int, *, packed: bool) -> list[Record]:
    """Return the same rows as micro-batches."""
    rows = rows_of(count)
    records = []
    for start in range(0, count, BATCH_ROWS):
        chunk = rows[start : start + BATCH_ROWS]
        times = [float(start + i) for i in range(len(chunk))]
        value = encode_batch("shop", times, NAMES, chunk, packed=packed)
        records.append(Record("metrics", 0, start, b"shop", value))
    return records


def frames_of(records: list[Record]) -> int:
    """Decode and align; return the number of frames."""
    codec, aligner = NativeCodec(), Aligner(1.0)
    return sum(len(aligner.push(s)) for record in records for s in codec.decode(record).samples)


def least_cpu_s(work: Callable[[], object], repeats: int) -> float:
    """Return the CPU seconds of the cheapest of some repetitions."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def decoding(count: int, repeats: int) -> dict[str, float]:
    """Return the figures without a broker."""
    records = {
        "decode_rows_per_s": row_records(count),
        "microbatch_values_per_s": batch_records(count, packed=False),
        "packed_values_per_s": batch_records(count, packed=True),
    }
    figures = {}
    for name, held in records.items():
        assert frames_of(held) == count  # noqa: S101 - must do the work
        units = count if "rows" in name else count * SERIES
        figures[name] = units / least_cpu_s(partial(frames_of, held), repeats)
    by_format = formats.speeds(count * 2)
    return {
        **figures,
        "single_sample_per_s": min(by_format[f"{name}_aligned_per_s"] for name in SINGLE),
    } | by_format


@contextmanager
def broker(address: str | None) -> Iterator[tuple[str, list[int]]]:
    """Yield a Kafka's address and the process ids of its nodes: the given one, or a new one."""
    if address is not None:
        yield address, []
        return
    sys.path.insert(0, str(ROOT / "deploy" / "kafka"))
    from cluster import Cluster  # noqa: PLC0415 - only there after the line above

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "kafka"
        cluster = Cluster.create(home)
        try:
            cluster.start()
            yield cluster.bootstrap, [int((home / "node-1.pid").read_text())]
        finally:
            cluster.stop()


def client_figures(address: str, count: int) -> dict[str, float]:
    """Return rows per second into a broker and out of it, and the CPU time of the latter."""
    connection, topic = KafkaConnection(address), f"speed-{uuid4()}"
    topics.create(connection, [topics.TopicSpec(topic)])
    records = row_records(count)
    sink = KafkaSink(connection)
    start = time.perf_counter()
    for record in records:
        sink.send(topic, record.key, record.value)
    sink.flush(120)
    written = time.perf_counter() - start
    sink.close()
    read, cpu = _drain(connection, topic, count)
    return {
        "sink_rows_per_s": count / written,
        "source_rows_per_s": count / read,
        "source_cpu_ms_per_row": 1e3 * cpu / count,
    }


def _drain(connection: KafkaConnection, topic: str, count: int) -> tuple[float, float]:
    """Return the seconds from the first record to the last, by the clock and of CPU time."""
    source = KafkaSource(connection, [topic], f"speed-{uuid4()}")
    while not source.assignment():
        source.poll(1, 0.5)
    start, spent, seen = time.perf_counter(), time.process_time(), 0
    while seen < count:
        seen += len(source.poll(2000, 0.5))
    took, spent = time.perf_counter() - start, time.process_time() - spent
    source.close()
    return took, spent


def daemon_figures(address: str, home: Path, nodes: list[int], *, quick: bool) -> dict[str, float]:
    """Return what `coral run` does; all else is kept off its core as far as that can be."""
    all_cores = sorted(os.sched_getaffinity(0))
    first, rest = all_cores[:1], all_cores[1:] or all_cores

    def others_on(cores: list[int]) -> None:
        for pid in (os.getpid(), *nodes):
            pin(pid, cores)

    rows, calm_s = (5_000, 10) if quick else (10_000, 30)
    others_on(rest)
    one = throughput(address, home, first, 50, 8, rows)
    small = steady(address, home, first[0], 100, 50, calm_s, calm_s + 40)
    others_on(all_cores)
    two = throughput(address, home, all_cores[:2], 50, 8, rows)
    figures = {
        "end_to_end_rows_per_s": one.rows_per_s,
        "cpu_ms_per_row": 1e3 * one.cpu_s_per_row,
        "two_replica_rows_per_s": two.rows_per_s,
        "two_replica_speedup": two.rows_per_s / one.rows_per_s,
        "two_replica_speedup_by_cpu": 2 * one.cpu_s_per_row / two.cpu_s_per_row,
        "two_replica_cpu_ms_per_row": 1e3 * two.cpu_s_per_row,
        "latency_p50_s": float(np.quantile(small.latency_s, 0.5)),
        "latency_p99_s": float(np.quantile(small.latency_s, 0.99)),
        "latency_starved": small.starved,
        "latency_events": len(small.latency_s),
        "idle_cores": small.idle_cores,
        "idle_rss_mb": small.idle_rss_mb,
        "quiet_cores_100x50": small.quiet_cores,
        "faulty_cores_100x50": small.faulty_cores,
        "rss_mb_100x50": small.rss_mb,
    }
    if not quick:  # for benchmarks/capacity.py
        others_on(rest)
        large = steady(address, home, first[0], 20, 300, calm_s, calm_s + 30)
        figures["quiet_cores_20x300"] = large.quiet_cores
        figures["rss_mb_20x300"] = large.rss_mb
    return figures


def main() -> None:
    """Measure."""
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--kafka", metavar="HOST:PORT", help="a broker; without it one is started")
    chosen = parser.parse_args()
    count, repeats = (5_000, 3) if chosen.quick else (10_000, 5)
    # The first of all runs compiles, which is no part of any figure.
    subprocess.run([sys.executable, "-m", "coral.daemon.warmup"], check=True, cwd=ROOT)
    figures = decoding(count, repeats)
    figures |= checkpoint.costs(300, 10 if chosen.quick else 20)
    with tempfile.TemporaryDirectory() as folder, broker(chosen.kafka) as (address, nodes):
        figures |= client_figures(address, 4 * count)
        figures |= daemon_figures(address, Path(folder), nodes, quick=chosen.quick)
    finish(chosen, figures, series=SERIES, batch_rows=BATCH_ROWS)


if __name__ == "__main__":
    main()
