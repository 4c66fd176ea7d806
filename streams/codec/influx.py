r"""Influx line protocol, one or many lines a message.

``cpu,host=web1 usage_idle=98.1,ticks=3i,ok=true 1700000000000000000``

Measurement, tags, fields and time stamp (by default nanoseconds), with the escapes of the
protocol: ``\,``, ``\=``, ``\\`` and an escaped space outside of quotes, ``\"`` and ``\\`` inside.
Numbers, integers (``i``, ``u``) and booleans (1 and 0) are values; text is no metric. A line needs
its time stamp.
"""

import re
from collections.abc import Iterator

from streams.codec.faults import fail, refuse, show
from streams.codec.labelled.codec import Parser
from streams.codec.labelled.mapping import Namer, Series
from streams.codec.labelled.reducer import Reading
from streams.codec.recognise import what_bytes_are
from streams.codec.telegraf import UNITS, learn_field
from streams.codec.values import time_problem
from streams.errors import DecodeError
from streams.records import Problem, Record

# All repetitions are possessive: no input makes these expressions backtrack.
_STRING = rb'"[^\\"]*+(?:\\.[^\\"]*+)*+"'
_LINE = re.compile(
    rb"(?P<series>[^\\ \n]*+(?:\\[^\n][^\\ \n]*+)*+) ++"
    rb'(?P<fields>[^\\ "\n]*+(?:(?:\\[^\n]|' + _STRING + rb')[^\\ "\n]*+)*+)'
    rb"(?: ++(?P<time>-?\d{1,20}+))? *+\r?(?:\n|\Z)",
    re.DOTALL,
)
_BLANK = re.compile(rb"[ \t\r]*+(?:#[^\n]*+)?(?:\n|\Z)")
_CHUNK = re.compile(rb"(?:\A|,)([^\\,]*+(?:\\.[^\\,]*+)*+)", re.DOTALL)
_TAG = re.compile(rb"([^\\=]*+(?:\\.[^\\=]*+)*+)=(.++)", re.DOTALL)
_FIELD = re.compile(
    rb"([^\\,=]*+(?:\\.[^\\,=]*+)*+)=(" + _STRING + rb'|[^",]++)(?:,(?!\Z)|\Z)', re.DOTALL
)
_NUMBER = re.compile(rb"[-+]?(?:\d++\.?\d*+|\.\d++)(?:[eE][-+]?\d++)?|[-+]?\d++[iu]")
_MAX_SHOWN = 120
_NO_LINES = b"\0\x04\x1f\x28\xfe\xff<O{["
"""First bytes of what may be no lines."""

_ESCAPE = re.compile(r"\\([,= \\])")
_TRUTH = {
    **dict.fromkeys((b"t", b"T", b"true", b"True", b"TRUE"), 1.0),
    **dict.fromkeys((b"f", b"F", b"false", b"False", b"FALSE"), 0.0),
}


def influx_parser(time_unit: str = "ns") -> Parser:
    """Return the parser of lines whose time stamps count `time_unit`, a key of `UNITS`."""
    per_second = UNITS[time_unit]

    def parse(record: Record, namer: Namer, left_out: list[Problem]) -> Iterator[Reading]:
        if record.value[0] in _NO_LINES:
            _refuse_others(record)
        lines = 0
        for number, line in _lines(record, left_out):
            lines += 1
            yield from _readings(record, namer, line, per_second, (f"line {number}", left_out))
        if not lines:
            refuse(record, left_out)

    return parse


def _refuse_others(record: Record) -> None:
    """Refuse what holds no lines, if it shows what it is instead."""
    what = what_bytes_are(record.value)
    if what is None and record.value[:1] in (b"{", b"["):
        what = "looks like JSON; set `format` of the topic"
    if what is not None:
        fail(record, what, kind="not_metrics")


def _lines(record: Record, left_out: list[Problem]) -> Iterator[tuple[int, re.Match[bytes]]]:
    text, at, number = record.value, 0, 1
    while at < len(text):
        blank = _BLANK.match(text, at)
        line = blank or _LINE.match(text, at)
        if line is None:
            rule = "<measurement>[,<tag>=<value>] <field>=<value>[,...] <time> expected"
            got = text[at : at + 40].decode("utf-8", "replace")
            problem = Problem("form", "", f"line {number}", f"{rule}, got {show(got)}")
            left_out.append(problem)
            at = text.find(b"\n", at) + 1 or len(text)
            number += 1
            continue
        if blank is None:
            yield number, line
        number += line[0].count(b"\n")
        at = line.end()


def _readings(
    record: Record,
    namer: Namer,
    line: re.Match[bytes],
    per_second: float,
    at_line: tuple[str, list[Problem]],
) -> Iterator[Reading]:
    where, left_out = at_line
    source, fields, stamp = line.groups()
    problem: str | None = "time stamp expected, got nothing"
    if stamp is not None:
        time = int(stamp) / per_second
        problem = time_problem(time)
    if problem is not None:
        left_out.append(Problem("time", _metric(source, b""), where, problem))
        return
    at = 0
    while at < len(fields):
        field = _FIELD.match(fields, at)
        if field is None or not field[1]:
            got = fields[at : at + 40].decode("utf-8", "replace")
            reason = f"<field>=<value> expected, got {show(got)}"
            left_out.append(Problem("form", _metric(source, b""), where, reason))
            return
        at = field.end()
        try:
            value = _value(record, field[2], where)
            if value is None:
                continue
            raw = (source, field[1])
            series = namer.get(record, raw) or _learn(record, namer, raw, where)
        except DecodeError as error:
            left_out.append(error.problem(_metric(source, field[1]), where))
        else:
            yield Reading(series, time, value)


def _metric(source: bytes, field: bytes) -> str:
    """Return the name of a metric as it stands there, for a problem."""
    name = source.partition(b",")[0] + (b"." + field if field else b"")
    return name[:_MAX_SHOWN].decode("utf-8", "replace")


def _value(record: Record, raw: bytes, where: str) -> float | None:
    """Return the number a field holds, None if it holds text."""
    if _NUMBER.fullmatch(raw):
        return float(raw[:-1] if raw[-1] in b"iu" else raw)
    if raw.startswith(b'"'):
        return None
    value = _TRUTH.get(raw)
    if value is None:
        got = raw[:40].decode("utf-8", "replace")
        reason = f"number, boolean or quoted text expected, got {show(got)}"
        fail(record, reason, where, "value")
    return value


def _learn(record: Record, namer: Namer, raw: tuple[bytes, bytes], where: str) -> Series:
    measurement, *tags = _CHUNK.findall(raw[0])
    labels = {}
    for tag in tags:
        match = _TAG.fullmatch(tag)
        if match is None or not match[1]:
            got = tag[:40].decode("utf-8", "replace")
            fail(record, f"<tag>=<value> expected, got {show(got)}", where)
        labels[_text(record, match[1], where)] = _text(record, match[2], where)
    metric = f"{_text(record, measurement, where)}.{_text(record, raw[1], where)}"
    return learn_field(record, namer, raw, metric, labels, where)


def _text(record: Record, raw: bytes, where: str) -> str:
    try:
        return _ESCAPE.sub(r"\1", raw.decode())
    except UnicodeDecodeError as e:
        fail(record, f"UTF-8 expected, got byte {e.object[e.start]:#04x}", where)
