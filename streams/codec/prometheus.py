r"""JSON of the Prometheus Kafka adapter: one sample a message.

``{"timestamp": "2023-11-14T22:13:20Z", "value": "0.5", "name": "up", "labels": {"job": "cart"}}``

The value is a string and may be ``NaN`` (a series that ended: missing) or ``+Inf``. Types are not
given, so names decide: `_total` is a counter; `_count`, `_sum` and `_bucket` are parts of
histograms and summaries.
"""

import datetime as dt
import math
from typing import Annotated

import msgspec

from streams.codec.faults import fail, show
from streams.codec.labelled.mapping import Kind, Namer, Raw, Rule, Series
from streams.codec.labelled.reducer import Reading
from streams.codec.payload import decode_part, documents
from streams.codec.values import time_problem
from streams.errors import DecodeError
from streams.records import Problem, Record


class _Sample(msgspec.Struct, gc=False):
    timestamp: Annotated[dt.datetime, msgspec.Meta(tz=True)]
    value: str | float
    name: str
    labels: msgspec.Raw


_decoder = msgspec.json.Decoder(_Sample)
_labels = msgspec.json.Decoder(dict[str, str])


def parse_prometheus(record: Record, namer: Namer, left_out: list[Problem]) -> list[Reading]:
    """Return the reading of each sample of a message, which holds one or many.

    Raises
    ------
    DecodeError
        Naming path, rule and value; no other exception for any bytes.
    """
    found = []
    for sample, where in documents(record, _decoder, (), left_out):
        try:
            reading = _reading(record, namer, sample, where)
        except DecodeError as error:
            left_out.append(error.problem(sample.name, f"{where}labels"))
        else:
            if reading is not None:
                found.append(reading)
    return found


def _reading(record: Record, namer: Namer, sample: _Sample, where: str) -> Reading | None:
    raw = (sample.name, bytes(sample.labels))
    series = namer.get(record, raw) or _learn(record, namer, raw, where)
    value = sample.value
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            reason = f"number expected, got {show(sample.value)}"
            fail(record, reason, f"{where}value", "value")
    time = sample.timestamp.timestamp()
    problem = time_problem(time)
    if problem is not None:
        fail(record, problem, f"{where}timestamp", "time")
    return None if math.isnan(value) else Reading(series, time, value)


def _learn(record: Record, namer: Namer, raw: tuple[str, bytes], where: str) -> Series:
    labels = decode_part(record, raw[1], _labels, f"{where}labels")
    return learn(record, namer, raw, raw[0], labels, f"{where}labels")


def learn(
    record: Record, namer: Namer, raw: Raw, name: str, labels: dict[str, str], where: str = "labels"
) -> Series:
    """Name the series of a metric with these labels, by what the metric's name says it is.

    Parameters
    ----------
    record : Record
        What it came in.
    namer : Namer
    raw : tuple
        As of `Namer.learn`.
    name : str
    labels : dict of str to str
        Those that are part of the metric (`le`, `quantile`) are taken out.
    where : str
        Place of the labels, for errors.

    Raises
    ------
    DecodeError
        As `Namer.learn`, and if `le` or `quantile` is no number.
    """
    labels.pop("__name__", None)
    kind: Kind
    rule: Rule
    le = 0.0
    base, _, part = name.rpartition("_")
    if namer.is_gauge(name):
        metric, kind, rule = name, "gauge", "mean"
    elif part == "bucket" and "le" in labels:
        metric, kind, rule = base, "bucket", "sum"
        le = _number(record, labels.pop("le"), f"{where}.le")
        if math.isnan(le):
            fail(record, "number expected, got NaN", f"{where}.le", "value")
    elif part in ("count", "sum") and base:
        metric, kind, rule = f"{base}.{part}", "counter", "sum"
    elif namer.is_counter(name):
        metric, kind, rule = name, "counter", "sum"
    elif "quantile" in labels:
        q = _number(record, labels.pop("quantile"), f"{where}.quantile")
        metric, kind, rule = f"{name}.p{100 * q:g}", "gauge", "max"
    else:
        metric, kind, rule = name, "gauge", "mean"
    return namer.learn(record, raw, where, labels, metric, kind, rule, le)


def _number(record: Record, text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        fail(record, f"number expected, got {show(text)}", where, "value")
