"""`coral replay` as a user calls it."""

from pathlib import Path

import pytest
from makers import NAMES, ONSET, shop_rows, write_recording

from coral.cli.main import main
from coral.contract.events import decode
from coral.errors import Exit


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A recorded incident of the little shop."""
    return write_recording(tmp_path / "cases" / "shop", shop_rows())


def test_replay_prints_causes_and_writes_events(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table for people, NDJSON for machines, exit code 0."""
    out = tmp_path / "events.ndjson"
    assert main(["replay", str(shop), "--out", str(out)]) == Exit.OK
    printed = capsys.readouterr().out
    assert "cause: `db`" in printed
    assert "settled" in printed
    events = [decode(line) for line in out.read_bytes().splitlines()]
    assert events[0].type == "io.coral.incident.opened.v1"
    assert events[-1].data.causes[0].entity == "db"


def test_replay_json_prints_only_events(
    shop: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """With --json every line of standard output is one event."""
    assert main(["replay", str(shop), "--oracle", "--json"]) == Exit.OK
    lines = capsysbinary.readouterr().out.splitlines()
    assert [decode(line).data.revision for line in lines] == [*range(1, len(lines) + 1)]


def test_replay_of_a_bare_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A CSV file with a KPI is enough."""
    table = tmp_path / "metrics.csv"
    rows = [",".join(("time", *NAMES))]
    rows += [",".join(map(str, (t, *x))) for t, x in enumerate(shop_rows())]
    table.write_text("\n".join(rows))
    assert main(["replay", str(table), "--kpi", "web:latency_p95", "--interval", "1"]) == Exit.OK
    assert "`db`" in capsys.readouterr().out


def test_replay_without_an_incident_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing found has an exit code of its own."""
    quiet = write_recording(tmp_path / "quiet", shop_rows(rows=ONSET), fault_start=None)
    assert main(["replay", str(quiet)]) == Exit.NOTHING_FOUND
    assert "No incident" in capsys.readouterr().out


def test_oracle_needs_an_onset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--oracle on a recording without label is an error in words."""
    quiet = write_recording(tmp_path / "quiet", shop_rows(rows=ONSET), fault_start=None)
    assert main(["replay", "--oracle", str(quiet)]) == Exit.INVALID
    assert "fault_start" in capsys.readouterr().err


def test_a_broken_recording_stops_no_other(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The good one is replayed, the bad one explained, no traceback."""
    broken = tmp_path / "cases" / "broken"
    broken.mkdir()
    (broken / "incident.json").write_text("{")
    (broken / "metrics.csv.gz").write_bytes(b"no gzip")
    assert main(["replay", str(broken), str(shop)]) == Exit.INVALID
    captured = capsys.readouterr()
    assert "`db`" in captured.out
    assert "gzip" in captured.err
    assert "Traceback" not in captured.err


def test_settings_of_a_replay_are_for_kafka(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --kafka nothing would read them, so they are refused."""
    assert Exit.USAGE == main(["replay", str(shop), "--set", "kafka.group_id=x"])
    assert "--config and --set are for --kafka" in capsys.readouterr().err
