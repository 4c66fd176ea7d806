"""`coral validate` as a user calls it."""

import json
from pathlib import Path

import pytest

from coral.cli.main import main
from coral.errors import Exit


def test_validate_names_line_column_rule_and_action(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unparsable cell is found where it is."""
    table = tmp_path / "m.csv"
    rows = ["timestamp,web:latency,db:cpu"]
    rows += [f"{t},{0.1 + t % 7},{'oops' if t == 10 else t % 5}" for t in range(60)]
    table.write_text("\n".join(rows))
    assert main(["validate", str(table)]) == Exit.OK
    printed = capsys.readouterr().out
    assert "m.csv:12 column `db:cpu`" in printed
    assert "oops" in printed


def test_validate_json_is_one_problem_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Machines get path, rule, line and action."""
    assert main(["validate", "--json", str(tmp_path / "nothing")]) == Exit.INVALID
    problem = json.loads(capsys.readouterr().out)
    assert problem["severity"] == "error"
    assert problem["action"]


def test_a_health_signal_without_a_value_cannot_serve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The documented code for a recording that cannot be used, in both commands."""
    table = tmp_path / "m.csv"
    rows = ["time,web:latency,db:cpu", *(f"{t},,{t % 5}" for t in range(60))]
    table.write_text("\n".join(rows))
    for command in ("validate", "replay"):
        assert main([command, str(table), "--kpi", "web:latency"]) == Exit.INVALID
        captured = capsys.readouterr()
        assert "KPI `web:latency` has no value in any row" in captured.out + captured.err
