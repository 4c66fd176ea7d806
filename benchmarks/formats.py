"""Speed of the formats with labels on one core: values a second of CPU time, decoded and aligned.

`*_decoded_per_s` is without the aligner. Every series has been seen before: to name one costs as
much as some of its values, once.
"""

import json
import time
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


def prometheus(count: int) -> list[bytes]:
    """Half gauges, half counters; one sample a message."""
    made = []
    for i in range(count):
        source = i % (SERVICES * REPLICAS)
        at = time.gmtime(START + i // (SERVICES * REPLICAS) * STEP_S)
        labels = {
            "__name__": "process_cpu_seconds_total" if i % 2 else "process_open_fds",
            "namespace": "shop",
            "deployment": f"service{source // REPLICAS}",
            "pod": f"service{source // REPLICAS}-7d9f5c-{source}",
            "instance": "10.0.0.1:9100",
            "job": "kubernetes-pods",
        }
        message = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", at),
            "value": str(0.5 * i),
            "name": labels["__name__"],
            "labels": labels,
        }
        made.append(json.dumps(message).encode())
    return made


def telegraf(count: int) -> list[bytes]:
    """One field a message."""
    return [
        json.dumps(
            {
                "fields": {"usage_idle": 0.5 * i},
                "name": "cpu",
                "tags": {"cpu": "cpu-total", "host": f"web{i % SERVICES}", "region": "eu"},
                "timestamp": START + i // SERVICES * STEP_S,
            }
        ).encode()
        for i in range(count)
    ]


def influx(count: int) -> list[bytes]:
    """One field a message."""
    return [
        f"cpu,cpu=cpu-total,host=web{i % SERVICES},region=eu usage_idle={0.5 * i} "
        f"{START + i // SERVICES * STEP_S}000000000".encode()
        for i in range(count)
    ]


def otlp(count: int) -> list[dict[str, Any]]:
    """50 values a message: half gauges, half cumulative sums, as a Collector sends them."""
    made: list[dict[str, Any]] = []
    for i in range(count // 50):
        resource = {"key": "service.name", "value": {"stringValue": f"service{i % SERVICES}"}}
        at = {"timeUnixNano": f"{START + i // SERVICES * STEP_S}000000000"}
        since = {"startTimeUnixNano": f"{START}000000000"}
        label = {"attributes": [{"key": "pool", "value": {"stringValue": "main"}}]}
        gauge: dict[str, Any] = {"gauge": {"dataPoints": [at | label | {"asDouble": 0.5 * i}]}}
        counter: dict[str, Any] = {"aggregationTemporality": 2, "isMonotonic": True}
        counter |= {"dataPoints": [at | since | label | {"asInt": str(i)}]}
        metrics = [{"name": f"gauge{j}"} | gauge for j in range(25)]
        metrics += [{"name": f"counter{j}", "sum": counter} for j in range(25)]
        scope: dict[str, Any] = {"scope": {"name": "app"}, "metrics": metrics}
        made.append(
            {"resourceMetrics": [{"resource": {"attributes": [resource]}, "scopeMetrics": [scope]}]}
        )
    return made


def messages(name: str, count: int) -> list[bytes]:
    """Return messages with `count` values in all."""
    if name == "otlp_json":
        return [json.dumps(message).encode() for message in otlp(count)]
    if name == "otlp_proto":
        return [
            ParseDict(message, ExportMetricsServiceRequest()).SerializeToString()
            for message in otlp(count)
        ]
    return {"prometheus_json": prometheus, "telegraf_json": telegraf, "influx": influx}[name](count)


def seconds(name: Format, records: list[Record], *, align: bool) -> float:
    """Return the CPU seconds of the second half of the records, after the first."""
    codec = make_codec(name, grid=lambda _: GRID)
    systems = Systems(lambda _: Aligner(GRID.interval_s), 10)
    middle = len(records) // 2
    for part in (records[:middle], records[middle:]):
        start = time.process_time()
        for record in part:
            for samples in codec.decode(record).samples:
                if align:
                    systems.push(samples, record)
    return time.process_time() - start


def speeds(count: int) -> dict[str, float]:
    """Return values a second of every format, `count` values each."""
    figures: dict[str, float] = {}
    for name in DEFAULT_MAPPINGS:
        both = enumerate(messages(name, 2 * count))
        records = [Record(name, 0, i, None, raw) for i, raw in both]
        for what, align in (("decoded", False), ("aligned", True)):
            best = min(seconds(name, records, align=align) for _ in range(3))
            figures[f"{name}_{what}_per_s"] = count / best
    return figures


def main() -> None:
    """Decode and align the same number of values in every format."""
    chosen = options(__doc__ or "").parse_args()
    finish(chosen, speeds(30_000 if chosen.quick else 150_000))


if __name__ == "__main__":
    main()
