"""JSON of collectd's plugin write_kafka: an array of value lists.

``[{"host": "web1", "plugin": "load", "type": "load", "time": 1700000000.5, "dsnames":
["shortterm"], "dstypes": ["gauge"], "values": [0.42]}]``

A series is ``<plugin>.<type>``, with the name of the data source where a list has several. `derive`
and `counter` are cumulative, `absolute` was counted since the last reading, `gauge` is a level. A
null (the first reading of a rate) is missing.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from streams.codec.faults import fail
from streams.codec.labelled.mapping import Kind, Namer, Rule, Series
from streams.codec.labelled.reducer import Reading
from streams.codec.payload import documents
from streams.codec.values import time_problem
from streams.errors import DecodeError
from streams.records import Problem, Record

_CUMULATIVE: Final = ("derive", "counter")
_KINDS: Final = (*_CUMULATIVE, "gauge", "absolute")


class _Values(msgspec.Struct, gc=False):
    host: str
    plugin: str
    type: str
    time: float
    values: list[float | None]
    dstypes: list[str]
    dsnames: list[str]
    plugin_instance: str = ""
    type_instance: str = ""
    interval: float = 0.0


_decoder = msgspec.json.Decoder(_Values)
_list = msgspec.json.Decoder(list[_Values])


def parse_collectd(record: Record, namer: Namer, left_out: list[Problem]) -> Iterator[Reading]:
    """Yield the readings of the value lists of a message.

    Raises
    ------
    DecodeError
        Naming path, rule and value; no other exception for any bytes.
    """
    try:  # what collectd writes; anything else is taken apart
        lists: Iterable[tuple[_Values, str]] = (
            (held, f"[{i}].") for i, held in enumerate(_list.decode(record.value))
        )
    except (msgspec.MsgspecError, ValueError, RecursionError):
        lists = documents(record, _decoder, (), left_out)
    for held, where in lists:
        metric = f"{held.plugin}.{held.type}"
        try:
            found = _readings(record, namer, held, where)
        except DecodeError as error:
            left_out.append(error.problem(metric, where.rstrip(".") or "$"))
        else:
            yield from found


def _readings(record: Record, namer: Namer, held: _Values, where: str) -> list[Reading]:
    problem = time_problem(held.time)
    if problem is not None:
        fail(record, problem, f"{where}time", "time")
    if not len(held.values) == len(held.dstypes) == len(held.dsnames):
        counts = f"{len(held.values)}, {len(held.dstypes)} and {len(held.dsnames)}"
        fail(record, f"as many values as dstypes and dsnames expected, got {counts}", where)
    found = []
    for value, kind, name in zip(held.values, held.dstypes, held.dsnames, strict=True):
        if value is None:
            continue
        if kind not in _KINDS:
            fail(record, f"{' or '.join(_KINDS)} expected, got {kind[:40]}", f"{where}dstypes")
        if kind == "absolute" and not held.interval > 0:
            reason = f"seconds that an absolute counted expected, got {held.interval:g}"
            fail(record, reason, f"{where}interval", "start")
        source = name if len(held.dsnames) > 1 else ""
        series = _series(record, namer, held, (kind, source), where)
        elapsed = held.interval if kind == "absolute" else 0.0
        found.append(Reading(series, held.time, value, 0.0, elapsed))
    return found


def _series(
    record: Record, namer: Namer, held: _Values, kind_and_source: tuple[str, str], where: str
) -> Series:
    kind, source = kind_and_source
    raw = (
        held.host,
        held.plugin,
        held.plugin_instance,
        held.type,
        held.type_instance,
        source,
        kind,
    )
    known = namer.get(record, raw)
    if known is not None:
        return known
    # Processors are sources of one series; of disks, interfaces, processes the name stays.
    instance = "cpu" if held.plugin == "cpu" else "plugin_instance"
    labels = {
        "host": held.host,
        "plugin": held.plugin,
        instance: held.plugin_instance,
        "type_instance": held.type_instance,
    }
    metric = ".".join(filter(None, (held.plugin, held.type, source)))
    made: Kind = "gauge" if kind == "gauge" else "counter"
    rule: Rule = "mean" if kind == "gauge" else "sum"
    if namer.is_gauge(metric):
        made, rule = "gauge", "mean"
    return namer.learn(record, raw, where.rstrip("."), labels, metric, made, rule)
