"""`changes.json` of a recorded incident: read, told, explained, drawn."""

import json
from pathlib import Path

import pytest
from makers import ONSET, shop_rows, write_recording
from matplotlib.figure import Figure

from coral.cli.main import main
from coral.contract.events import decode
from coral.errors import Exit
from coral.replay.changes import recorded_changes
from streams.recorded import Recording, RecordingError

START = 1_700_000_000


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A recorded incident of the little shop."""
    return write_recording(tmp_path / "shop", shop_rows())


def write(folder: Path, *changes: object, lines: bool = False) -> None:
    """Write the change events of a recording."""
    text = "\n".join(map(json.dumps, changes)) if lines else json.dumps(changes)
    (folder / "changes.json").write_text(text)


def own(second: float, entity: str = "db", kind: str = "deployed") -> dict[str, object]:
    """A change event of the own form."""
    return {"kind": kind, "timestamp": START + second, "entity": entity, "text": "v1.42"}


@pytest.mark.parametrize("lines", [True, False])
def test_they_are_read_by_their_time(shop: Path, lines: bool) -> None:
    """As an array or one a line; those of another system are left out."""
    write(shop, own(7), own(5, "cart"), own(6) | {"system": "other"}, lines=lines)
    changes, problems = recorded_changes(Recording.open(shop))
    assert [(one.time - START, one.entities) for one in changes] == [(5, ("cart",)), (7, ("db",))]
    assert problems == []


def test_without_the_file_there_are_none(shop: Path) -> None:
    """A bare table has none either."""
    assert recorded_changes(Recording.open(shop)) == ([], [])
    bare = shop / "metrics.csv.gz"
    write(shop, own(1))
    assert recorded_changes(Recording.open(bare, interval_s=1.0)) == ([], [])


def test_validate_says_what_cannot_be_used(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A part that is wrong is a warning, a file that is none an error; slips are told."""
    write(shop, own(1), own(2, "catr"), {"kind": "deployd", "timestamp": 1})
    assert main(["validate", str(shop)]) == Exit.OK
    said = capsys.readouterr().out
    assert "warning: changes.json: [2]: Invalid enum value 'deployd'" in said
    assert "a change of `catr`, which has no column. Perhaps `cart` is meant" in said
    (shop / "changes.json").write_text("deployed db")
    assert main(["validate", str(shop)]) == Exit.INVALID
    assert "error: changes.json: $: JSON expected" in capsys.readouterr().out
    with pytest.raises(RecordingError, match="JSON expected"):
        recorded_changes(Recording.open(shop))
    assert main(["replay", str(shop)]) == Exit.INVALID


def test_replay_and_explain_tell_them(
    shop: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """With the causes: in the summary, below the table, and in a table of their own."""
    write(shop, own(ONSET - 2), own(ONSET - 100, "cart", "restarted"))
    out = tmp_path / "events.ndjson"
    assert main(["replay", str(shop), "--out", str(out)]) == Exit.OK
    said = " ".join(capsysbinary.readouterr().out.decode().split())
    assert "2 change events in changes.json" in said
    assert "Done to the system around the onset: `db` was deployed" in said
    newest = decode(out.read_bytes().splitlines()[-1]).data
    first, second = newest.change_events
    assert (first.entity, first.rank, first.supports, first.text) == ("db", 1, True, "v1.42")
    assert (second.entity, second.rank, second.before_onset_s) == ("cart", 2, 100.0)
    assert "`db` was deployed" in newest.summary
    for how in ([], ["--markdown"]):
        assert main(["explain", newest.incident, str(out), *how]) == Exit.OK
        told = capsysbinary.readouterr().out.decode()
        assert "What was done to the system" in told
        rows = [line for line in told.splitlines() if "restarted" in line and "cart" in line]
        assert any("100 s later" in row for row in rows)


def test_the_plot_marks_them(shop: Path, tmp_path: Path, figures: list[Figure]) -> None:
    """A line in every panel, named in the topmost; names from outside are cut and made harmless."""
    hostile = "x" * 200 + "$\\frac{"
    write(shop, own(ONSET - 2), own(50, hostile), {"kind": "modified", "timestamp": START + 60})
    assert main(["replay", str(shop), "--plot", str(tmp_path / "shop.png")]) == Exit.OK
    (figure,) = figures
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "db deployed" in texts
    assert "the system modified" in texts
    assert max(map(len, texts)) <= 40
    above = figure.subfigs[0]
    legends = [text.get_text() for legend in above.legends for text in legend.get_texts()]
    assert "change event" in legends
