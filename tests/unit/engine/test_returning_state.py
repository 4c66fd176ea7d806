"""A state that returns is recognised, and whoever reads about it is told."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from makers import ONSET, shop_rows, write_recording
from typed import FloatArray, there

from coral.cli.main import main
from coral.contract.events import Incident, decode
from coral.errors import Exit

START = 1_700_000_000


def faults(*kinds: str) -> FloatArray:
    """Normal rows with a fault of 60 rows every 600 rows."""
    rows = np.vstack([shop_rows(seed=i, rows=ONSET) for i in range(1 + 3 * len(kinds))])
    for i, kind in enumerate(kinds):
        at = 400 + 600 * i
        rows[at : at + 60] = shop_rows(seed=at, rows=ONSET + 60, fault=kind)[ONSET:]
    return rows


Replay = Callable[..., tuple[list[Incident], str, Path]]


@pytest.fixture
def replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Replay:
    """Replay such rows; the last event of each incident, its text, and the file."""

    def replay(*kinds: str) -> tuple[list[Incident], str, Path]:
        folder, out = write_recording(tmp_path / "shop", faults(*kinds)), tmp_path / "events.ndjson"
        assert main(["replay", str(folder), "--out", str(out)]) == Exit.OK
        events = [decode(line) for line in out.read_bytes().splitlines()]
        return list({e.subject: e.data for e in events}.values()), capsys.readouterr().out, out

    return replay


def test_the_event_the_replay_and_the_explanation_name_it(
    replayed: Replay, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second time, and only then: which incident it was, and until when."""
    (first, second), said, out = replayed("db", "db")
    assert main(["explain", second.incident, str(out)]) == Exit.OK
    explained = capsys.readouterr().out
    told = f"last in this state in incident {first.incident}, which ended at {first.now}"

    assert first.state_seen is None
    seen = there(second.state_seen)
    assert (first.incident, first.now, 1) == (
        seen.incident,
        seen.ended,
        seen.times,
    )
    for text in (said, explained):
        assert 1 == " ".join(text.split()).count(told)


def test_another_fault_is_no_return(replayed: Replay) -> None:
    """What concerns other series is a new state."""
    data, said, _ = replayed("db", "pay")

    assert [None, None] == [one.state_seen for one in data]
    assert "last in this state" not in said
