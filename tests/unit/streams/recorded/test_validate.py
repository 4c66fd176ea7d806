"""The validator: each rule with its place, and no complaint about good recordings."""

import builtins
import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typed import there

from streams.recorded import validate
from streams.recorded.problem import RecordingProblem

LABELS = {"system": "shop", "interval_s": 10, "kpi": ["a:x"]}


def text(rows: int = 40, header: str = "timestamp,a:x,b:y", **changed: str) -> str:
    """Return a good table, with some lines (l2 = line 2, the first row) changed."""
    lines = [header] + [f"{1000 + 10 * i},{i % 7},{i * i % 11}" for i in range(rows)]
    for at, line in changed.items():
        lines[int(at[1:]) - 1] = line
    return "\n".join(lines) + "\n"


def case(tmp_path: Path, table: str | None = None, labels: dict[str, Any] | None = None) -> Path:
    (tmp_path / "metrics.csv").write_text(table or text(), encoding="utf-8")
    (tmp_path / "incident.json").write_text(json.dumps(LABELS | (labels or {})))
    return tmp_path


def found(problems: list[RecordingProblem]) -> list[tuple[str, str, int | None, str | None]]:
    return [(p.severity, p.rule, p.line, p.column) for p in problems]


class TestGood:
    def test_good_recording(self, tmp_path: Path) -> None:
        """There is nothing to say about a good recording."""
        assert [] == validate(case(tmp_path))

    def test_bare_table(self, tmp_path: Path) -> None:
        """A good bare table with KPI and interval earns no remark either."""
        path = tmp_path / "m.csv"
        path.write_text(text())

        assert [] == validate(path, kpi=["a:x"], interval_s=10)

    def test_all_of_it_is_text(self, tmp_path: Path) -> None:
        """A problem reads as one line: severity, place, what, what to do, rule."""
        problem = validate(case(tmp_path, text(l5="1030,x,1")))[0]

        assert (
            "warning: metrics.csv:5 column `a:x`: number with a decimal point expected, got 'x'. "
            "Taken as missing. [cell]"
        ) == str(problem)


class TestCells:
    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({"l3": "1010,1"}, [("warning", "ragged-row", 3, None)]),
            ({"l3": "1010,1,2,3"}, [("warning", "ragged-row", 3, None)]),
            ({"l3": ""}, []),
            ({"l3": "1000,1,2"}, [("warning", "time-repeated", 3, None)]),
            ({"l4": "1005,1,2"}, [("warning", "time-order", 4, None)]),
            ({"l4": "soon,1,2"}, [("warning", "time", 4, None)]),
            ({"l4": ",1,2"}, [("warning", "time", 4, None)]),
            ({"l4": "-5,1,2"}, [("warning", "time", 4, None)]),
            ({"l4": "1020,1,inf"}, [("warning", "extreme", 4, "b:y")]),
            ({"l4": "1020,1_0,2"}, [("warning", "cell", 4, "a:x")]),
            (
                {"l4": "1020,up,down"},
                [("warning", "cell", 4, "a:x"), ("warning", "cell", 4, "b:y")],
            ),
        ],
    )
    def test_rule(
        self,
        tmp_path: Path,
        changed: dict[str, Any],
        expected: list[tuple[str, str, int, str | None]],
    ) -> None:
        """A fault in a line is reported with its line and column."""
        problems = validate(case(tmp_path, text(**changed)))
        follow_up = {"gap", "missing"}

        assert expected == [f for f in found(problems) if f[1] not in follow_up]

    def test_only_the_first_five(self, tmp_path: Path) -> None:
        """Of many faults of a kind five are shown and the rest is counted."""
        faults: dict[str, Any] = {f"l{i}": "x,1,2" for i in range(10, 20)}
        problems = validate(case(tmp_path, text(**faults)))
        times = [p for p in problems if p.rule == "time"]

        assert [10, 11, 12, 13, 14, None] == [p.line for p in times]
        assert "5 more like the 5 above, 10 in all" == times[-1].message

    def test_bytes_that_are_no_utf8(self, tmp_path: Path) -> None:
        """Bad bytes in a row are reported with line and column, and can be printed."""
        (case(tmp_path) / "metrics.csv").write_bytes(
            text(l5="1030,@,9").encode().replace(b"@", b"\xff")
        )
        (problem,) = [p for p in validate(tmp_path) if p.rule == "cell"]

        assert (5, "a:x") == (problem.line, problem.column)
        assert str(problem).encode()


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "content", "rule"),
        [
            ("m.csv", b"", "no-header"),
            ("m.csv", b"\n1,2\n", "no-header"),
            ("m.csv", b"\xff\xfe,a:x\n1,2\n", "utf-8"),
            ("m.csv", b"a:x,b:y\n1,2\n", "time-column"),
            ("m.csv", b"time,timestamp,a:x\n1,2,3\n", "time-column"),
            ("m.csv", b"time\n1\n2\n", "no-series"),
            ("m.csv", b"time,a:x,a:x\n1,2,3\n2,3,4\n", "duplicate-column"),
            ("m.csv", b"time,a,a:value\n1,2,3\n2,3,4\n", "duplicate-column"),
            ("m.csv", b"time,a:\n1,2\n2,3\n", "name"),
            ("m.csv", b"time,a:x\n", "too-few-rows"),
            ("m.csv", b"time,a:x\nx,1\ny,2\n", "too-few-rows"),
            ("m.csv", gzip.compress(b"time,a:x\n1,2\n2,3\n", mtime=0), "gzip"),
            ("m.csv.gz", b"time,a:x\n1,2\n2,3\n", "gzip"),
            ("m.csv.gz", gzip.compress(b"time,a:x\n1,2\n2,3\n", mtime=0)[:12], "truncated"),
            ("m.csv.gz", gzip.compress(b"time,a:x\n1,2\n2,3\n", mtime=0)[:-8] + b"\0" * 8, "gzip"),
            ("m.csv", b'time,a:x\n1,2\n2,"' + b"x" * 200_000, "csv"),
            ("m.parquet", b"no parquet at all", "parquet"),
        ],
    )
    def test_unusable(self, tmp_path: Path, name: str, content: bytes, rule: str) -> None:
        """A file that cannot be used is an error with its rule, never an exception."""
        path = tmp_path / name
        path.write_bytes(content)

        assert rule in [p.rule for p in validate(path) if p.severity == "error"]

    def test_truncated_in_the_middle(self, tmp_path: Path) -> None:
        """A truncated file is an error at the line where it ends, and its rows are judged."""
        raw = "time,a:x\n" + "".join(f"{t},{t % 7}.{t}\n" for t in range(20_000))
        path = tmp_path / "m.csv.gz"
        path.write_bytes(gzip.compress(raw.encode())[:-20_000])
        problem = validate(path)[0]

        assert ("error", "truncated") == (problem.severity, problem.rule)
        assert there(problem.line) > 100

    def test_nothing_there(self, tmp_path: Path) -> None:
        """A missing path and a folder without a table are errors."""
        assert ["unreadable"] == [p.rule for p in validate(tmp_path / "no")]
        assert [("error", "no-table"), ("warning", "no-labels")] == [
            f[:2] for f in found(validate(tmp_path))
        ]

    def test_parquet_without_pyarrow(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without the extra the error says how to install it."""
        real = builtins.__import__

        def refuse(name: str, *rest: Any) -> Any:
            if name.startswith("pyarrow"):
                raise ImportError(name)
            return real(name, *rest)

        (tmp_path / "m.parquet").write_bytes(b"PAR1")
        monkeypatch.setattr(builtins, "__import__", refuse)
        (problem,) = validate(tmp_path / "m.parquet")

        assert (
            f"Install it with: {sys.executable} -m pip install 'coral-rca[parquet]'"
            == problem.action
        )

    def test_parquet_with_text(self, tmp_path: Path) -> None:
        """A column of text in Parquet is missing as a whole."""
        path = tmp_path / "m.parquet"
        columns = {"time": [1.0, 2.0], "a:x": [1.0, 2.0], "b:y": ["on", "off"]}
        pq.write_table(pa.table(columns), path)
        problems = found(validate(path))

        assert ("warning", "cell", None, "b:y") in problems
        assert ("warning", "empty-column", None, "b:y") in problems


class TestColumns:
    def test_remarks(self, tmp_path: Path) -> None:
        """Bare, unnamed, constant and empty columns are named."""
        rows = "".join(f"{i},{10 * i + 10},{i % 7},7,\n" for i in range(40))
        path = tmp_path / "m.csv"
        path.write_text(",time,cpu,b:y,c:z\n" + rows)

        assert [
            ("warning", "unnamed-column", 1, ""),
            ("warning", "empty-column", None, "c:z"),
            ("info", "bare-column", 1, "cpu"),
            ("info", "constant-column", None, None),
            ("info", "missing", None, None),
        ] == found(validate(path, kpi=["cpu"], interval_s=10))

    def test_share_of_missing_cells(self, tmp_path: Path) -> None:
        """The share of missing cells and the worst column are given."""
        (problem,) = validate(case(tmp_path, text(l3="1010,1,", l4="1020,2,")))

        assert "2.5 % of the cells are missing, most in `b:y` (2 of 40)" == problem.message

    def test_time_remarks(self, tmp_path: Path) -> None:
        """Milliseconds, times without zone and other delimiters are read, and said."""
        path = tmp_path / "m.csv"
        path.write_text(
            "".join(["time;a:x\n", *[f"{17 * 10**11 + i * 1000};{i % 7}\n" for i in range(40)]])
        )
        milliseconds = validate(path, kpi=["a:x"], interval_s=1)
        path.write_text(
            "".join(["time,a:x\n", *[f"2024-01-01 00:00:{i},{i % 7}\n" for i in range(10, 50)]])
        )
        naive = validate(path, kpi=["a:x"], interval_s=1)

        assert [("info", "delimiter", 1, None), ("info", "time-unit", 2, None)] == found(
            milliseconds
        )
        assert [("info", "time-zone", 2, None)] == found(naive)

    def test_interval_and_kpi_missing(self, tmp_path: Path) -> None:
        """What the user did not say is said: the interval taken, and that there is no KPI."""
        path = tmp_path / "m.csv"
        path.write_text(text())

        assert ["interval", "no-kpi"] == [p.rule for p in validate(path)]
        assert "no interval given; the median step is 10 s" == validate(path)[0].message

    def test_kpi(self, tmp_path: Path) -> None:
        """A KPI that is no column is an error with a hint."""
        (problem,) = [p for p in validate(case(tmp_path), kpi=["b:yy"]) if p.rule == "kpi"]

        assert ("error", "Perhaps `b:y` is meant") == (problem.severity, problem.action)


class TestTimes:
    def test_gap(self, tmp_path: Path) -> None:
        """Gaps are counted, and the widest is given with the line before it."""
        table = text(40, l10="", l20="", l21="")
        (problem,) = validate(case(tmp_path, table))

        assert (19, "gap") == (problem.line, problem.rule)
        assert "2 gaps in time, the widest 30 s after this line" == problem.message

    def test_interval_does_not_match(self, tmp_path: Path) -> None:
        """An interval that is not the step of the rows is a warning."""
        problems = validate(case(tmp_path, labels={"interval_s": 60}))

        assert [("warning", "interval")] == [f[:2] for f in found(problems)]
        assert "interval_s is 60, the median step 10 s" == problems[0].message

    @pytest.mark.parametrize("interval", [0, -1, float("nan")])
    def test_impossible_interval(self, tmp_path: Path, interval: float) -> None:
        """An interval that makes no grid is an error."""
        assert [("error", "interval")] == [
            f[:2] for f in found(validate(case(tmp_path), interval_s=interval))
        ]

    def test_too_few_rows(self, tmp_path: Path) -> None:
        """A handful of rows is a warning."""
        assert [("warning", "too-few-rows")] == [
            f[:2] for f in found(validate(case(tmp_path, text(20))))
        ]

    def test_most_rows_dropped(self, tmp_path: Path) -> None:
        """One time far ahead that hides everything after it is an error."""
        problems = validate(case(tmp_path, text(l4="9999999,1,2")))

        assert "37 of 40 rows are not later than an earlier one" == next(
            p.message for p in problems if p.severity == "error"
        )


class TestLabels:
    def test_broken(self, tmp_path: Path) -> None:
        """Labels that are no JSON, or of a wrong type, are an error that says where."""
        path = case(tmp_path, labels={"kpi": "a:x"})
        wrong_type = validate(path)
        (path / "incident.json").write_text("{")
        no_json = validate(path)

        assert "at `$.kpi`" in wrong_type[0].message
        assert [("error", "labels")] * 2 == [found(p)[0][:2] for p in (wrong_type, no_json)]

    def test_negative_interval(self, tmp_path: Path) -> None:
        """A negative interval in the labels is an error."""
        assert ("error", "interval") == found(validate(case(tmp_path, labels={"interval_s": -1})))[
            0
        ][:2]

    def test_names_without_a_column(self, tmp_path: Path) -> None:
        """Root causes and edges that name nothing in the table are told."""
        labels = {
            "root_cause_entities": ["a", "db"],
            "root_cause_metrics": ["a:x", "db:cpu"],
            "edges": [["a", "b"], ["a", "queue"]],
            "faults": [{"start": 1100, "root_cause_entities": ["ghost"]}],
        }
        problems = validate(case(tmp_path, labels=labels))

        assert [
            "root cause entity `db` has no column",
            "root cause entity `ghost` has no column",
            "root cause metric `db:cpu` is no column",
            "edges name 1 entities without a column, e.g. `queue`",
        ] == [p.message for p in problems]

    def test_an_edge_with_a_slip_of_the_hand(self, tmp_path: Path) -> None:
        """The column that is named by nothing else may be meant."""
        table = text(header="timestamp,web:x,catalogue:y")
        labels = {"kpi": ["web:x"], "edges": [["web", "catalouge"], ["web", "queue"]]}
        warning, info = validate(case(tmp_path, table, labels | {"edge_semantics": "a calls b"}))

        assert ("edge-name", "Perhaps `catalogue` is meant") == (warning.rule, warning.action)
        assert "edges name 2 entities without a column, e.g. `catalouge`" == info.message

    def test_edges_in_a_circle(self, tmp_path: Path) -> None:
        """A circle has no upstream: often one edge of it is written the wrong way round."""
        edges = [["a", "b"], ["b", "a"], ["b", "c"]]
        labels = {"interval_s": 1, "edges": edges, "edge_semantics": "a calls b"}
        problems = validate(case(tmp_path, text(), labels))

        assert ["edges lead from `a`, `b` back to each other"] == [
            p.message for p in problems if p.rule == "edges" and "back" in p.message
        ]

    def test_what_is_known_must_fit_together(self, tmp_path: Path) -> None:
        """Place, rule and value; an edge of an entity to itself in `edges` is left out quietly."""
        labels = {
            "edges": [["a", "a"], ["a", "b"]],
            "forbidden_edges": [["b", "a"]],
            "required_edges": [["b", "a"]],
            "order": ["b", "a"],
            "edge_semantics": "a calls b",
        }
        problems = validate(case(tmp_path, labels=labels))

        assert [
            ("error", "required_edges[0]: pair that is not forbidden as well expected, got"),
        ] == [(p.severity, p.message.partition(" ('")[0]) for p in problems]

    def test_the_place_is_that_of_the_file(self, tmp_path: Path) -> None:
        """Also behind an edge that was left out."""
        labels = {"edges": [["a", "a"], ["a", "b"]], "forbidden_edges": [["a", "b"]]}
        (problem,) = validate(case(tmp_path, labels=labels))

        assert problem.message.startswith("edges[1]: pair that is not forbidden as well expected")

    def test_fault_outside(self, tmp_path: Path) -> None:
        """A fault that starts outside of the recording is told."""
        labels = {"fault_start": 999, "faults": [{"start": 1100}, {"start": 5000}]}
        problems = validate(case(tmp_path, labels=labels))

        assert [
            "fault start 999 is outside of 1000..1390",
            "fault start 5000 is outside of 1000..1390",
        ] == [p.message for p in problems]

    def test_sizes(self, tmp_path: Path) -> None:
        """Sizes in the labels that are not those of the table are told."""
        problems = validate(case(tmp_path, labels={"n_rows": 41, "n_metrics": 3}))

        assert [("row-count", "incident.json"), ("metric-count", "incident.json")] == [
            (p.rule, p.file) for p in problems
        ]
