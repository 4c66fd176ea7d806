"""OTLP metrics in protobuf: the extra `otlp`, imported only when this format is used."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import msgspec

from streams.codec.faults import fail
from streams.codec.labelled.codec import Parser
from streams.codec.labelled.mapping import Namer
from streams.codec.labelled.reducer import Reading
from streams.codec.otlp import model
from streams.codec.otlp.json import read_request
from streams.codec.recognise import what_bytes_are
from streams.errors import MissingExtraError
from streams.records import Problem, Record

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue
    from opentelemetry.proto.metrics.v1 import metrics_pb2 as pb

_NONE = msgspec.Raw(b"")
_TRACE_ID = 16  # bytes
_Pack: TypeAlias = Callable[[Any], msgspec.Raw]


def otlp_proto_parser() -> Parser:
    """Return the parser of requests in protobuf.

    Raises
    ------
    MissingExtraError
        If opentelemetry-proto is not installed.
    """
    try:
        from google.protobuf.message import DecodeError as ProtobufError  # noqa: PLC0415 - an extra
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (  # noqa: PLC0415
            ExportMetricsServiceRequest,
        )
        from opentelemetry.proto.resource.v1.resource_pb2 import Resource  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("format otlp_proto", "otlp") from None

    def pack(attributes: Any) -> msgspec.Raw:
        """Return bytes that tell attributes apart: those of a message that holds only them."""
        if not attributes:
            return _NONE
        return msgspec.Raw(Resource(attributes=attributes).SerializeToString(deterministic=True))

    def labels(raw: bytes, _: str) -> dict[str, str]:
        values = ((a.key, _label(a.value)) for a in Resource.FromString(raw).attributes)
        return {key: value for key, value in values if value is not None}

    def parse(record: Record, namer: Namer, left_out: list[Problem]) -> Iterator[Reading]:
        try:
            message = ExportMetricsServiceRequest.FromString(record.value)
        except ProtobufError:
            _refuse(record)
        request = model.Request(
            resource_metrics=[_resource(r, pack) for r in message.resource_metrics]
        )
        return read_request(record, namer, request, labels, ("", left_out))

    return parse


def _refuse(record: Record) -> NoReturn:
    """Refuse what is no request, saying what it is instead if that shows."""
    what = what_bytes_are(record.value) or _other_signal(record.value)
    if what is None and record.value.lstrip()[:1] == b"{":
        what = "looks like JSON; set `format` of the topic to otlp_json"
    if what is not None:
        fail(record, what, kind="not_metrics")
    rule = "ExportMetricsServiceRequest in protobuf expected"
    fail(record, f"{rule}, got {len(record.value)} bytes that are none")


def _other_signal(raw: bytes) -> str | None:
    """Return which of OpenTelemetry's other signals a request holds, None if neither."""
    from google.protobuf.message import DecodeError as ProtobufError  # noqa: PLC0415 - an extra
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (  # noqa: PLC0415
        ExportLogsServiceRequest,
    )
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415
        ExportTraceServiceRequest,
    )

    try:
        traces = ExportTraceServiceRequest.FromString(raw)
        spans = (p for r in traces.resource_spans for s in r.scope_spans for p in s.spans)
        if any(len(span.trace_id) == _TRACE_ID for span in spans):
            return "these are traces: `resource_spans`"
        logs = ExportLogsServiceRequest.FromString(raw)
    except ProtobufError:
        return None
    held = (s.log_records for r in logs.resource_logs for s in r.scope_logs)
    return "these are logs: `resource_logs`" if any(held) else None


def _label(value: "AnyValue") -> str | None:
    """Return the text of an attribute, None for what is no scalar."""
    kind = value.WhichOneof("value")
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    if kind in ("string_value", "int_value", "double_value"):
        return str(getattr(value, kind))
    return None


def _resource(held: "pb.ResourceMetrics", pack: _Pack) -> model.ResourceMetrics:
    """Return the metrics of one resource in the types shared with JSON."""
    scopes = [
        model.ScopeMetrics(
            scope=model.Scope(name=scope.scope.name),
            metrics=[_metric(metric, pack) for metric in scope.metrics],
        )
        for scope in held.scope_metrics
    ]
    resource = model.Resource(attributes=pack(held.resource.attributes))
    return model.ResourceMetrics(resource=resource, scope_metrics=scopes)


def _metric(metric: "pb.Metric", pack: _Pack) -> model.Metric:
    kind = metric.WhichOneof("data")
    made = model.Metric(name=metric.name)
    if kind == "gauge":
        made.gauge = model.Gauge(data_points=[_number(p, pack) for p in metric.gauge.data_points])
    elif kind == "sum":
        made.sum = model.Sum(
            data_points=[_number(p, pack) for p in metric.sum.data_points],
            aggregation_temporality=metric.sum.aggregation_temporality,
            is_monotonic=metric.sum.is_monotonic,
        )
    elif kind == "histogram":
        made.histogram = model.Distribution(
            data_points=[_explicit(p, pack) for p in metric.histogram.data_points],
            aggregation_temporality=metric.histogram.aggregation_temporality,
        )
    elif kind == "exponential_histogram":
        held = metric.exponential_histogram
        made.exponential_histogram = model.Exponential(
            data_points=[_exponential(p, pack) for p in held.data_points],
            aggregation_temporality=held.aggregation_temporality,
        )
    elif kind == "summary":
        points = [_summary(p, pack) for p in metric.summary.data_points]
        made.summary = model.Summary(data_points=points)
    return made


def _number(point: "pb.NumberDataPoint", pack: _Pack) -> model.NumberPoint:
    kind = point.WhichOneof("value")
    return model.NumberPoint(
        attributes=pack(point.attributes),
        start_time_unix_nano=point.start_time_unix_nano,
        time_unix_nano=point.time_unix_nano,
        flags=point.flags,
        as_double=point.as_double if kind == "as_double" else None,
        as_int=point.as_int if kind == "as_int" else None,
    )


def _explicit(point: "pb.HistogramDataPoint", pack: _Pack) -> model.HistogramPoint:
    return model.HistogramPoint(
        attributes=pack(point.attributes),
        start_time_unix_nano=point.start_time_unix_nano,
        time_unix_nano=point.time_unix_nano,
        flags=point.flags,
        count=point.count,
        sum=point.sum if point.HasField("sum") else None,
        bucket_counts=list(point.bucket_counts),
        explicit_bounds=list(point.explicit_bounds),
    )


def _exponential(point: "pb.ExponentialHistogramDataPoint", pack: _Pack) -> model.ExponentialPoint:
    return model.ExponentialPoint(
        attributes=pack(point.attributes),
        start_time_unix_nano=point.start_time_unix_nano,
        time_unix_nano=point.time_unix_nano,
        flags=point.flags,
        count=point.count,
        sum=point.sum if point.HasField("sum") else None,
        scale=point.scale,
        zero_count=point.zero_count,
        zero_threshold=point.zero_threshold,
        positive=_buckets(point.positive),
        negative=_buckets(point.negative),
    )


def _buckets(half: "pb.ExponentialHistogramDataPoint.Buckets") -> model.Buckets:
    return model.Buckets(offset=half.offset, bucket_counts=list(half.bucket_counts))


def _summary(point: "pb.SummaryDataPoint", pack: _Pack) -> model.SummaryPoint:
    return model.SummaryPoint(
        attributes=pack(point.attributes),
        start_time_unix_nano=point.start_time_unix_nano,
        time_unix_nano=point.time_unix_nano,
        flags=point.flags,
        count=point.count,
        sum=point.sum,
        quantile_values=[
            model.QuantileValue(quantile=q.quantile, value=q.value) for q in point.quantile_values
        ],
    )
