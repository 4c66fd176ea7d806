"""Tables as tools export them: the same values whatever shape they come in."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from streams.recorded import Recording, validate

START = 1_700_000_000
NAMES = ("web:latency", "db:wait")
ROWS = [[0.1 * (i % 4) + 0.125, 1000.5 + 100 * (i % 3)] for i in range(12)]
TIMES = [START + 10 * i for i in range(12)]
HEADER = ["time", *NAMES]


def cells(values: list[float]) -> list[str]:
    return [f"{value:g}" for value in values]


def separated(mark: str, rows: list[list[str]]) -> str:
    return "\n".join(mark.join(row) for row in rows) + "\n"


def wide(show: Callable[[float], str] = repr, mark: str = ",", head: str = "") -> str:
    rows = [[str(t), *map(show, row)] for t, row in zip(TIMES, ROWS, strict=True)]
    return head + separated(mark, [HEADER, *rows])


def long(header: str = "Series,Time,Value") -> str:
    """Sorted by series, as tools do that add one query to another."""
    lines = [
        f"{name},{t},{row[at]!r}"
        for at, name in enumerate(NAMES)
        for t, row in zip(TIMES, ROWS, strict=True)
    ]
    return "\n".join([header, *lines])


def annotated() -> str:
    """Two tables of InfluxDB, each with annotations and a header of its own."""
    notes = ["#group,false,false", "#datatype,string,long", "#default,_result,"]
    text = []
    for at, name in enumerate(NAMES):
        host, _, field = name.partition(":")
        text += [*notes, ",result,table,_time,_value,_field,_measurement,host"]
        text += [
            f",,{at},{t},{row[at]!r},{field},m,{host}" for t, row in zip(TIMES, ROWS, strict=True)
        ]
        text.append("")
    return "\r\n".join(text)


def query_range() -> str:
    courses = [
        {
            "metric": {"__name__": name.partition(":")[2], "job": name.partition(":")[0]},
            "values": [[t, repr(row[at])] for t, row in zip(TIMES, ROWS, strict=True)],
        }
        for at, name in enumerate(NAMES)
    ]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": courses}})


def german(value: float) -> str:
    return f"{value:,.3f}".translate(str.maketrans(",.", ".,"))


SHAPES = {
    "plain": (wide(), NAMES),
    "separator line": (wide(mark=";", head="\ufeffsep=;\r\n"), NAMES),
    "decimal comma": (wide(lambda v: repr(v).replace(".", ","), mark=";"), NAMES),
    "decimal comma, thousands": (wide(german, mark=";"), NAMES),
    "thousands in quotes": (wide(lambda v: f'"{v:,.3f}"'), NAMES),
    "thousands by spaces": (wide(lambda v: f"{v:,.3f}".replace(",", "\u202f")), NAMES),
    "long": (long(), NAMES),
    "long, columns": (
        long("service,metric,time,value").replace(":", ","),
        NAMES,
    ),
    "long, thousands": (long().replace(",1000.5", ',"1,000.5"'), NAMES),
    "annotated": (annotated(), ("web:m.latency", "db:m.wait")),
    "query_range": (query_range(), NAMES),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_rows(tmp_path: Path, shape: str) -> None:
    text, names = SHAPES[shape]
    path = tmp_path / "export.csv"
    path.write_text(text, encoding="utf-8", newline="")
    recording = Recording.open(path)
    times, values = zip(*recording.rows(), strict=True)

    assert names == recording.names
    assert TIMES == [*times]
    np.testing.assert_allclose(values, ROWS, rtol=1e-12)
    assert not [p for p in recording.problems if p.severity != "info"]


def test_other_encodings_and_packing(tmp_path: Path) -> None:
    """What spreadsheets and PowerShell call Unicode text, and a gzipped answer of Prometheus."""
    (tmp_path / "a.csv").write_text(wide(), encoding="utf-16")
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(query_range().encode()))
    (tmp_path / "c.json").write_text(query_range(), encoding="utf-16")
    for path in tmp_path.iterdir():
        np.testing.assert_array_equal([row for _, row in Recording.open(path).rows()], ROWS)


@pytest.mark.parametrize(
    ("shape", "column", "said"),
    [
        ("decimal comma, thousands", "db:wait", "1 of 2 columns have thousands set apart"),
        ("thousands in quotes", "db:wait", "1 of 2 columns have thousands set apart"),
        ("thousands by spaces", "db:wait", "1 of 2 columns have thousands set apart"),
        ("long, thousands", "value", "1 of 1 columns have thousands set apart"),
    ],
)
def test_marks_between_thousands_are_told(
    tmp_path: Path, shape: str, column: str, said: str
) -> None:
    """In one line, with an example; a mark before decimals is none between thousands."""
    path = tmp_path / "m.csv"
    path.write_text(SHAPES[shape][0], encoding="utf-8", newline="")
    (told,) = [p for p in validate(path) if p.rule == "thousands"]

    assert ("info", column) == (told.severity, told.column)
    assert told.message.startswith(said)
    assert "This one is read as 1000.5" == told.action
    path.write_text(SHAPES["decimal comma"][0], encoding="utf-8", newline="")
    assert "thousands" not in [p.rule for p in validate(path)]


def test_thousands_that_begin_late_are_told(tmp_path: Path) -> None:
    """Below the rows by which a file's conventions are told."""
    path = tmp_path / "m.csv"
    path.write_text("time,a:x\n" + "".join(f"{i},1\n" for i in range(1200)) + "1200,1 234\n")
    recording = Recording.open(path)

    assert 1234.0 == [*recording.rows()][-1][1][0]
    assert ["'1 234'"] == [p.message[-7:] for p in recording.problems if p.rule == "thousands"]


def test_columns_that_are_named_by_labels(tmp_path: Path) -> None:
    """Commas in quotes separate nothing; labels in which nobody differs are left out."""
    legends = [
        'up{job="web",instance="web-0:9090"}',
        'cpu{job="web",mode="user",zone="a"}',
        'cpu{job="web",mode="idle",zone="a"}',
        'cpu{job="db",mode="user"}',
        '{instance="db:9100"}',
    ]
    header = ",".join(f'"{text.replace(chr(34), chr(34) * 2)}"' for text in legends)
    path = tmp_path / "export.csv"
    path.write_text(f"Time,{header}\n1,1,2,3,4,5\n2,1,2,3,4,5\n")

    names = ("web:up", "web:cpu{mode=user}", "web:cpu{mode=idle}", "db:cpu", "db_9100:value")
    assert names == Recording.open(path).names
    assert ("web:cpu{mode=idle}",) == Recording.open(path, kpi=[legends[2]]).meta.kpi


@pytest.mark.parametrize(
    "moment",
    [
        "2023-11-14 22:13:20 UTC",
        "2023-11-14 22:13:20 +0000 UTC",
        "2023-11-14T22:13:20 GMT",
        "2023/11/14 22:13:20Z",
        "2023/11/14 22:13:20",
        "14.11.2023 22:13:20",
    ],
)
def test_times_with_their_zone_in_words(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "m.csv"
    later = moment.replace(":20", ":30")
    path.write_text(f"time,a:x\n{moment},1\n{later},2\n")

    assert [START, START + 10] == [time for time, _ in Recording.open(path).rows()]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04rest", "soffice --convert-to csv"),
        (b"\xd0\xcf\x11\xe0rest", "soffice --convert-to csv"),
        (b"SQLite format 3\x00", "sqlite3 -csv"),
        (b"\x28\xb5\x2f\xfdrest", "zstd -d"),
        (b"# HELP up whether\nup 1\n", "query_range"),
        (b"<!doctype html>", "login"),
        (b'{"resourceMetrics": []}', "query_range"),
        (b'{"specversion":"1.0","id":"3f2a:1"}', "coral explain"),
        (b"# ours\n\n[kafka]\n", "coral config check"),
        (b'[[output.webhooks]]\nurl = "x"\n', "coral config check"),
        (b",result,table,_time,a\n#x\n,,0,1,2\n", "without pivot()"),
    ],
)
def test_what_is_not_read_is_recognised(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(content)
    if content.startswith(b","):
        path.write_bytes(b"#group,false\n" + content)
    problems = [p for p in validate(path) if p.severity == "error"]

    assert said in problems[0].action


def test_a_second_value_of_a_moment_is_told(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("Series,Time,Value\na:x,1,1\na:x,1,2\na:x,2,3\n")
    (problem,) = [p for p in Recording.open(path).problems if p.severity == "warning"]

    assert ("point-repeated", 3) == (problem.rule, problem.line)
    assert [[2.0], [3.0]] == [row.tolist() for _, row in Recording.open(path).rows()]


def test_series_of_one_name_are_not_mixed(tmp_path: Path) -> None:
    """Which value is of which nobody can tell: one sentence says so, the others are read."""
    path = tmp_path / "m.csv"
    lines = [f"{name},{t},{v}" for t in range(9) for name, v in (("a:x", t), ("a:x", 7 * t + 1))]
    path.write_text("\n".join(["Series,Time,Value", *lines, *(f"b:x,{t},5" for t in range(9))]))
    recording = Recording.open(path)
    (problem,) = [p for p in recording.problems if p.severity != "info"]

    assert ("warning", "series-mixed", "a:x") == (problem.severity, problem.rule, problem.column)
    assert "2 values at every time" in problem.message
    assert "label that tells them apart" in problem.action
    assert ("b:x",) == recording.names


def test_a_table_with_a_column_value_is_wide_if_the_others_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("time,value,cpu\n1,2,3\n2,2,3\n")

    assert ("value:value", "cpu:value") == Recording.open(path).names


def test_local_time_that_repeats_an_hour_is_recognised(tmp_path: Path) -> None:
    """At the end of summer time; times with a zone that go back are something else."""
    clock = [f"0{h}:{m:02}" for h in (1, 2, 2, 3) for m in range(0, 60, 5)]
    path = tmp_path / "m.csv"
    for zone, rules in (("", ["local-time"]), ("Z", ["time-order", "time-repeated"])):
        rows = [f"2023-10-29 {at}:00{zone},{i % 7}" for i, at in enumerate(clock)]
        path.write_text("\n".join(["time,a:x", *rows]))
        found = [p for p in Recording.open(path).problems if p.severity == "warning"]

        assert rules == sorted({p.rule for p in found})
        if not zone:
            assert 26 == found[0].line
            assert "12 rows long" in found[0].message
            assert "export the table in UTC" in found[0].action


@pytest.mark.parametrize("header", ["datetime,a:x", "@timestamp,a:x", "ts,a:x", "Date,a:x"])
def test_other_names_of_the_time(tmp_path: Path, header: str) -> None:
    """Where no column has one of the usual names; else they are series."""
    path = tmp_path / "m.csv"
    path.write_text(f"{header}\n1,5\n2,6\n")
    assert ("a:x",) == Recording.open(path).names
    path.write_text(f"time,{header}\n1,5,7\n2,6,8\n")
    assert "a:x" == Recording.open(path).names[-1]
    assert 2 == len(Recording.open(path).names)
