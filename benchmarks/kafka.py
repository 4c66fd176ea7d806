"""Speed of the way from Kafka's bytes to frames, on one core.

Names of the figures: rows hold 50 series. `decode_rows_per_s` and `microbatch_values_per_s` are
decoded and aligned, without a broker; `source_rows_per_s` comes out of a real broker, and
`source_aligned_rows_per_s` is that decoded and aligned as well. `sink_rows_per_s` goes into it.
"""

import os

# One core, whatever the machine has; must be set before numpy is imported.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import sys  # noqa: E402

sys.path.append(sys.path.pop(0))  # this folder last: `import kafka` means the client, not this file

import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from uuid import uuid4  # noqa: E402

import numpy as np  # noqa: E402
from common import ROOT, fastest, finish, options  # noqa: E402

from streams.align import Aligner  # noqa: E402
from streams.codec import NativeCodec, encode_batch, encode_row  # noqa: E402
from streams.kafka import KafkaConnection, KafkaSink, KafkaSource, topics  # noqa: E402
from streams.records import Record  # noqa: E402

SERIES = 50
BATCH_ROWS = 100
NAMES = tuple(f"service{i // 10}:metric{i % 10}" for i in range(SERIES))


def rows_of(count: int) -> np.ndarray:
    """Return values with all the digits that real ones have."""
    return np.random.default_rng(0).lognormal(size=(count, SERIES))


def row_records(count: int) -> list[Record]:
    """Return native rows, one a second."""
    return [
        Record("metrics", 0, t, b"shop", encode_row("shop", float(t), NAMES, row))
        for t, row in enumerate(rows_of(count))
    ]


def batch_records(count: int) -> list[Record]:
    """Return the same rows as micro-batches."""
    rows = rows_of(count)
    records = []
    for start in range(0, count, BATCH_ROWS):
        chunk = rows[start : start + BATCH_ROWS]
        times = [float(start + i) for i in range(len(chunk))]
        value = encode_batch("shop", times, NAMES, chunk)
        records.append(Record("metrics", 0, start, b"shop", value))
    return records


def frames_of(records: list[Record]) -> int:
    """Decode and align; return the number of frames."""
    codec, aligner = NativeCodec(), Aligner(1.0)
    return sum(len(aligner.push(s)) for record in records for s in codec.decode(record))


@contextmanager
def broker(address: str | None) -> Iterator[str]:
    """Yield the address of a Kafka: the given one, or one started for this."""
    if address is not None:
        yield address
        return
    sys.path.insert(0, str(ROOT / "deploy" / "kafka"))
    from cluster import Cluster  # noqa: PLC0415 - only there after the line above

    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster.create(Path(folder) / "kafka")
        try:
            cluster.start()
            yield cluster.bootstrap
        finally:
            cluster.stop()


def broker_figures(address: str, count: int) -> dict[str, float]:
    """Return rows per second into a broker, out of it, and out of it up to frames."""
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
    read = _drain(connection, topic, count, align=False)
    aligned = _drain(connection, topic, count, align=True)
    return {
        "sink_rows_per_s": count / written,
        "source_rows_per_s": count / read,
        "source_aligned_rows_per_s": count / aligned,
    }


def _drain(connection: KafkaConnection, topic: str, count: int, *, align: bool) -> float:
    """Return the seconds from the first record to the last."""
    source = KafkaSource(connection, [topic], f"speed-{uuid4()}")
    codec, aligner = NativeCodec(), Aligner(1.0)
    while not source.assignment():
        source.poll(1, 0.5)
    start, seen = time.perf_counter(), 0
    while seen < count:
        for record in source.poll(2000, 0.5):
            seen += 1
            if align:
                for samples in codec.decode(record):
                    aligner.push(samples)
    took = time.perf_counter() - start
    source.close()
    return took


def main() -> None:
    """Measure."""
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--kafka", metavar="HOST:PORT", help="a broker; without it one is started")
    chosen = parser.parse_args()
    count, repeats = (5_000, 3) if chosen.quick else (20_000, 7)
    rows, batches = row_records(count), batch_records(count)
    assert frames_of(rows) == frames_of(batches) == count - 1  # noqa: S101 - must do the work
    figures = {
        "decode_rows_per_s": count / fastest(lambda: frames_of(rows), repeats),
        "microbatch_values_per_s": count * SERIES / fastest(lambda: frames_of(batches), repeats),
    }
    with broker(chosen.kafka) as address:
        figures |= broker_figures(address, 4 * count)
    finish(chosen, figures, series=SERIES, batch_rows=BATCH_ROWS)


if __name__ == "__main__":
    main()
