r"""JSON of Telegraf: one metric a message, or a batch of them.

``{"name": "cpu", "tags": {"host": "web1"}, "fields": {"usage_idle": 98.1},
"timestamp": 1700000000}``

``{"metrics": [...]}`` holds several. The time stamp counts `json_timestamp_units`, by default
seconds. A series is named ``<name>.<field>``; booleans count 1 and 0, text is no metric.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from streams.codec.faults import decode_json, decode_part, fail
from streams.codec.labelled.codec import Parser
from streams.codec.labelled.mapping import Labels, Namer, Raw, Series
from streams.codec.labelled.reducer import Reading
from streams.codec.values import time_problem
from streams.records import Record

UNITS: Final = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
"""Counts of a time stamp in one second."""


class _Metric(msgspec.Struct, gc=False):
    name: str
    fields: dict[str, float | str | bool | None]
    timestamp: float
    tags: msgspec.Raw = msgspec.Raw(b"{}")


class _Batch(msgspec.Struct, gc=False):
    metrics: list[_Metric]


class _Form(msgspec.Struct, gc=False):
    metrics: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_metric = msgspec.json.Decoder(_Metric)
_batch = msgspec.json.Decoder(_Batch)
_form = msgspec.json.Decoder(_Form)
_tags = msgspec.json.Decoder(dict[str, str])


def telegraf_parser(time_unit: str = "s") -> Parser:
    """Return the parser of messages whose time stamps count `time_unit`, a key of `UNITS`."""
    per_second = UNITS[time_unit]

    def parse(record: Record, namer: Namer) -> Iterator[Reading]:
        if not _is_batch(record):
            yield from _readings(record, namer, decode_json(record, _metric), per_second, "")
            return
        for i, metric in enumerate(decode_json(record, _batch).metrics):
            yield from _readings(record, namer, metric, per_second, f"metrics[{i}].")

    return parse


def _is_batch(record: Record) -> bool:
    """Whether the object has `metrics`; most messages of the single form show it at a glance."""
    return b'"metrics"' in record.value and decode_json(record, _form).metrics is not msgspec.UNSET


def _readings(
    record: Record, namer: Namer, metric: _Metric, per_second: float, where: str
) -> Iterator[Reading]:
    time = metric.timestamp / per_second
    problem = time_problem(time)
    if problem is not None:
        fail(record, problem, f"{where}timestamp")

    tags = bytes(metric.tags)
    for field, value in metric.fields.items():
        if isinstance(value, str) or value is None:
            continue
        raw = (tags, metric.name, field)
        series = namer.get(record, raw)
        if series is None:
            name = f"{metric.name}.{field}"
            labels = decode_part(record, tags, _tags, f"{where}tags")
            series = learn_field(record, namer, raw, name, labels, f"{where}tags")
        yield Reading(series, time, float(value))


def learn_field(
    record: Record, namer: Namer, raw: Raw, metric: str, labels: Labels, where: str
) -> Series:
    """Name the series of one field of a measurement; see `Namer.learn`."""
    if namer.is_counter(metric):
        return namer.learn(record, raw, where, labels, metric, "counter", "sum")
    return namer.learn(record, raw, where, labels, metric, "gauge", "mean")
