"""`alerts.json` of a recorded incident: read, told, drawn."""

import json
from pathlib import Path

import pytest
from makers import ONSET, shop_rows, write_recording
from matplotlib.figure import Figure
from webhooks import alertmanager, fired, grafana

from coral.cli.main import main
from coral.contract.alerts import Alert, encode
from coral.contract.events import decode
from coral.errors import Exit
from coral.replay.alerts import recorded_alerts
from coral.replay.beside import Beside
from streams.recorded import Recording, RecordingError

START = 1_700_000_000


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A recorded incident of the little shop in which nothing is wrong."""
    return write_recording(tmp_path / "shop", shop_rows(fault=None))


def write(folder: Path, *webhooks: object, lines: bool = False) -> None:
    text = "\n".join(map(json.dumps, webhooks)) if lines else json.dumps(webhooks)
    (folder / "alerts.json").write_text(text)


@pytest.mark.parametrize("lines", [True, False])
def test_they_are_read_by_their_beginning(shop: Path, lines: bool) -> None:
    """As an array or one a line; an end holds, and those of another system are left out."""
    first = alertmanager(fired(START + 9.0), fired(START + 1.0, system="other"))
    resolved = {"specversion": "1.0", "id": "1", "data": grafana(fired(START + 9.0, START + 30.0))}
    again, other = alertmanager(fired(START + 9.0)), grafana(fired(START + 3.0))
    write(shop, first, resolved, again, other, lines=lines)
    alerts, problems = recorded_alerts(Recording.open(shop))
    assert [(3.0, None), (9.0, 30.0)] == [
        (one.starts - START, one.ends and one.ends - START) for one in alerts
    ]
    assert problems == []


def test_one_without_a_system_is_of_the_recording(shop: Path) -> None:
    """As in what was kept of a webhook."""
    webhook = alertmanager(fired(START + 9.0))
    del webhook["alerts"][0]["labels"]["system"]
    write(shop, webhook)
    assert ["shop"] == [one.system for one in recorded_alerts(Recording.open(shop))[0]]


def test_without_the_file_there_are_none(shop: Path) -> None:
    """A bare table has none either."""
    assert ([], []) == recorded_alerts(Recording.open(shop))
    write(shop, alertmanager(fired(START + 9.0)))
    assert ([], []) == recorded_alerts(Recording.open(shop / "metrics.csv.gz", interval_s=1.0))


def test_validate_says_what_cannot_be_used(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A webhook that is none is a warning beside others, a file of none an error."""
    own = fired(START + 9.0) | {"labels": {"source": "coral"}}
    write(shop, alertmanager(fired(START + 9.0), own), {"alerts": 3})
    assert Exit.OK == main(["validate", str(shop)])
    said = capsys.readouterr().out
    assert "warning: alerts.json: [0]: an alert of somebody else expected" in said
    assert "warning: alerts.json: [1]: no alerts of Alertmanager or Grafana" in said
    (shop / "alerts.json").write_text("Slow fires")
    assert Exit.INVALID == main(["validate", str(shop)])
    assert "error: alerts.json: $: JSON expected" in capsys.readouterr().out
    with pytest.raises(RecordingError, match="JSON expected"):
        recorded_alerts(Recording.open(shop))


def test_what_is_told_when() -> None:
    """An alert when it begins, as it fires then, and when it ends."""
    ended = Alert(system="shop", key="a", name="Slow", starts=5.0, ends=9.0)
    fires = Alert(system="shop", key="b", name="Errors", starts=7.0)
    told = [*Beside(alerts=[ended, fires]).told()]
    assert [(5.0, "Slow", None), (7.0, "Errors", None), (9.0, "Slow", 9.0)] == [
        (time, one.name, one.ends) for time, one in told if isinstance(one, Alert)
    ]


def test_what_is_written_is_read(shop: Path) -> None:
    """With all that a recording keeps of an alert."""
    alert = Alert(
        system="shop",
        key="b3c2",
        name="Slow",
        severity="page",
        text="p95 above 0.5 s",
        starts=START + 9.25,
        ends=START + 30.5,
    )
    (shop / "alerts.json").write_bytes(encode(alert))
    assert ([alert], []) == recorded_alerts(Recording.open(shop))


def test_replay_opens_and_ends_an_incident(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the alert, as a daemon would have; without it there is none."""
    assert Exit.NOTHING_FOUND == main(["replay", str(shop)])
    write(shop, alertmanager(fired(START + ONSET + 10.0, START + ONSET + 40.0)))
    capsys.readouterr()
    out = tmp_path / "events.ndjson"
    assert Exit.OK == main(["replay", str(shop), "--out", str(out)])
    said = " ".join(capsys.readouterr().out.split())
    assert "1 alert in alerts.json" in said
    assert "Alerts of others: `Slow` (page) fired at" in said
    found = [decode(line).data for line in out.read_bytes().splitlines()]
    assert "alert" == found[0].trigger.source
    assert ["Slow"] == [one.name for one in found[0].alerts]
    assert "back to normal" == found[-1].resolution


def test_the_plot_marks_them(shop: Path, tmp_path: Path, figures: list[Figure]) -> None:
    """A line in every panel, named in the topmost; names from beside are made harmless."""
    write(shop, alertmanager(fired(START + ONSET, alertname="x" * 200 + "$\\frac{")))
    assert Exit.OK == main(["replay", str(shop), "--plot", str(tmp_path / "shop.png")])
    (figure,) = figures
    (text,) = [one.get_text() for one in figure.axes[0].texts if "alert" in one.get_text()]
    assert len(text) <= 40
    above = figure.subfigs[0]
    assert "alert of others" in [t.get_text() for one in above.legends for t in one.get_texts()]
