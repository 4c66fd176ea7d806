"""Answers of Prometheus as recordings: of a real one, and what else its JSON may be."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prometheus
import pytest
from debian import program
from prometheus import Prometheus

from streams.recorded import Recording, RecordingError, validate

START, STEP_S, ROWS = 1_700_000_000, 10, 40
WINDOW = {"start": str(START), "end": str(START + STEP_S * (ROWS - 1)), "step": str(STEP_S)}


def exposition() -> str:
    """Two services, each with a latency and a queue."""
    lines = []
    for metric, scale in (("latency", 0.25), ("queue", 8.0)):
        lines.append(f"# TYPE {metric} gauge")
        for at, job in enumerate(("db", "web")):
            values = [scale * (1 + at + i % 3) for i in range(ROWS)]
            lines += [
                f'{metric}{{job="{job}"}} {v} {START + STEP_S * i}' for i, v in enumerate(values)
            ]
    return "\n".join([*lines, "# EOF\n"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with prometheus.holding(tmp_path_factory.mktemp("shop"), exposition()) as made:
        yield made


def answer(server: Prometheus, query: str) -> dict[str, Any]:
    """As `curl` gets it."""
    return {"status": "success", "data": server.get("query_range", query=query, **WINDOW)}


def course(job: str, *values: float) -> dict[str, Any]:
    points = [[START + STEP_S * i, str(value)] for i, value in enumerate(values)]
    return {"metric": {"__name__": "latency", "job": job}, "values": points}


def matrix(*courses: dict[str, Any]) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": "matrix", "result": [*courses]}}


def written(home: Path, *documents: Any) -> Path:
    """A file of documents, one a line."""
    path = home / "m.json"
    path.write_text("\n".join(map(json.dumps, documents)))
    return path


class TestARealPrometheus:
    def test_answers_in_one_file(self, shop: Prometheus, tmp_path: Path) -> None:
        """One a line, as commands that add to a file write them, or an array of them."""
        answers = [answer(shop, "latency"), answer(shop, "queue")]
        rows = [[0.25 * (1 + i % 3), 0.25 * (2 + i % 3)] for i in range(ROWS)]
        for documents in (answers, [answers]):
            recording = Recording.open(written(tmp_path, *documents))
            assert ("db:latency", "web:latency", "db:queue", "web:queue") == recording.names
            assert rows == [values[:2].tolist() for _, values in recording.rows()]

    def test_what_promtool_prints(self, shop: Prometheus, tmp_path: Path) -> None:
        """The series without the frame of the HTTP API."""
        words = ["query", "-o", "json", "range", f"http://127.0.0.1:{shop.port}", '{job="db"}']
        window = [f"--{key}={value}" for key, value in WINDOW.items() if key != "step"]
        command = [program("promtool", "prometheus"), *words, *window, f"--step={STEP_S}s"]
        printed = subprocess.run(command, check=True, capture_output=True).stdout
        (tmp_path / "m.json").write_bytes(printed)
        recording = Recording.open(tmp_path / "m.json")

        assert ("db:latency", "db:queue") == recording.names
        assert [0.5, 16.0] == [*recording.rows()][1][1].tolist()

    def test_queries_without_names_get_some(self, shop: Prometheus, tmp_path: Path) -> None:
        """An operator takes the name away: what is refused says which query gives it one."""
        sums = {name: f"sum by (job) ({name})" for name in ("latency", "queue")}
        path = written(tmp_path, *(answer(shop, query) for query in sums.values()))
        with pytest.raises(RecordingError) as refused:
            Recording.open(path)
        problems = refused.value.problems
        assert ["series-mixed"] * 2 == [p.rule for p in problems]
        assert 'label_replace(QUERY, "__name__", "NAME", "", "")' in problems[0].action

        named = [f'label_replace({q}, "__name__", "{n}", "", "")' for n, q in sums.items()]
        path = written(tmp_path, *(answer(shop, query) for query in named))
        assert {"db:latency", "web:latency", "db:queue", "web:queue"} == {
            *Recording.open(path).names
        }


def test_the_same_answer_twice_is_one(tmp_path: Path) -> None:
    path = written(tmp_path, *[matrix(course("db", 1.0, 2.0, 3.0))] * 2)

    assert [1.0, 2.0, 3.0] == [row[0] for _, row in Recording.open(path).rows()]


@pytest.mark.parametrize(
    ("document", "message", "action"),
    [
        ({"status": "error", "error": "parse error"}, "parse error", "query_range"),
        ({"data": {"resultType": "vector", "result": []}}, "a vector", "query_range"),
        ({"results": {"A": {"frames": []}}}, "['results']", "query_range"),
        ({}, "[]", "query_range"),
        (["a", "b"], "'a'", "query_range"),
        ({"metric": {"job": "db"}, "values": [1], "timestamps": [1]}, "values", "query_range"),
        (matrix(), "without any series", "Nothing has these labels"),
        (
            matrix({"metric": {"job": "db"}, "histograms": [[1, {"count": "3"}]]}),
            "1 of 1 series are native histograms",
            "coral record prometheus",
        ),
    ],
)
def test_what_is_no_range_is_recognised(
    tmp_path: Path, document: Any, message: str, action: str
) -> None:
    """One error, which says what it is and how to come by one."""
    (problem,) = validate(written(tmp_path, document))

    assert "error" == problem.severity
    assert message in problem.message
    assert action in problem.action


def test_native_histograms_beside_others_are_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, matrix(course("db", 1.0, 2.0), {**course("web"), "histograms": [1]}))
    recording = Recording.open(path)

    assert ("db:latency",) == recording.names
    assert ["native-histogram"] == [p.rule for p in recording.problems if p.severity != "info"]
