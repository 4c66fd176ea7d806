"""Answers of Prometheus to `query_range`: JSON with a series for each set of labels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from streams.recorded.points import Cell, PointTable
from streams.recorded.problem import ProblemLog, Severity
from streams.recorded.text_file import UNREADABLE, open_text, unreadable

_FETCH: Final = (
    "Fetch a range: curl -G URL/api/v1/query_range --data-urlencode query=QUERY "
    "-d start=TIME -d end=TIME -d step=10s; messages of a topic: coral record"
)
_RECORD: Final = "or record all at once: coral record prometheus URL --match SELECTOR"
_APART: Final = (
    f'name each query by itself, label_replace(QUERY, "__name__", "NAME", "", ""), {_RECORD}'
)
_QUANTILE: Final = f"They are left out; ask for histogram_quantile(0.95, rate(...)), {_RECORD}"


class _Course(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]] = []
    histograms: list[Any] = []


def read_query_range(path: Path, log: ProblemLog) -> PointTable | None:
    """Return the series of a file as a table, None (and an error in `log`) if there are none.

    It holds one answer, an array of them or one a line, each as the HTTP API sends it, or its
    series alone, as `promtool query -o json range` prints them.
    """
    try:
        with open_text(path) as file:
            courses = [*_courses(_document(file.read()))]
    except (ValueError, RecursionError) as e:
        message = f"JSON that is no answer of Prometheus to `query_range`: {e}"
        log.add("error", "json", message, _FETCH)
        return None
    except UNREADABLE as e:
        unreadable(e, log, 1)
        return None
    native = sum(bool(course.histograms) for course in courses)
    if native:
        message = f"{native} of {len(courses)} series are native histograms"
        severity: Severity = "error" if native == len(courses) else "warning"
        log.add(severity, "native-histogram", message, _QUANTILE)
    elif not courses:
        action = "Nothing has these labels, or not at that time"
        log.add("error", "no-series", "an answer of Prometheus without any series", action)
    if log.failed:
        return None
    return PointTable.of(_points(courses), "an answer of Prometheus", _APART, log)


def _document(text: str) -> Any:
    """Return what a text holds: a list where it has one document a line."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        if "}\n{" not in text.replace("\r", ""):
            raise
        return msgspec.json.Decoder().decode_lines(text)


def _courses(document: Any) -> Iterator[_Course]:
    """Yield the series of a document.

    Raises
    ------
    ValueError
        If it is something else; says what.
    """
    match document:
        case [*parts]:
            for part in parts:
                yield from _courses(part)
        case {"status": "error"}:
            raise ValueError(f"it refused the query, {document.get('error')}")
        case {"data": {"resultType": "matrix", "result": parts}}:
            yield from msgspec.convert(parts, list[_Course])
        case {"data": {"resultType": kind}}:
            raise ValueError(f"a matrix expected, got a {kind}, of one moment")
        case {"metric": _}:
            yield msgspec.convert(document, _Course)
        case _:
            got = f"keys {[*document]}" if isinstance(document, dict) else repr(document)
            raise ValueError(f"`data` or `metric` expected, got {got[:100]}")


def _points(courses: list[_Course]) -> Iterator[Cell]:
    for course in courses:
        series = tuple(sorted(course.metric.items()))
        for time, value in course.values:
            yield Cell(1, series, repr(time), value)
