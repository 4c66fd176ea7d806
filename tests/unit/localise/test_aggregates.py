"""Health signals that stand for several series: which, how they are combined, when they change."""

from math import nan

import numpy as np
import pytest
from typed import FloatArray

from coral.localise.aggregates import Aggregates
from streams.records import Frame, Late
from streams.series import parts_of

P95 = ("web:p95{code=200}", "web:p95{code=500}", "db:p95{code=200}")


def frame(names: tuple[str, ...], *values: float) -> Frame:
    return Frame("shop", 7.0, names, np.array(values), (Late("db", 1, 2.0),))


def aggregate(metric: str, *values: float) -> float:
    """What a metric is over the values of one label."""
    names = tuple(f"web:{metric}{{path=/{i}}}" for i in range(len(values)))
    made: FloatArray = Aggregates([f"web:{metric}"]).of(frame(names, *values)).values
    return float(made[-1])


def test_it_comes_behind_the_series_of_the_frame() -> None:
    """All else of the frame stays, and the frame itself is untouched."""
    sent = frame(P95, 1.0, 3.0, 9.0)
    made = Aggregates(["web:p95"]).of(sent)

    assert (*P95, "web:p95") == made.names
    assert [1.0, 3.0, 9.0, 3.0] == made.values.tolist()
    assert ("shop", 7.0, sent.late) == (made.system, made.time, made.late)
    assert [1.0, 3.0, 9.0] == sent.values.tolist()


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("http.server.request.duration.count", 6.0),
        ("http.server.request.duration.sum", 6.0),
        ("http.server.request.duration.p95", 4.0),
        ("http_requests_total", 6.0),
        ("errors_per_s", 6.0),
        ("requests", 6.0),
        ("error_ratio", 4.0),
        ("latency_max", 4.0),
        ("cpu", 4.0),
        ("availability", 2.0),
        ("success_ratio", 2.0),
        ("successes_total", 6.0),
    ],
)
def test_counts_add_up_and_of_the_rest_the_worst_counts(metric: str, expected: float) -> None:
    assert expected == aggregate(metric, 2.0, 4.0)


@pytest.mark.parametrize("metric", ["requests", "latency", "availability"])
def test_what_is_missing_is_left_out(metric: str) -> None:
    """Nothing is made of nothing."""
    assert [2.0, True] == [aggregate(metric, nan, 2.0), np.isnan(aggregate(metric, nan, nan))]


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("web:p95", [0, 1, 3]),
        ("web:p95{code=500}", [1, 3]),
        ('web:p95{code="500"}', [1, 3]),
        ("web:p95{route=/a,b, code=500}", [3]),
        ("web:p95{code=200}", []),  # occurs itself
        ("web:p95{code}", []),
        ("web:p95{code=404}", []),
        ("web:p9", []),
        ("web:p95{code=500", []),
        ("shop:p95", []),
    ],
)
def test_a_name_stands_for_the_series_with_more_labels(name: str, places: list[int]) -> None:
    """In any order, with quotes or without; a value may hold a comma."""
    names = ["web:p95{code=200}", "web:p95{code=500,error=x}", "web:p99{code=500}"]
    assert places == parts_of(name, [*names, "web:p95{code=500,route=/a,b}"])


def test_series_come_and_go() -> None:
    """Names are the same object while they are the same; a series of that very name wins."""
    aggregates, alone = Aggregates(["web:p95"]), P95[:1]
    assert aggregates.of(frame(alone, 1.0)).names is aggregates.of(frame(alone, 2.0)).names
    assert {"web:p95": alone} == aggregates.parts
    more = aggregates.of(frame(P95, 1.0, 3.0, 9.0))
    assert (3.0, {"web:p95": P95[:2]}) == (more.values[-1], aggregates.parts)
    itself = frame((*P95, "web:p95"), 1.0, 3.0, 9.0, 2.0)
    assert itself is aggregates.of(itself)
    gone = frame(P95[2:], 9.0)
    assert gone is aggregates.of(gone)
    assert {} == aggregates.parts


def test_it_says_what_it_is_made_of() -> None:
    """Four parts are named."""
    aggregates = Aggregates(["web:hits"])
    names = tuple(f"web:hits{{path=/{i}}}" for i in range(6))
    aggregates.of(frame(names, *range(6)))
    (said,) = aggregates.said

    assert said.startswith("`web:hits` is the largest of `web:hits{path=/0}`, ")
    assert said.endswith("`web:hits{path=/3}` and 2 more")
