"""Answers of Prometheus to `query_range`: JSON with a series for each set of labels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from streams.recorded.points import Cell, PointTable
from streams.recorded.problem import ProblemLog
from streams.recorded.text_file import UNREADABLE, open_text, unreadable


class _MatrixSeries(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]] = []


class _Matrix(msgspec.Struct):
    resultType: Literal["matrix"]  # noqa: N815 - as Prometheus spells it
    result: list[_MatrixSeries]


class _Answer(msgspec.Struct):
    data: _Matrix


def read_query_range(path: Path, log: ProblemLog) -> PointTable | None:
    """Return the series of an answer as a table, None (and an error in `log`) if it is none."""
    try:
        with open_text(path) as file:
            answer = msgspec.json.decode(file.read(), type=_Answer)
    except (ValueError, RecursionError) as e:
        message = f"JSON that is no answer of Prometheus to `query_range`: {e}"
        action = (
            "Fetch a range: curl -G URL/api/v1/query_range --data-urlencode query=QUERY "
            "-d start=TIME -d end=TIME -d step=10s; messages of a topic: coral record"
        )
        log.add("error", "json", message, action)
        return None
    except UNREADABLE as e:
        unreadable(e, log, 1)
        return None
    return PointTable.of(_points(answer), "an answer of Prometheus", log)


def _points(answer: _Answer) -> Iterator[Cell]:
    for each in answer.data.result:
        series = tuple(sorted(each.metric.items()))
        for time, value in each.values:
            yield Cell(1, series, repr(time), value)
