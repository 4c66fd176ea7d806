"""Incidents asked of a running process, by the commands that tell them."""

import json
import re
from pathlib import Path

import pytest
from hostile import HOSTILE
from incidents import incident_event
from served import START, World, served

from coral.cli.main import main
from coral.contract.events import encode
from coral.errors import AskError, Exit, IncidentError
from coral.http.board import Board
from coral.http.client import asked_events
from coral.settings import Secret
from streams.clock import ManualClock

TOKEN = "0123456789abcdef"  # noqa: S105 - of nobody


@pytest.fixture
def board() -> Board:
    """A process that remembers two incidents."""
    held = Board(ManualClock(START), 10)
    for event in (incident_event(incident="3f2a"), incident_event(incident="3f77")):
        held.incidents.take(event, encode(event))
    return held


def test_the_events_are_those_that_were_published(board: Board) -> None:
    """One by the beginning of its identifier, or all."""
    with served(board, path_prefix="/coral") as ask:
        url = f"http://127.0.0.1:{ask.port}/coral/"
        assert [encode(incident_event(incident="3f77"))] == list(asked_events(url, prefix="3f7"))
        assert 2 == len(list(asked_events(url)))
        with pytest.raises(IncidentError, match="`zz`; there are: 3f77, 3f2a"):
            list(asked_events(url, prefix="zz"))
        with pytest.raises(IncidentError, match="beginning of 2 incidents"):
            list(asked_events(url, prefix="3f"))


@pytest.mark.parametrize("url", ["http://", "http://[", "ftp://shop"])
def test_an_address_that_is_none(url: str) -> None:
    """Is said before anything is asked."""
    with pytest.raises(AskError, match=r"an address such as http://127\.0\.0\.1:8080 expected"):
        list(asked_events(url))


def test_the_commands_take_an_address(
    board: Board, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the place of a file, with the token from one; the words are those of the file's events."""
    token, file = tmp_path / "token", tmp_path / "events.ndjson"
    token.write_text(f"{TOKEN}\n")
    file.write_bytes(encode(incident_event()))
    assert Exit.OK == main(["explain", "3f2a", str(file), "--markdown"])
    told = capsys.readouterr().out
    with served(board, token=Secret(TOKEN)) as ask:
        url = f"http://127.0.0.1:{ask.port}"
        for command in ("explain", "report"):
            words = [command, "3f2", url, "--token-file", str(token), "--markdown"]
            assert (Exit.OK, told) == (main(words), capsys.readouterr().out)
        assert Exit.OK == main(["explain", url, "--token-file", str(token)])
        assert ["3f77", "3f2a"] == sorted(
            (line.split()[0] for line in capsys.readouterr().out.splitlines()[1:] if line),
            reverse=True,
        )
        assert Exit.NOTHING_FOUND == main(["report", "zz", url, "--token-file", str(token)])
        assert f"coral: {url}: there is no incident `zz`" in capsys.readouterr().err
        assert Exit.FAILURE == main(["report", "3f2", url])
        assert "wants a token" in capsys.readouterr().err
        assert Exit.USAGE == main(["feedback", "3f2", url, "--cause", "db"])
        assert "whose feedback topic the daemon reads" in capsys.readouterr().err


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_the_markdown_is_served_as_it_is_written(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page copies what the command prints, and a browser takes it for nothing else."""
    event, board = incident_event(name, name), Board(ManualClock(START), 10)
    board.incidents.take(event, encode(event))
    file = tmp_path / "events.ndjson"
    file.write_bytes(encode(event))
    assert Exit.OK == main(["report", str(file), "--markdown"])
    with served(board) as ask:
        answer = ask("/api/v1/incidents/3f2a/markdown")
        missing = ask("/api/v1/incidents/zz/markdown")

    assert capsys.readouterr().out == answer.body.decode()
    assert "text/markdown; charset=utf-8" == answer.headers["content-type"]
    assert "nosniff" == answer.headers["x-content-type-options"]
    assert (404, "there is no such incident") == (missing.status, missing.json["error"])


def test_a_report_of_a_running_process_has_its_rows(shop: World, tmp_path: Path) -> None:
    """It is drawn from what the page is drawn from: not the event's means alone."""
    file = tmp_path / "incident.html"
    with served(shop.board) as ask:
        (one,) = ask("/api/v1/incidents").json["incidents"]
        view = ask(f"/api/v1/incidents/{one['incident']}/view").json
        assert Exit.OK == main(["report", f"http://127.0.0.1:{ask.port}", "-o", str(file)])
    (held,) = re.findall(
        r'<script id="view" type="application/json">(.*?)</script>', file.read_text()
    )

    assert view == json.loads(held)
    assert {"health", "statistic"} == {series["role"] for series in view["window"]["series"]}
