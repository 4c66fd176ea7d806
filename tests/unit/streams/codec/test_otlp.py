"""OTLP in both encodings: what each kind of metric becomes, and how faults are named."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from streams.codec import make_codec
from streams.errors import DecodeError
from streams.grid import Grid
from streams.records import Record

NANO = 1_000_000_000
ENTITY = {"service.name": "cart"}


def attributes(labels: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": k, "value": {"stringValue": v}} for k, v in labels.items()]


def request(
    metric: dict[str, Any], labels: dict[str, str] | None = None, **scope: str
) -> dict[str, list[dict[str, Any]]]:
    held: dict[str, Any] = {"resource": {"attributes": attributes(labels or ENTITY)}}
    held["scopeMetrics"] = [{"scope": scope, "metrics": [{"name": "m"} | metric]}]
    return {"resourceMetrics": [held]}


def point(
    second: int, start: int | None = None, labels: dict[str, str] | None = None, **value: object
) -> dict[str, Any]:
    held = {"timeUnixNano": str(second * NANO), "attributes": attributes(labels or {})} | value
    return held if start is None else held | {"startTimeUnixNano": str(start * NANO)}


def total(
    *points: dict[str, Any], temporality: int = 2, monotonic: bool = True
) -> dict[str, list[dict[str, Any]]]:
    held = {"dataPoints": points, "aggregationTemporality": temporality, "isMonotonic": monotonic}
    return request({"sum": held})


def encoded(encoding: str, message: dict[str, list[dict[str, Any]]]) -> bytes:
    text = json.dumps(message)
    if encoding == "otlp_json":
        return text.encode()
    from google.protobuf.json_format import Parse
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

    return bytes(Parse(text, metrics_service_pb2.ExportMetricsServiceRequest()).SerializeToString())


Decode = Callable[..., list[tuple[float, str, float]]]
Faults = Callable[[dict[str, list[dict[str, Any]]]], list[str]]


@pytest.fixture(params=["otlp_json", "otlp_proto"])
def faults(request: pytest.FixtureRequest) -> Faults:
    """A message to what is wrong with it, in whole or in part."""
    codec = make_codec(request.param, grid=lambda _: Grid(10.0))

    def decode(message: dict[str, list[dict[str, Any]]]) -> list[str]:
        record = Record("t", 0, 0, None, encoded(request.param, message))
        return [str(problem) for problem in codec.decode(record).problems]

    return decode


@pytest.fixture(params=["otlp_json", "otlp_proto"])
def decoded(request: pytest.FixtureRequest) -> Decode:
    """Messages to (time, name) and value, in the order they come out."""
    grid = Grid(10.0)
    codec = make_codec(request.param, grid=lambda _: grid)

    def decode(*messages: dict[str, list[dict[str, Any]]]) -> list[tuple[float, str, float]]:
        return [
            (s.time, name.removeprefix("cart:"), value)
            for message in messages
            for s in codec.decode(Record("t", 0, 0, None, encoded(request.param, message))).samples
            for name, value in zip(s.names, s.values.tolist(), strict=True)
        ]

    return decode


class TestSums:
    def test_cumulative(self, decoded: Decode) -> None:
        """The rate per second between two points; integers and floats."""
        found = decoded(total(point(60, asInt="100")), total(point(70, asDouble=150.5)))

        assert [(70.0, "m", 5.05)] == found

    def test_first_point(self, decoded: Decode) -> None:
        """What was counted since the start, where that is told; a job may send no other point."""
        assert [(60.0, "m", 2.0)] == decoded(total(point(60, 10, asInt="100")))
        old = total(point(7200, 10, asInt="100"), point(7210, 10, asInt="150"))
        old["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["name"] = "long"
        assert [(7210.0, "long", 5.0)] == decoded(old)

    def test_delta(self, decoded: Decode) -> None:
        """The value over its own seconds, from the first point on."""
        assert [(60.0, "m", 2.5)] == decoded(total(point(60, 40, asInt="50"), temporality=1))

    def test_restart(self, decoded: Decode) -> None:
        """A new start time means that counting began anew."""
        found = decoded(total(point(60, 10, asInt="100")), total(point(70, 65, asInt="200")))

        assert [(60.0, "m", 2.0), (70.0, "m", 20.0)] == found

    @pytest.mark.parametrize(("temporality", "expected"), [(2, 7.0), (1, 0.7)])
    def test_not_monotonic(self, decoded: Decode, temporality: int, expected: float) -> None:
        """A cumulative level counts as it is, a delta as a rate."""
        message = total(point(60, 50, asInt="7"), temporality=temporality, monotonic=False)

        assert [(60.0, "m", expected)] == decoded(message)

    def test_levels_are_summed_over_replicas(self, decoded: Decode) -> None:
        """Requests in flight add up; a gauge gives its mean."""
        pods = [point(60, asInt=str(n), labels={"pod": f"p{n}"}) for n in (1, 2)]

        assert [(60.0, "m", 3.0)] == decoded(total(*pods, monotonic=False))
        assert [(60.0, "g", 1.5)] == decoded(request({"name": "g", "gauge": {"dataPoints": pods}}))


class TestDistributions:
    def test_exponential_histogram(self, decoded: Decode) -> None:
        """Cumulative points give rates and quantiles of what came in between."""

        def message(second: int, counts: list[int]) -> dict[str, list[dict[str, Any]]]:
            held = point(second, count=str(sum(counts)), sum=float(sum(counts)), scale=-1)
            held |= {"zeroCount": "0", "positive": {"offset": 0, "bucketCounts": counts}}
            kind = {"dataPoints": [held], "aggregationTemporality": 2}
            return request({"exponentialHistogram": kind})

        found = decoded(message(60, [5, 5]), message(70, [25, 5]))

        expected = {"m.count": 2.0, "m.sum": 2.0, "m.p50": 2.0, "m.p95": 4**0.95, "m.p99": 4**0.99}
        assert [70.0] * 5 == [time for time, _, _ in found]
        assert expected == pytest.approx({name: value for _, name, value in found})

    def test_summary(self, decoded: Decode) -> None:
        """Count and sum are rates, quantiles are as they were told."""

        def message(second: int, count: int) -> dict[str, list[dict[str, Any]]]:
            held = point(second, count=str(count), sum=count / 2)
            held["quantileValues"] = [{"quantile": 0.99, "value": 0.25}]
            return request({"summary": {"dataPoints": [held]}})

        found = decoded(message(60, 10), message(70, 30))

        assert [(60.0, "m.p99", 0.25)] == found[:1]
        assert [(70.0, "m.count", 2.0), (70.0, "m.sum", 1.0), (70.0, "m.p99", 0.25)] == found[1:]

    def test_histogram_without_buckets(self, decoded: Decode) -> None:
        """Count and sum alone give no quantiles."""
        held = point(60, 50, count="20", sum=5.0, bucketCounts=["20"])
        kind = {"dataPoints": [held], "aggregationTemporality": 1}

        found = decoded(request({"histogram": kind}))

        assert [(60.0, "m.count", 2.0), (60.0, "m.sum", 0.5)] == found


class TestIdentity:
    def test_no_recorded_value(self, decoded: Decode) -> None:
        """A point with this flag says that the series ended."""
        points = [point(60, flags=1), point(60, asDouble=1.0, flags=2)]

        assert [(60.0, "m", 1.0)] == decoded(request({"gauge": {"dataPoints": points}}))

    def test_scopes_are_sources(self, decoded: Decode) -> None:
        """The same metric of two instrumentation scopes is combined, not overwritten."""
        gauge = {"gauge": {"dataPoints": [point(60, asDouble=1.0)]}}
        other = {"gauge": {"dataPoints": [point(61, asDouble=3.0)]}}

        found = decoded(request(gauge, name="a"), request(other, name="b"))

        assert [(60.0, "m", 1.0), (61.0, "m", 2.0)] == found

    def test_scalar_attributes(self, decoded: Decode) -> None:
        """Attributes that are numbers or booleans name as text; arrays are not read."""
        message = request({"gauge": {"dataPoints": [point(60, asDouble=1.0)]}})
        message["resourceMetrics"][0]["resource"]["attributes"] += [
            {"key": "direction", "value": {"boolValue": True}},
            {"key": "state", "value": {"intValue": "5"}},
            {"key": "error.type", "value": {"arrayValue": {"values": [{"stringValue": "x"}]}}},
        ]

        assert [(60.0, "m{state=5,direction=true}", 1.0)] == decoded(message)

    def test_an_empty_message_is_none(self, decoded: Decode) -> None:
        """No metric, no sample."""
        assert [] == decoded({"resourceMetrics": []})


class TestErrors:
    @pytest.mark.parametrize(
        ("message", "expected"),
        [
            (
                total(point(60, asInt="1"), temporality=0),
                "sum.aggregationTemporality: 1 (delta) or 2 (cumulative) expected, got int 0",
            ),
            (
                total(point(60, asInt="1"), temporality=1),
                "sum.dataPoints[0]: start of the delta before its end expected, got 0",
            ),
            (total(point(60)), "sum.dataPoints[0]: asDouble or asInt expected, got neither"),
            (total(point(60, asInt=1), point(0, asInt=1)), "dataPoints[1].timeUnixNano: time"),
            (request({}, {"x": "y"}), None),
            (
                request({"gauge": {"dataPoints": [point(60, asInt=1)]}}, {"x": "y"}),
                "dataPoints[0]: labels for the entity {k8s.namespace.name}/{k8s.deployment.name}",
            ),
            (
                request(
                    {
                        "histogram": {
                            "aggregationTemporality": 2,
                            "dataPoints": [point(60, bucketCounts=[1], explicitBounds=[1, 2])],
                        }
                    }
                ),
                "bucketCounts: one count more than bounds expected (3), got 1",
            ),
            (
                request(
                    {
                        "histogram": {
                            "aggregationTemporality": 2,
                            "dataPoints": [point(60, bucketCounts=[1] * 3, explicitBounds=[2, 2])],
                        }
                    }
                ),
                "explicitBounds: finite, increasing bounds expected",
            ),
            (
                request(
                    {
                        "exponentialHistogram": {
                            "aggregationTemporality": 2,
                            "dataPoints": [point(60, scale=21)],
                        }
                    }
                ),
                "dataPoints[0].scale: -10 to 20 expected, got 21",
            ),
        ],
    )
    def test_wrong_content(
        self, faults: Faults, message: dict[str, list[dict[str, Any]]], expected: str | None
    ) -> None:
        """Both encodings name the same place, rule and value."""
        if expected is None:
            assert [] == faults(message)
            return
        (said,) = faults(message)
        assert expected in said

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"asInt": "x"}, "dataPoints[0].asInt: 64-bit integer expected, got str 'x'"),
            ({"asDouble": "x"}, "dataPoints[0].asDouble: number expected, got str 'x'"),
            ({"asDouble": []}, "dataPoints[0].asDouble: Expected float | str | null, got array"),
            ({"timeUnixNano": 1.5}, "timeUnixNano: Expected int | str, got float 1.5"),
            (
                {"attributes": [{"key": 5}]},
                "dataPoints[0].attributes[0].key: Expected str, got int 5",
            ),
        ],
    )
    def test_wrong_types_in_json(self, changes: dict[str, Any], expected: str) -> None:
        """JSON can be wrong in more ways than protobuf."""
        message = total(point(60, asInt=1) | changes)
        codec = make_codec("otlp_json", grid=lambda _: Grid(10.0))
        found = codec.decode(Record("t", 0, 0, None, encoded("otlp_json", message)))

        (said,) = map(str, found.problems)
        assert expected in said

    def test_wrong_bytes_in_protobuf(self) -> None:
        """What is no protobuf is refused in words."""
        codec = make_codec("otlp_proto", grid=lambda _: Grid(10.0))
        with pytest.raises(DecodeError, match="in protobuf expected, got 3 bytes that are none"):
            codec.decode(Record("t", 0, 0, None, b"\xff\xff\xff"))
