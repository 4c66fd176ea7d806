"""Messages of OpenTelemetry's own Python SDK: every instrument, both temporalities."""

from collections.abc import Iterator

import pytest
from google.protobuf.json_format import MessageToJson
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, UpDownCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import Aggregation, ExponentialBucketHistogramAggregation
from opentelemetry.sdk.resources import Resource

from streams.codec import Format, make_codec
from streams.grid import Grid
from streams.records import Record

START, STEP, NANO = 1_700_000_000, 10, 1_000_000_000
BOUNDS = (0.05, 0.1, 0.5)
KINDS = {
    "delta": AggregationTemporality.DELTA,
    "cumulative": AggregationTemporality.CUMULATIVE,
}
SHAPES: dict[str, dict[type, Aggregation]] = {
    "explicit": {},
    "exponential": {Histogram: ExponentialBucketHistogramAggregation()},
}


def exported(
    temporality: AggregationTemporality, aggregation: dict[type, Aggregation]
) -> Iterator[ExportMetricsServiceRequest]:
    """Yield what the SDK of a service exports after each of three steps, its clock set.

    In the first ten calls, in the second thirty, in the third none.
    """
    instruments = (Counter, Histogram, UpDownCounter)
    reader = InMemoryMetricReader(
        dict.fromkeys(instruments, temporality), preferred_aggregation=aggregation
    )
    provider = MeterProvider([reader], Resource({"service.name": "cart"}))
    meter = provider.get_meter("shop")
    calls = meter.create_counter("calls")
    waiting = meter.create_up_down_counter("waiting")
    duration = meter.create_histogram("duration", explicit_bucket_boundaries_advisory=BOUNDS)
    heat = meter.create_gauge("heat")
    ends = list[int]()
    for count in (10, 30, 0):
        for _ in range(count):
            calls.add(2)
            duration.record(0.08)
        waiting.add(count)
        heat.set(20.5 + count)
        measured = reader.get_metrics_data()
        assert measured is not None
        message = encode_metrics(measured)
        set_clock(message, ends)
        yield message
    provider.shutdown()


def set_clock(message: ExportMetricsServiceRequest, ends: list[int]) -> None:
    """Put the export at START and a step for each one so far, and starts where they were."""
    points = [
        point
        for resource in message.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in getattr(metric, metric.WhichOneof("data")).data_points
    ]
    ends.append(max(point.time_unix_nano for point in points))
    for point in points:
        for field in ("time_unix_nano", "start_time_unix_nano"):
            if nano := getattr(point, field):
                step = sum(end <= nano for end in ends)
                setattr(point, field, (START + STEP * step) * NANO)


@pytest.mark.parametrize("encoding", ["otlp_proto", "otlp_json"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_the_sdk_exports_is_read(kind: str, shape: str, encoding: Format) -> None:
    """The same rates, levels and quantiles, whatever it counts from, in whatever buckets."""
    codec = make_codec(encoding, grid=lambda _: Grid(float(STEP)))
    found = list[dict[str, float]]()
    for message in exported(KINDS[kind], SHAPES[shape]):
        text = MessageToJson(message).encode()
        payload = text if encoding == "otlp_json" else message.SerializeToString()
        samples, problems = codec.decode(Record("otlp", 0, 0, None, payload))
        assert [] == problems
        found.append({n: v for one in samples for n, v in zip(one.names, one.values, strict=True)})

    median = {"exponential": 0.08, "explicit": 0.075}[shape]
    for row, count in zip(found, (10, 30, 0), strict=True):
        if not count and kind == "delta":
            continue  # nothing was recorded, and nothing is exported
        assert 2 * count / STEP == pytest.approx(row["cart:calls"])
        assert count / STEP == pytest.approx(row["cart:duration.count"])
        assert 0.08 * count / STEP == pytest.approx(row["cart:duration.sum"])
        assert (count > 0) == ("cart:duration.p50" in row)
        assert median == pytest.approx(row.get("cart:duration.p50", median), rel=1e-3)
    assert [30.5, 50.5, 20.5] == [row["cart:heat"] for row in found]
    levels = [10.0, 40.0, 40.0] if kind == "cumulative" else [1.0, 3.0, 0.0]
    assert levels == [row["cart:waiting"] for row in found]
