"""The commands as a user calls them."""

import json
import os
import subprocess
import sys

import pytest
from makers import NAMES, ONSET, shop_rows, write_recording

from coral import __version__
from coral.cli.main import main
from coral.contract.events import decode
from coral.errors import Exit


@pytest.fixture
def shop(tmp_path):
    """A recorded incident of the little shop."""
    return write_recording(tmp_path / "cases" / "shop", shop_rows())


def test_replay_prints_causes_and_writes_events(shop, tmp_path, capsys):
    """A table for people, NDJSON for machines, exit code 0."""
    out = tmp_path / "events.ndjson"
    assert main(["replay", str(shop), "--out", str(out)]) == Exit.OK
    printed = capsys.readouterr().out
    assert "cause: `db`" in printed
    assert "settled" in printed
    events = [decode(line) for line in out.read_bytes().splitlines()]
    assert events[0].type == "io.coral.incident.opened.v1"
    assert events[-1].data.causes[0].entity == "db"


def test_replay_json_prints_only_events(shop, capsysbinary):
    """With --json every line of standard output is one event."""
    assert main(["replay", str(shop), "--oracle", "--json"]) == Exit.OK
    lines = capsysbinary.readouterr().out.splitlines()
    assert [decode(line).data.revision for line in lines] == [*range(1, len(lines) + 1)]


def test_replay_of_a_bare_table(tmp_path, capsys):
    """A CSV file with a KPI is enough."""
    table = tmp_path / "metrics.csv"
    rows = [",".join(("time", *NAMES))]
    rows += [",".join(map(str, (t, *x))) for t, x in enumerate(shop_rows())]
    table.write_text("\n".join(rows))
    assert main(["replay", str(table), "--kpi", "web:latency_p95", "--interval", "1"]) == Exit.OK
    assert "`db`" in capsys.readouterr().out


def test_replay_without_an_incident_says_so(tmp_path, capsys):
    """Nothing found has an exit code of its own."""
    quiet = write_recording(tmp_path / "quiet", shop_rows(rows=ONSET), fault_start=None)
    assert main(["replay", str(quiet)]) == Exit.NOTHING_FOUND
    assert "No incident" in capsys.readouterr().out


def test_oracle_needs_an_onset(tmp_path, capsys):
    """--oracle on a recording without label is an error in words."""
    quiet = write_recording(tmp_path / "quiet", shop_rows(rows=ONSET), fault_start=None)
    assert main(["replay", "--oracle", str(quiet)]) == Exit.INVALID
    assert "fault_start" in capsys.readouterr().err


def test_a_broken_recording_stops_no_other(shop, tmp_path, capsys):
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


def test_validate_names_line_column_rule_and_action(tmp_path, capsys):
    """An unparsable cell is found where it is."""
    table = tmp_path / "m.csv"
    rows = ["timestamp,web:latency,db:cpu"]
    rows += [f"{t},{0.1 + t % 7},{'oops' if t == 10 else t % 5}" for t in range(60)]
    table.write_text("\n".join(rows))
    assert main(["validate", str(table)]) == Exit.OK
    printed = capsys.readouterr().out
    assert "m.csv:12 column `db:cpu`" in printed
    assert "oops" in printed


def test_validate_json_is_one_problem_a_line(tmp_path, capsys):
    """Machines get path, rule, line and action."""
    assert main(["validate", "--json", str(tmp_path / "nothing")]) == Exit.INVALID
    problem = json.loads(capsys.readouterr().out)
    assert problem["severity"] == "error"
    assert problem["action"]


def test_evaluate_writes_the_scorecard(shop, tmp_path, capsys):
    """The JSON has the documented fields, and every case in it."""
    card_file = tmp_path / "card.json"
    arguments = ["evaluate", str(shop.parent), "--mode", "oracle", "--jobs", "1"]
    assert main([*arguments, "--json", str(card_file)]) == Exit.OK
    card = json.loads(card_file.read_text())
    assert card["version"] == __version__
    assert card["case_list"]["n"] == 1
    row = card["cases"][0]
    assert row["entities"][0] == "db"
    assert row["ac@1"] == row["avg@5"] == row["strict_ac@1"] == 1.0
    assert card["datasets"]["made"]["n"] == 1
    assert card["macro"]["ac@1"] == 1.0
    assert card["tiers"] == {row["tier"]: {"n": 1, "ac@1": 1.0}}
    assert "made" in capsys.readouterr().out


def test_evaluate_of_nothing_says_so(tmp_path, capsys):
    """A folder without recordings is a mistake of the user, not an empty table."""
    assert main(["evaluate", str(tmp_path)]) == Exit.FAILURE
    assert "no recorded incident" in capsys.readouterr().err


def test_wrong_usage_exits_with_2(capsys):
    """The speed must be a number or `max`."""
    with pytest.raises(SystemExit) as caught:
        main(["replay", "x", "--speed", "fast"])
    assert caught.value.code == Exit.USAGE
    assert "`max` expected, got 'fast'" in capsys.readouterr().err


def test_help_is_documented_and_light(capsys):
    """`--help` names the exit codes."""
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == Exit.OK
    assert "exit codes" in capsys.readouterr().out


THREADS = """
import sys
from coral.cli.main import main
assert "numpy" not in sys.modules
main(["config", "schema"])
print(*(line for line in open("/proc/self/status") if line.startswith("Threads")))
"""


@pytest.mark.parametrize(("chosen", "threads"), [({}, 1), ({"OMP_NUM_THREADS": "3"}, 3)])
def test_blas_has_one_thread_unless_told_otherwise(chosen, threads):
    """Small matrices on many threads would burn every core, and save no time."""
    kept = {name: value for name, value in os.environ.items() if "_NUM_THREADS" not in name}
    command = [sys.executable, "-c", THREADS]

    done = subprocess.run(command, env=kept | chosen, capture_output=True, text=True, check=True)

    assert int(done.stdout.rsplit(maxsplit=1)[-1]) == threads


def test_demo_finds_the_real_cause_of_a_real_incident(tmp_path, capsys):
    """The bundled incident goes through the in-memory broker until it has settled or ended."""
    out = tmp_path / "events.ndjson"
    assert main(["demo", "--speed", "max", "--out", str(out)]) == Exit.OK
    printed = capsys.readouterr().out
    truth = printed.rsplit(" in ", 1)[1].split(".")[0]
    last = decode(out.read_bytes().splitlines()[-1]).data
    assert last.causes[0].entity == truth
    assert last.state in {"settled", "resolved"}


def test_demo_lists_its_incidents(capsys):
    """At least four incidents are bundled; an unknown one is refused with the list."""
    assert main(["demo", "--list"]) == Exit.OK
    assert len(capsys.readouterr().out.strip().splitlines()) >= 4
    assert main(["demo", "--case", "nonsense"]) == Exit.FAILURE
    assert "there is no bundled incident `nonsense`" in capsys.readouterr().err


def test_settings_of_a_replay_are_for_kafka(shop, capsys):
    """Without --kafka nothing would read them, so they are refused."""
    with pytest.raises(SystemExit) as ended:
        main(["replay", str(shop), "--set", "kafka.group_id=x"])

    assert Exit.USAGE == ended.value.code
    assert "--config and --set are for --kafka" in capsys.readouterr().err
