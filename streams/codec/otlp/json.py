"""OpenTelemetry metrics (OTLP): one ExportMetricsServiceRequest a message, in JSON.

A monotonic sum becomes a rate per second, cumulative or delta; a sum that may fall is a gauge,
summed over its sources. Histograms become `.count` and `.sum` (rates) and quantiles, summaries
`.count`, `.sum` and the quantiles they hold. Points with the flag "no recorded value" are skipped.
"""

import math
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple, NoReturn, TypeAlias, TypeVar

import msgspec

from streams.codec.faults import fail, show
from streams.codec.labelled.histogram import MAX_BUCKETS, Histogram, from_buckets, from_exponential
from streams.codec.labelled.mapping import Kind, Namer, Rule, Series
from streams.codec.labelled.reducer import Reading
from streams.codec.otlp.model import (
    NO_RECORDED_VALUE,
    AnyValue,
    Distribution,
    Exponential,
    ExponentialPoint,
    HistogramPoint,
    Int,
    KeyValue,
    Metric,
    Number,
    NumberPoint,
    Request,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
    SummaryPoint,
)
from streams.codec.payload import Parts, decode_part, documents
from streams.codec.values import time_problem
from streams.errors import DecodeError
from streams.records import Problem, ProblemKind, Record

Point: TypeAlias = NumberPoint | HistogramPoint | ExponentialPoint | SummaryPoint
P = TypeVar("P", NumberPoint, HistogramPoint, ExponentialPoint, SummaryPoint)
R = TypeVar("R")
LabelReader: TypeAlias = Callable[[bytes, str], dict[str, str]]

_DELTA = (1, "AGGREGATION_TEMPORALITY_DELTA")
_CUMULATIVE = (2, "AGGREGATION_TEMPORALITY_CUMULATIVE")
_SCALES = range(-10, 21)
_INTEGER = re.compile(r"-?[0-9]{1,20}")

_decoder = msgspec.json.Decoder(Request)
_attributes = msgspec.json.Decoder(list[KeyValue] | None)


def _points(key: str, kind: type) -> Parts:
    return Parts((key, "dataPoints"), msgspec.json.Decoder(kind))


_POINTS = (
    _points("gauge", NumberPoint),
    _points("sum", NumberPoint),
    _points("histogram", HistogramPoint),
    _points("exponentialHistogram", ExponentialPoint),
    _points("summary", SummaryPoint),
)
_METRICS = Parts(("metrics",), msgspec.json.Decoder(Metric), _POINTS)
_SCOPES = Parts(("scopeMetrics",), msgspec.json.Decoder(ScopeMetrics), (_METRICS,))
_PARTS = (Parts(("resourceMetrics",), msgspec.json.Decoder(ResourceMetrics), (_SCOPES,)),)


def parse_otlp_json(record: Record, namer: Namer, left_out: list[Problem]) -> Iterator[Reading]:
    """Yield the readings of one request in JSON.

    Raises
    ------
    DecodeError
        Naming path, rule and value; no other exception for any bytes.
    """

    def labels(raw: bytes, where: str) -> dict[str, str]:
        attributes = decode_part(record, raw, _attributes, where) or []
        found = ((kv.key, _label(kv.value)) for kv in attributes)
        return {key: value for key, value in found if value is not None}

    for request, where in documents(record, _decoder, _PARTS, left_out):
        yield from read_request(record, namer, request, labels, (where, left_out))


def read_request(
    record: Record,
    namer: Namer,
    request: Request,
    labels: LabelReader,
    where: tuple[str, list[Problem]],
) -> Iterator[Reading]:
    """Yield the readings of a request.

    Parameters
    ----------
    record : Record
        Where it comes from.
    namer : Namer
    request : Request
    labels : callable
        Raw attributes, and their place, to labels; for attributes not seen before.
    where : (str, list of Problem)
        Start of the paths in it, and what gets the parts that cannot be used.
    """
    reading = _RequestContext(record, namer, labels, *where)
    for r, resource in enumerate(request.resource_metrics):
        raw = bytes(resource.resource.attributes)
        for s, scope in enumerate(resource.scope_metrics):
            home = (raw, scope.scope.name)
            for m, metric in enumerate(scope.metrics):
                yield from _Reader(reading, home, (r, s, m), metric).readings()


class _RequestContext(NamedTuple):
    """What all metrics of a request share."""

    record: Record
    namer: Namer
    labels: LabelReader
    start: str  # of the paths
    left_out: list[Problem]


class _Reader:
    """Reads one metric; knows where it stands, and says so only when that is asked for."""

    __slots__ = ("_at", "_context", "_delta", "_home", "_kind", "_metric", "_point", "_rule")

    def __init__(
        self,
        context: _RequestContext,
        home: tuple[bytes, str],
        at: tuple[int, int, int],
        metric: Metric,
    ) -> None:
        self._context = context
        self._home = home
        self._at = at
        self._metric = metric
        self._point: tuple[str, int] | None = None
        self._kind: Kind = "gauge"
        self._rule: Rule = "mean"
        self._delta = False

    def readings(self) -> Iterator[Reading]:
        """Yield the readings of the points that can be used; the others are left out."""
        metric = self._metric
        try:
            if metric.gauge is not None:
                yield from self._each("gauge", metric.gauge.data_points, self._number)
            if metric.sum is not None:
                self._delta = self._is_delta("sum", metric.sum)
                self._rule = "sum"
                if self._delta or metric.sum.is_monotonic:
                    self._kind = "counter"
                yield from self._each("sum", metric.sum.data_points, self._number)
            if metric.histogram is not None:
                self._delta = self._is_delta("histogram", metric.histogram)
                points = metric.histogram.data_points
                yield from self._each("histogram", points, self._explicit)
            if metric.exponential_histogram is not None:
                held = metric.exponential_histogram
                self._delta = self._is_delta("exponentialHistogram", held)
                yield from self._each("exponentialHistogram", held.data_points, self._exponential)
            if metric.summary is not None:
                self._delta = False
                for readings in self._each("summary", metric.summary.data_points, self._summary):
                    yield from readings
        except DecodeError as error:
            self._leave_out(error)

    def _each(self, kind: str, points: list[P], read: Callable[[P], R]) -> Iterator[R]:
        """Yield what is read of the points that hold a value."""
        for i, point in enumerate(points):
            if point.flags & NO_RECORDED_VALUE:
                continue
            self._point = (kind, i)
            try:
                found = read(point)
            except DecodeError as error:
                self._leave_out(error)
            else:
                yield found
        self._point = None

    def _leave_out(self, error: DecodeError) -> None:
        self._context.left_out.append(error.problem(self._metric.name, self._where))

    @property
    def _where(self) -> str:
        r, s, m = self._at
        metric = f"{self._context.start}resourceMetrics[{r}].scopeMetrics[{s}].metrics[{m}]"
        if self._point is None:
            return metric
        kind, i = self._point
        return f"{metric}.{kind}.dataPoints[{i}]"

    def _is_delta(self, kind: str, held: Sum | Distribution | Exponential) -> bool:
        if held.aggregation_temporality in _DELTA:
            return True
        if held.aggregation_temporality not in _CUMULATIVE:
            got = show(held.aggregation_temporality)
            where = f"{self._where}.{kind}.aggregationTemporality"
            fail(self._context.record, f"1 (delta) or 2 (cumulative) expected, got {got}", where)
        return False

    def _number(self, point: NumberPoint) -> Reading:
        if point.as_double is not None:
            value = self._float(point.as_double, "asDouble")
        elif point.as_int is not None:
            value = float(self._int(point.as_int, "asInt"))
        else:
            self._fail("asDouble or asInt expected, got neither", kind="value")
        time, start, elapsed = self._times(point)
        series = self._series(point, "", self._kind, self._rule)
        return Reading(series, time, value, start, elapsed)

    def _explicit(self, point: HistogramPoint) -> Reading:
        bounds = [self._float(b, "explicitBounds") for b in point.explicit_bounds]
        counts = self._counts(point.bucket_counts, "bucketCounts")
        if len(counts) != len(bounds) + 1 and (counts or bounds):
            rule = f"one count more than bounds expected ({len(bounds) + 1}), got {len(counts)}"
            self._fail(rule, "bucketCounts")
        if any(not (abs(b) < math.inf and a < b) for a, b in pairwise((-math.inf, *bounds))):
            self._fail("finite, increasing bounds expected", "explicitBounds")
        return self._histogram(point, from_buckets(*self._totals(point), bounds, counts))

    def _exponential(self, point: ExponentialPoint) -> Reading:
        if point.scale not in _SCALES:
            reason = f"{_SCALES.start} to {_SCALES.stop - 1} expected, got {point.scale}"
            self._fail(reason, "scale")
        threshold = self._float(point.zero_threshold, "zeroThreshold")
        if not 0 <= threshold < math.inf:
            self._fail(f"finite number >= 0 expected, got {threshold}", "zeroThreshold")
        zero = float(self._int(point.zero_count, "zeroCount"))
        positive = (point.positive, "positive.bucketCounts")
        negative = (point.negative, "negative.bucketCounts")
        held = from_exponential(
            *self._totals(point),
            point.scale,
            (zero, threshold),
            *(
                (half.offset, self._counts(half.bucket_counts, key))
                for half, key in (positive, negative)
            ),
        )
        return self._histogram(point, held)

    def _histogram(self, point: HistogramPoint | ExponentialPoint, held: Histogram) -> Reading:
        time, start, elapsed = self._times(point)
        return Reading(self._series(point, "", "histogram", "sum"), time, held, start, elapsed)

    def _summary(self, point: SummaryPoint) -> list[Reading]:
        time, start, _ = self._times(point)
        count, total = self._totals(point)
        found = [Reading(self._series(point, ".count", "counter", "sum"), time, count, start)]
        if total is not None:
            series = self._series(point, ".sum", "counter", "sum")
            found.append(Reading(series, time, total, start))
        for held in point.quantile_values:
            series = self._series(point, f".p{100 * held.quantile:g}", "gauge", "max")
            found.append(Reading(series, time, self._float(held.value, "quantileValues")))
        return found

    def _series(self, point: Point, suffix: str, kind: Kind, rule: Rule) -> Series:
        resource, scope = self._home
        attributes = bytes(point.attributes)
        metric = self._metric.name + suffix
        raw = (resource, scope, metric, kind, rule, attributes)
        record, namer, read, start, _ = self._context
        known = namer.get(record, raw)
        if known is not None:
            return known
        labels = read(resource, f"{start}resourceMetrics[{self._at[0]}].resource.attributes")
        labels |= read(attributes, f"{self._where}.attributes")
        if scope:
            labels["otel.scope.name"] = scope
        return namer.learn(record, raw, self._where, labels, metric, kind, rule)

    def _times(self, point: Point) -> tuple[float, float, float]:
        """Return time, start, and for a delta the seconds between them."""
        nanos = self._int(point.time_unix_nano, "timeUnixNano")
        time = nanos / 1e9
        problem = time_problem(time) if nanos else "time expected, got nothing"
        if problem is not None:
            self._fail(problem, "timeUnixNano", "time")
        start = self._int(point.start_time_unix_nano, "startTimeUnixNano")
        if self._delta and not 0 < start < nanos:
            self._fail(f"start of the delta before its end expected, got {start}", kind="start")
        return time, start / 1e9, (nanos - start) / 1e9 if self._delta else 0.0

    def _totals(
        self, point: HistogramPoint | ExponentialPoint | SummaryPoint
    ) -> tuple[float, float | None]:
        total = None if point.sum is None else self._float(point.sum, "sum")
        return float(self._int(point.count, "count")), total

    def _counts(self, counts: list[Int], key: str) -> list[float]:
        if len(counts) > MAX_BUCKETS:
            self._fail(f"at most {MAX_BUCKETS} buckets expected, got {len(counts)}", key, "limit")
        return [float(self._int(count, key)) for count in counts]

    def _int(self, value: Int, key: str) -> int:
        if isinstance(value, str):
            if not _INTEGER.fullmatch(value):
                self._fail(f"64-bit integer expected, got {show(value)}", key, "value")
            return int(value)
        return value

    def _float(self, value: Number, key: str) -> float:
        try:
            return float(value)
        except ValueError:
            self._fail(f"number expected, got {show(value)}", key, "value")

    def _fail(self, reason: str, key: str = "", kind: ProblemKind = "form") -> NoReturn:
        fail(self._context.record, reason, f"{self._where}.{key}" if key else self._where, kind)


def _label(value: AnyValue) -> str | None:
    """Return the text of an attribute, None for what is no scalar."""
    if value.bool_value is not None:
        return "true" if value.bool_value else "false"
    for scalar in (value.string_value, value.int_value, value.double_value):
        if scalar is not None:
            return str(scalar)
    return None
