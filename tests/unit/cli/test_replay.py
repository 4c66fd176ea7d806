"""`coral replay` as a user calls it."""

from pathlib import Path
from shutil import copytree

import numpy as np
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


def test_objectives_of_the_daemon_hold_in_a_replay(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of its system; what is named on the command line stays."""
    config = tmp_path / "coral.toml"
    config.write_text(
        '[systems."*"]\nkpi = [{name = "cart:latency_p95", above = 0.03, rows = 2, of = 3}]\n'
    )
    given = ["replay", str(shop), "--json", "--config", str(config)]
    assert Exit.OK == main(given)
    events = [decode(line).data for line in capsys.readouterr().out.encode().splitlines()]
    objectives = {one.objective for data in events for one in data.felt}
    assert "above 0.03 in 2 of 3 rows" in objectives
    assert {("cart:latency_p95",)} == {tuple(data.kpi) for data in events}
    assert Exit.OK == main([*given, "--kpi", "web:latency_p95"])
    events = [decode(line).data for line in capsys.readouterr().out.encode().splitlines()]
    assert {("web:latency_p95",)} == {tuple(data.kpi) for data in events}


def test_edges_of_a_configuration_hold_in_a_replay(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it names some for the system; otherwise those of the recording stay."""
    config = tmp_path / "coral.toml"
    paths = []
    for edges in ("", 'edges = [["web", "pay"], ["pay", "db"]]\n'):
        config.write_text(f'[systems."*"]\nkpi = ["web:latency_p95"]\n{edges}')
        assert Exit.OK == main(["replay", str(shop), "--json", "--config", str(config)])
        last = decode(capsys.readouterr().out.splitlines()[-1].encode()).data
        paths.append({cause.entity: cause.path for cause in last.causes}["db"])
    recorded, configured = paths
    assert configured == ["db", "pay", "web"]
    assert "cart" in recorded or "pay" in recorded


def table_of(path: Path, *, latency: str | None = None) -> Path:
    """The shop as a bare table; in its last rows a latency that is no number."""
    rows = [",".join(("time", *NAMES))]
    for t, x in enumerate(shop_rows()):
        values = [*map(str, x)]
        if latency is not None and t > ONSET:
            values[NAMES.index("cart:latency_p95")] = latency
        rows.append(",".join((str(t), *values)))
    path.write_text("\n".join(rows))
    return path


def test_what_is_not_read_is_said_before_the_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it is no series that fell silent."""
    table = table_of(tmp_path / "shop.csv", latency="timeout")
    main(["replay", str(table), "--kpi", "web:latency_p95", "--interval", "1"])
    before, _, after = capsys.readouterr().out.partition("opened")

    assert (
        "column `cart:latency_p95`: number with a decimal point expected, got 'timeout'" in before
    )
    assert "The series takes no part" in " ".join(before.split())
    assert "cart:latency" not in after
    assert "`db`" in after


def test_remarks_on_the_file_are_no_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --json they go to standard error."""
    table = table_of(tmp_path / "shop.csv", latency="timeout")
    main(["replay", str(table), "--kpi", "web:latency_p95", "--interval", "1", "--json"])
    printed = capsys.readouterr()

    assert "timeout" in printed.err
    assert all(decode(line.encode()) for line in printed.out.splitlines())


def incidents(out: Path, *paths: Path) -> list[str]:
    """Return the identifiers of the incidents that one command finds in recordings."""
    assert Exit.OK == main(["replay", *map(str, paths), "--oracle", "--out", str(out)])
    events = map(decode, out.read_bytes().splitlines())
    return [*dict.fromkeys(event.data.incident for event in events)]


def test_two_recordings_of_one_system_have_incidents_of_their_own(
    tmp_path: Path, shop: Path
) -> None:
    """Also where their faults begin at the same time; the first has those of the daemon."""
    other = write_recording(tmp_path / "cases" / "other", shop_rows(seed=3))
    out = tmp_path / "events.ndjson"
    both = incidents(out, shop, other)
    assert 2 == len(both)
    assert both == incidents(out, shop, other)
    assert both[:1] == incidents(out, Path(copytree(shop, tmp_path / "elsewhere" / "shop")))


def test_recordings_whose_clocks_begin_at_zero_may_go_into_one_file(tmp_path: Path) -> None:
    """Whichever command replays them: that their faults begin at the same second says nothing."""
    out = tmp_path / "events.ndjson"
    one = write_recording(tmp_path / "one", shop_rows(), start=0)
    other = write_recording(tmp_path / "other", shop_rows(seed=3), start=0)
    apart = [*incidents(out, one), *incidents(out, other)]
    assert 2 == len({*apart})
    assert apart == incidents(out, one, other)[:1] + apart[1:]


def test_a_health_signal_may_leave_labels_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a flag, in the labels and in a configuration: the same incident, whatever is fastest."""
    rows = shop_rows()
    names = (*(f"{name}{{code=200}}" for name in NAMES[:1]), *NAMES[1:], f"{NAMES[0]}{{code=500}}")
    table = np.column_stack([rows, 0.5 * rows[:, 0]])
    told = write_recording(tmp_path / "told", table, names=names)
    bare = write_recording(tmp_path / "bare", table, names=names, kpi=[])
    config = tmp_path / "coral.toml"
    config.write_text('[systems."*"]\nkpi = ["web:latency_p95"]\n')
    assert Exit.OK == main(["config", "check", str(config)])
    capsys.readouterr()
    ways = ([told], [bare, "--kpi", "web:latency_p95"], [bare, "--config", config])
    found = []
    for way in ways:
        assert Exit.OK == main(["replay", *map(str, way), "--json"])
        events = [decode(line.encode()) for line in capsys.readouterr().out.splitlines()]
        found.append([event.data.incident for event in events])
        assert {"web:latency_p95"} == {one.signal for e in events for one in e.data.felt}
        assert "db" == events[-1].data.causes[0].entity

    assert found[0] == found[1] == found[2]
    assert Exit.OK == main(["replay", str(told), "--plot", str(tmp_path / "told.svg")])
    printed = " ".join(capsys.readouterr().out.split())
    assert "KPI `web:latency_p95` stands for 2 columns" in printed


def test_notes_beside_recordings_are_passed_over(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a shell's `incidents/*` names them."""
    note = shop.parent / "README.md"
    note.write_text("What was recorded, and when.")
    for command in ("replay", "validate"):
        assert Exit.OK == main([command, str(note), str(shop)])
    assert "README" not in capsys.readouterr().out


def test_lines_into_a_pipe_end_where_their_text_ends(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing fills them up to the width of a terminal."""
    main(["replay", str(shop)])
    lines = capsys.readouterr().out.splitlines()

    assert any(len(line) > 80 for line in lines)
    assert [] == [line for line in lines if line != line.rstrip()]
