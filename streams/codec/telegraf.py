r"""JSON of Telegraf: one metric a message, or a batch of them.

``{"name": "cpu", "tags": {"host": "web1"}, "fields": {"usage_idle": 98.1},
"timestamp": 1700000000}``

``{"metrics": [...]}`` holds several. The time stamp counts `json_timestamp_units`, by default
seconds. A series is named ``<name>.<field>``; booleans count 1 and 0, text is no metric.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from streams.codec.faults import printable, show
from streams.codec.labelled.codec import Parser
from streams.codec.labelled.mapping import Labels, Namer, Raw, Series
from streams.codec.labelled.reducer import Reading
from streams.codec.payload import Parts, decode_part, documents
from streams.codec.values import time_problem
from streams.errors import DecodeError
from streams.records import Problem, Record

_BATCH: Final = re.compile(
    rb'(?:[\[\s]*+|\s*+\{\s*+"schema".*?"payload"\s*+:\s*+[\[\s]*+)\{\s*+"metrics"\s*+:\s*+\[',
    re.DOTALL,
)
"""Batches at a glance: one, an array of them, or in the envelope of Kafka Connect."""

_FLUSHED: Final = ("counter", "distribution", "gauge", "histogram", "set", "timing")
"""Values of the tag `metric_type`, which the plugin statsd sets."""

UNITS: Final = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
"""Counts of a time stamp in one second."""


class _Metric(msgspec.Struct, gc=False):
    name: str
    # Arrays and objects are left out one by one, without taking the message apart.
    fields: dict[str, float | str | bool | list[Any] | dict[str, Any] | None]
    timestamp: float
    tags: msgspec.Raw = msgspec.Raw(b"{}")


class _MetricBatch(msgspec.Struct, gc=False):
    metrics: list[_Metric]


class _BatchForm(msgspec.Struct, gc=False):
    metrics: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_metric = msgspec.json.Decoder(_Metric)
_batch = msgspec.json.Decoder(_MetricBatch)
_form = msgspec.json.Decoder(_BatchForm)
_tags = msgspec.json.Decoder(dict[str, str])

_METRICS: Final = (Parts(("metrics",), _metric),)


def telegraf_parser(time_unit: str = "s") -> Parser:
    """Return the parser of messages whose time stamps count `time_unit`, a key of `UNITS`."""
    per_second = UNITS[time_unit]

    def parse(record: Record, namer: Namer, left_out: list[Problem]) -> Iterator[Reading]:
        if not _is_batch(record.value):
            for metric, where in documents(record, _metric, (), left_out):
                yield from _readings(record, namer, left_out, metric, per_second, where)
            return
        for batch, where in documents(record, _batch, _METRICS, left_out):
            for i, metric in enumerate(batch.metrics):
                here = f"{where}metrics[{i}]."
                yield from _readings(record, namer, left_out, metric, per_second, here)

    return parse


def _is_batch(raw: bytes) -> bool:
    """Whether objects have `metrics`; most messages of the single form show it at a glance."""
    if b'"metrics"' not in raw:
        return False
    if _BATCH.match(raw):
        return True
    try:
        return _form.decode(raw).metrics is not msgspec.UNSET
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False


def _readings(
    record: Record,
    namer: Namer,
    left_out: list[Problem],
    metric: _Metric,
    per_second: float,
    where: str,
) -> Iterator[Reading]:
    """Yield a reading for each field that is a number; `where` is the path up to the metric."""
    time = metric.timestamp / per_second
    problem = time_problem(time)
    if problem is not None:
        left_out.append(Problem("time", metric.name, f"{where}timestamp", problem))
        return
    tags = bytes(metric.tags)
    for field, value in metric.fields.items():
        if isinstance(value, str) or value is None:
            continue
        if isinstance(value, list | dict):
            reason = f"number, text, boolean or null expected, got {show(value)}"
            where_it_is = f"{where}fields.{printable(field)}"
            left_out.append(Problem("value", metric.name, where_it_is, reason))
            continue
        raw = (tags, metric.name, field)
        try:
            series = namer.get(record, raw)
            if series is None:
                name = f"{metric.name}.{field}"
                labels = decode_part(record, tags, _tags, f"{where}tags")
                series = learn_field(record, namer, raw, name, labels, f"{where}tags")
        except DecodeError as error:
            left_out.append(error.problem(f"{metric.name}.{field}", f"{where}tags"))
        else:
            yield Reading(series, time, float(value))


def learn_field(
    record: Record, namer: Namer, raw: Raw, metric: str, labels: Labels, where: str
) -> Series:
    """Name the series of one field of a measurement; see `Namer.learn`.

    What a statsd plugin flushes is of one interval: never cumulative, whatever its name says.
    """
    flushed = labels.get("metric_type") in _FLUSHED
    if namer.is_counter(metric) and not flushed:
        return namer.learn(record, raw, where, labels, metric, "counter", "sum")
    is_count = flushed and (
        labels["metric_type"] == "counter" or metric.endswith(("_count", "_sum"))
    )
    return namer.learn(record, raw, where, labels, metric, "gauge", "sum" if is_count else "mean")
