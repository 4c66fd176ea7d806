"""The part of an OTLP ExportMetricsServiceRequest that CORAL reads, as types.

JSON follows the OTLP rules: lowerCamelCase keys, 64-bit integers as strings or numbers,
enumerations as numbers or names. What is not named here is ignored.
"""

from typing import Final, TypeAlias

import msgspec

Int: TypeAlias = int | str
Number: TypeAlias = float | str

EMPTY: Final = msgspec.Raw(b"[]")
NO_RECORDED_VALUE: Final = 1
"""Bit in `flags`: the series has ended."""


class _RequestPart(msgspec.Struct, rename="camel", gc=False):
    """Part of a request."""


class AnyValue(_RequestPart):
    """Value of an attribute; arrays and maps are not read."""

    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Int | None = None
    double_value: Number | None = None


class KeyValue(_RequestPart):
    """One attribute."""

    key: str
    value: AnyValue = msgspec.field(default_factory=AnyValue)


class _Point(_RequestPart):
    attributes: msgspec.Raw = EMPTY
    start_time_unix_nano: Int = 0
    time_unix_nano: Int = 0
    flags: int = 0


class NumberPoint(_Point):
    """Point of a gauge or a sum."""

    as_double: Number | None = None
    as_int: Int | None = None


class HistogramPoint(_Point):
    """Point of a histogram with explicit bounds."""

    count: Int = 0
    sum: Number | None = None
    bucket_counts: list[Int] = []
    explicit_bounds: list[Number] = []


class Buckets(_RequestPart):
    """Half of an exponential histogram."""

    offset: int = 0
    bucket_counts: list[Int] = []


class ExponentialPoint(_Point):
    """Point of an exponential histogram."""

    count: Int = 0
    sum: Number | None = None
    scale: int = 0
    zero_count: Int = 0
    zero_threshold: Number = 0.0
    positive: Buckets = msgspec.field(default_factory=Buckets)
    negative: Buckets = msgspec.field(default_factory=Buckets)


class QuantileValue(_RequestPart):
    """One quantile of a summary."""

    quantile: float = 0.0
    value: Number = 0.0


class SummaryPoint(_Point):
    """Point of a summary."""

    count: Int = 0
    sum: Number | None = None
    quantile_values: list[QuantileValue] = []


class Gauge(_RequestPart):
    """Current values."""

    data_points: list[NumberPoint] = []


class Sum(_RequestPart):
    """Sums since a start, or since the point before."""

    data_points: list[NumberPoint] = []
    aggregation_temporality: int | str = 0
    is_monotonic: bool = False


class Distribution(_RequestPart):
    """Histograms with explicit bounds."""

    data_points: list[HistogramPoint] = []
    aggregation_temporality: int | str = 0


class Exponential(_RequestPart):
    """Exponential histograms."""

    data_points: list[ExponentialPoint] = []
    aggregation_temporality: int | str = 0


class Summary(_RequestPart):
    """Summaries."""

    data_points: list[SummaryPoint] = []


class Metric(_RequestPart):
    """One metric, of one of the five types."""

    name: str = ""
    gauge: Gauge | None = None
    sum: Sum | None = None
    histogram: Distribution | None = None
    exponential_histogram: Exponential | None = None
    summary: Summary | None = None


class Scope(_RequestPart):
    """Instrumentation scope."""

    name: str = ""


class ScopeMetrics(_RequestPart):
    """Metrics of one scope."""

    scope: Scope = msgspec.field(default_factory=Scope)
    metrics: list[Metric] = []


class Resource(_RequestPart):
    """What the metrics are about."""

    attributes: msgspec.Raw = EMPTY


class ResourceMetrics(_RequestPart):
    """Metrics of one resource."""

    resource: Resource = msgspec.field(default_factory=Resource)
    scope_metrics: list[ScopeMetrics] = []


class Request(_RequestPart):
    """One message."""

    resource_metrics: list[ResourceMetrics]
