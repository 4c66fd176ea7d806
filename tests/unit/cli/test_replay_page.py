"""Recordings on the page: what is played is what the replay says, row by row."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from makers import ONSET, shop_rows, write_recording
from played import played_under, playing

from coral.cli.main import main
from coral.config import EngineConfig
from coral.contract.events import decode
from coral.errors import Exit
from coral.http import tape as tapes
from coral.http.state import Brief, brief
from coral.report.event_log import IncidentHistory
from coral.report.incident_view import incident_view

STRICT = EngineConfig(false_alarms_per_week=1e-9, changes_per_week=1e-9)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded incident of the little shop, of which the database was deployed."""
    home = write_recording(tmp_path_factory.mktemp("cases") / "shop", shop_rows())
    change = {"timestamp": 1_700_000_000 + ONSET - 5, "system": "shop", "entity": "db"}
    (home / "changes.json").write_text(json.dumps([change | {"kind": "deployed", "text": "v2"}]))
    return home


def test_every_revision_is_that_of_the_replay(
    shop: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """In its row, and in full as it stood then."""
    assert Exit.OK == main(["replay", str(shop), "--json"])
    events = [decode(line) for line in capsysbinary.readouterr().out.splitlines()]
    with playing(played_under(shop, EngineConfig())) as ask:
        (held,) = ask("/api/v1/recordings").json["recordings"]
        tape = ask("/api/v1/recordings/0/0").json
        said = [msgspec.convert(one, Brief) for one in tape["said"]]
        assert [brief(event) for event in events] == said
        at = f"/api/v1/recordings/0/0/incidents/{events[0].subject}"
        view = ask(f"{at}/3").json
        history = IncidentHistory(events[0])
        for event in events[1:3]:
            history.add(event)
        expected = msgspec.to_builtins(incident_view(history))
        assert expected | {"window": None} == view | {"window": None}
        assert view["window"]["times"][-1] <= view["moments"]["now"]
        assert 404 == ask(f"{at.replace(events[0].subject, 'nowhere')}/3").status
        assert 404 == ask("/api/v1/recordings/0/1").status == ask("/api/v1/recordings/1/0").status
    assert ("shop", None) == (held["name"], held["compared"])
    (run,) = held["runs"]
    assert (280, 1, 0, True, "") == tuple(
        run[key] for key in ("rows", "incidents", "changes", "done", "failed")
    )
    assert ["warming", "watching", "diagnosing", "settled"] == [
        one["phase"] for one in tape["phases"] if one["phase"] != "blind"
    ]
    assert 280 == len(tape["window"]["times"])
    assert ["`db` was deployed: v2."] == [one["told"] for one in tape["marks"]]


def test_two_configurations_are_compared(shop: Path) -> None:
    """Over the whole recording; each has its digest."""
    with playing(played_under(shop, EngineConfig(), STRICT)) as ask:
        (held,) = ask("/api/v1/recordings").json["recordings"]
    one, two = held["runs"]
    assert one["config"] != two["config"] == held["compared"]["config"]
    seen = [held["compared"][key] for key in ("agreed", "differed", "main_only", "shadow_only")]
    assert one["incidents"] + one["changes"] == sum(seen[:3])
    assert two["incidents"] + two["changes"] == sum(seen[:2]) + seen[3]


def test_what_is_broken_is_told(tmp_path: Path) -> None:
    """All rows before it are played."""
    home = write_recording(tmp_path / "shop", shop_rows())
    played = played_under(home, EngineConfig())
    (home / "metrics.csv.gz").write_bytes(b"nothing of the kind")
    with playing(played) as ask:
        (run,) = ask("/api/v1/recordings").json["recordings"][0]["runs"]
    assert (0, False) == (run["rows"], run["done"])
    assert "metrics.csv.gz" in run["failed"]


def test_a_tape_is_bounded(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What finds no room is counted."""
    monkeypatch.setattr(tapes, "MOST_SAID", 5)
    with playing(played_under(shop, EngineConfig())) as ask:
        tape = ask("/api/v1/recordings/0/0").json
    assert (5, True) == (len(tape["said"]), tape["more"] > 5)


def test_the_command_plays_a_second_configuration(shop: Path, tmp_path: Path) -> None:
    """Another topology, laid over the first; Ctrl-C ends it in order."""
    other = tmp_path / "other.toml"
    other.write_text('[systems."*"]\nedges = [["web", "pay"]]\n')
    words = ["-m", "coral.cli.main", "replay", str(shop), "--serve", "--port", "0"]
    with subprocess.Popen(
        [sys.executable, *words, "--shadow", str(other)], stdout=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout is not None
        try:
            printed = next(line for line in command.stdout if "other.toml: 280 rows" in line)
            command.send_signal(signal.SIGINT)
            assert 0 == command.wait(60), printed
        finally:
            command.kill()


def test_a_second_configuration_is_for_the_page(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Elsewhere there is no place for what it says; the page has none for files."""
    assert Exit.USAGE == main(["replay", str(shop), "--shadow", str(tmp_path / "x.toml")])
    assert "--serve expected" in capsys.readouterr().err
    words = ["--serve", "--json", "--out", str(tmp_path / "x.ndjson")]
    assert Exit.USAGE == main(["replay", str(shop), *words])
    assert "--serve plays on the page, without --out, --json" in capsys.readouterr().err
