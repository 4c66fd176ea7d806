"""Speed of the formats with labels on one core: values a second of CPU time, decoded and aligned.

`*_decoded_per_s` is without the aligner. Every series has been seen before: to name one costs as
much as some of its values, once. `*_with_1_per_cent` and `*_with_10_per_cent` are the throughput
with so many unusable parts over that without: in turn no labels of an entity, a time that cannot
be, and a value that is no number. Both are measured in turn, in short pieces, and the median of
their ratios counts: the machine's own pace changes by more than what is measured.
"""

import json
import time
from statistics import median
from typing import Any

from common import finish, options
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from streams.align.aligner import Aligner
from streams.codec import DEFAULT_MAPPINGS, Format, make_codec
from streams.grid import Grid
from streams.processing.systems import Systems
from streams.records import Record

SERVICES, REPLICAS, STEP_S, START = 100, 3, 10, 1_700_000_000
GRID = Grid(float(STEP_S))
# Values, and as many before them, of a piece whose time is compared.
PIECE = 4_000


def flaw(i: int, per_cent: int) -> str:
    """Return what is wrong with value i if so many in a hundred are unusable; "" if nothing is."""
    every = 100 // per_cent if per_cent else 0
    return ("labels", "time", "value")[i // every % 3] if every and i % every == 0 else ""


def prometheus(count: int, per_cent: int) -> list[bytes]:
    """Half gauges, half counters; one sample a message."""
    made = []
    for i in range(count):
        source, wrong = i % (SERVICES * REPLICAS), flaw(i, per_cent)
        at = time.gmtime(START + i // (SERVICES * REPLICAS) * STEP_S)
        labels = {
            "__name__": "process_cpu_seconds_total" if i % 2 else "process_open_fds",
            "namespace": "shop",
            "deployment": f"service{source // REPLICAS}",
            "pod": f"service{source // REPLICAS}-7d9f5c-{source}",
            "instance": "10.0.0.1:9100",
            "job": "kubernetes-pods",
        }
        year = "%Y" if wrong != "time" else "9999"
        message = {
            "timestamp": time.strftime(f"{year}-%m-%dT%H:%M:%SZ", at),
            "value": str(0.5 * i) if wrong != "value" else "up",
            "name": labels["__name__"],
            "labels": labels if wrong != "labels" else {"pool": f"p{source}"},
        }
        made.append(json.dumps(message).encode())
    return made


def telegraf(count: int, per_cent: int) -> list[bytes]:
    """One field a message."""
    made = []
    for i in range(count):
        wrong, at = flaw(i, per_cent), START + i // SERVICES * STEP_S
        host = "host" if wrong != "labels" else "machine"
        message = {
            "fields": {"usage_idle": 0.5 * i if wrong != "value" else []},
            "name": "cpu",
            "tags": {"cpu": "cpu-total", host: f"web{i % SERVICES}", "region": "eu"},
            "timestamp": at if wrong != "time" else 1000 * at,
        }
        made.append(json.dumps(message).encode())
    return made


def influx(count: int, per_cent: int) -> list[bytes]:
    """One field a message."""
    made = []
    for i in range(count):
        wrong = flaw(i, per_cent)
        host = "host" if wrong != "labels" else "machine"
        value = 0.5 * i if wrong != "value" else "up"
        at = f" {START + i // SERVICES * STEP_S}000000000" if wrong != "time" else ""
        made.append(
            f"cpu,cpu=cpu-total,{host}=web{i % SERVICES},region=eu usage_idle={value}{at}".encode()
        )
    return made


def collectd(count: int, per_cent: int) -> list[bytes]:
    """One value list of one value a message."""
    made = []
    for i in range(count):
        wrong, at = flaw(i, per_cent), START + i // SERVICES * STEP_S
        message = {
            "values": [0.5 * i],
            "dstypes": ["gauge" if wrong != "value" else "level"],
            "dsnames": ["value"],
            "time": at if wrong != "time" else 1000 * at,
            "interval": STEP_S,
            "host": f"web{i % SERVICES}" if wrong != "labels" else "",
            "plugin": "memory",
            "plugin_instance": "",
            "type": "memory",
            "type_instance": "used",
        }
        made.append(json.dumps([message]).encode())
    return made


def otlp(count: int, per_cent: int) -> list[dict[str, Any]]:
    """50 values a message: half gauges, half cumulative sums, as a Collector sends them."""
    made: list[dict[str, Any]] = []
    for i in range(count // 50):
        held: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
        at = {"timeUnixNano": f"{START + i // SERVICES * STEP_S}000000000"}
        since = {"startTimeUnixNano": f"{START}000000000"}
        label = {"attributes": [{"key": "pool", "value": {"stringValue": "main"}}]}
        for j in range(50):
            wrong = flaw(50 * i + j, per_cent)
            point: dict[str, Any] = label if wrong == "time" else at | label
            if wrong != "value":
                point = point | ({"asDouble": 0.5 * i} if j < 25 else {"asInt": str(i)})
            metric: dict[str, Any] = {"name": f"gauge{j}", "gauge": {"dataPoints": [point]}}
            if j >= 25:
                counter: dict[str, Any] = {"aggregationTemporality": 2, "isMonotonic": True}
                counter |= {"dataPoints": [point | since]}
                metric = {"name": f"counter{j}", "sum": counter}
            held[wrong != "labels"].append(metric)
        name = {"key": "service.name", "value": {"stringValue": f"service{i % SERVICES}"}}
        made.append(
            {
                "resourceMetrics": [
                    {
                        "resource": {"attributes": [name] if named else []},
                        "scopeMetrics": [{"scope": {"name": "app"}, "metrics": metrics}],
                    }
                    for named, metrics in held.items()
                    if metrics
                ]
            }
        )
    return made


def messages(name: str, count: int, per_cent: int) -> list[bytes]:
    """Return messages with `count` values in all, so many in a hundred of them unusable."""
    if name == "otlp_json":
        return [json.dumps(message).encode() for message in otlp(count, per_cent)]
    if name == "otlp_proto":
        return [
            ParseDict(message, ExportMetricsServiceRequest()).SerializeToString()
            for message in otlp(count, per_cent)
        ]
    makers = {
        "prometheus_json": prometheus,
        "telegraf_json": telegraf,
        "influx": influx,
        "collectd_json": collectd,
    }
    return makers[name](count, per_cent)


def seconds(name: Format, held: list[Record], *, align: bool) -> float:
    """Return the CPU seconds of the second half of the records, after the first."""
    codec = make_codec(name, grid=lambda _: GRID)
    systems = Systems(lambda _: Aligner(GRID.interval_s), 10)
    middle = len(held) // 2
    for part in (held[:middle], held[middle:]):
        start = time.process_time()
        for record in part:
            for samples in codec.decode(record).samples:
                if align:
                    systems.push(samples, record)
    return time.process_time() - start


def records(name: str, count: int, per_cent: int = 0) -> list[Record]:
    """Return records with twice `count` values."""
    both = enumerate(messages(name, 2 * count, per_cent))
    return [Record(name, 0, i, None, raw) for i, raw in both]


def speeds(count: int) -> dict[str, float]:
    """Return values a second of every format, `count` values each, and what unusable ones cost."""
    figures: dict[str, float] = {}
    for name in DEFAULT_MAPPINGS:
        sound = records(name, count)
        for what, align in (("decoded", False), ("aligned", True)):
            best = min(seconds(name, sound, align=align) for _ in range(3))
            figures[f"{name}_{what}_per_s"] = count / best
        for per_cent in (1, 10):
            pieces = records(name, PIECE), records(name, PIECE, per_cent)
            pairs = [
                [seconds(name, piece, align=False) for piece in pieces]
                for _ in range(count // PIECE)
            ]
            ratio = median(clean / spoilt for clean, spoilt in pairs)
            figures[f"{name}_with_{per_cent}_per_cent"] = ratio
    return figures


def main() -> None:
    """Decode and align the same number of values in every format."""
    chosen = options(__doc__ or "").parse_args()
    finish(chosen, speeds(30_000 if chosen.quick else 150_000))


if __name__ == "__main__":
    main()
