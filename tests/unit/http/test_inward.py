"""What is told and asked over HTTP."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from makers import NAMES, ONSET, shop_rows
from served import START, Answer, Reader, World, served, settings_of
from webhooks import alertmanager, fired, grafana

from coral.checkpoint.envelope import encode as packed
from coral.cli.main import main
from coral.contract.events import Event, decode
from coral.daemon.questions import MOST_WAITING, Questions
from coral.errors import AskError, Exit
from coral.settings import Secret
from streams.clock import ManualClock

CALM = shop_rows(seed=3, rows=400, fault=None)


def posted(ask: Reader, message: Any, **headers: str) -> Answer:
    return ask("/api/v1/alerts", "POST", json.dumps(message), **headers)


def world_of(home: Path, rows: Any = CALM, read: int = 250) -> World:
    """A shop whose alerts are taken, and of which some rows were read."""
    world = World(home, settings_of(home), alerts=True)
    world.put("shop", NAMES, rows[:read])
    world.read()
    return world


def state(world: World) -> bytes:
    """All that the engine of the shop knows."""
    return packed("", world.daemon._engines["shop"].state_dict())


def incidents(world: World) -> list[Event]:
    held = world.board.incidents
    return [decode(held.get(brief.incident).event) for brief in held.briefs()]  # type: ignore[union-attr]


@pytest.mark.parametrize("webhook", [alertmanager, grafana])
def test_an_alert_opens_an_incident(tmp_path: Path, webhook: Callable[..., Any]) -> None:
    """And its end ends it; what became of it is counted."""
    world = world_of(tmp_path)
    with served(world.board) as ask:
        answer = posted(ask, webhook(fired(START + 251.0)))
        assert (202, {"taken": 1, "refused": []}) == (answer.status, answer.json)
        world.read()
        world.put("shop", NAMES, CALM[250:300], 250)
        world.read()
        (opened,) = incidents(world)
        assert "alert" == opened.data.trigger.source
        assert ["p95 above 0.5 s"] == [alert.text for alert in opened.data.alerts]
        posted(ask, webhook(fired(START + 251.0, START + 300.0)))
        posted(ask, webhook(fired(START + 251.0, START + 300.0)))
        world.read()
        world.put("shop", NAMES, CALM[300:320], 300)
        world.read()
        assert "back to normal" == incidents(world)[0].data.resolution
        metrics = ask("/metrics").body.decode()
    assert 'coral_alerts_total{outcome="opened"} 1.0' in metrics
    assert 'coral_alerts_total{outcome="repeated"} 1.0' in metrics


def test_what_names_no_system_is_refused(tmp_path: Path) -> None:
    """Alone; with nothing else in the message the sender is told at once."""
    world = world_of(tmp_path, read=60)
    nameless = fired(START)
    del nameless["labels"]["system"]
    with served(world.board) as ask:
        answer = posted(ask, alertmanager(nameless))
        assert (422, True) == (answer.status, "{system} expected" in answer.json["error"])
        answer = posted(ask, alertmanager(nameless, fired(START + 1.0, system="other")))
        assert (202, 1, 1) == (answer.status, answer.json["taken"], len(answer.json["refused"]))
        world.read()
        metrics = ask("/metrics").body.decode()
    assert 'coral_messages_refused_total{kind="alerts"} 1.0' in metrics
    assert 'coral_messages_held{kind="alerts"} 1.0' in metrics


def test_what_is_no_alert_is_refused(tmp_path: Path) -> None:
    """With place and rule; without a topic the sender is to try again."""
    world = world_of(tmp_path, read=60)
    with served(world.board) as ask:
        assert "at `$.alerts[0]`" in posted(ask, {"alerts": [{}]}).json["error"]
        assert 422 == posted(ask, {"alerts": [{}]}).status
        assert 405 == ask("/api/v1/alerts").status
        world.board.take_alerts = None
        assert 503 == posted(ask, alertmanager()).status


def test_only_pages_of_this_origin_may_send(tmp_path: Path) -> None:
    """Browsers say whose page it is; a token is asked for all the same."""
    world = world_of(tmp_path, read=60)
    with served(world.board) as ask:
        here = f"http://127.0.0.1:{ask.port}"
        for origin in ("http://evil.example", "null", "http://[", f"{here}.evil.example", "x"):
            assert 403 == posted(ask, alertmanager(), origin=origin).status, origin
        assert 202 == posted(ask, alertmanager(), origin=here).status
        assert 200 == ask("/api/v1/status", origin="http://evil.example").status
    with served(world.board, token=Secret("0123456789abcdef")) as ask:
        assert 401 == posted(ask, alertmanager()).status
        assert 202 == posted(ask, alertmanager(), authorization="Bearer 0123456789abcdef").status


def test_asking_changes_nothing(tmp_path: Path) -> None:
    """The answer is there while the loop runs; state and later events are those of before."""
    rows = shop_rows(seed=3, rows=ONSET + 40)
    asked, other = (tmp_path / name for name in ("asked", "other"))
    worlds = []
    for home in (asked, other):
        home.mkdir()
        worlds.append(world_of(home, rows, ONSET + 3))
    first, second = worlds
    with served(first.board) as ask, ThreadPoolExecutor(1) as thread:
        answer = thread.submit(ask, f"/api/v1/ask?system=shop&since={START + ONSET}")
        while not answer.done():
            for world in worlds:
                world.daemon.loop.run_once()
    event = decode(answer.result().body)
    assert ("told", "db") == (event.data.trigger.source, event.data.causes[0].entity)
    assert state(second) == state(first)
    for world in worlds:
        world.put("shop", NAMES, rows[ONSET + 3 :], ONSET + 3)
        world.read()
    assert incidents(second) == incidents(first)


def test_without_a_time_the_newest_rows_are_asked(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """An open incident answers itself; where nothing is wrong no cause is named."""
    calm, broken = (tmp_path / name for name in ("calm", "broken"))
    for home, rows in ((calm, CALM), (broken, shop_rows(seed=3, rows=ONSET + 40))):
        home.mkdir()
        world = world_of(home, rows, ONSET + 40)
        with served(world.board) as ask, world.running():
            url = f"http://127.0.0.1:{ask.port}"
            assert Exit.OK == main(["ask", "shop", url])
            assert Exit.OK == main(["ask", "shop", url, "--since", str(START + ONSET), "--json"])
            assert Exit.FAILURE == main(["ask", "shop", url, "--since", "20m"])  # of today
            assert Exit.FAILURE == main(["ask", "nobody", url])
        said = capsysbinary.readouterr()
        assert b"there is no such system here" in said.err
        (event,) = (line for line in said.out.splitlines() if line.startswith(b"{"))
        assert "told" == decode(event).data.trigger.source
        assert (b"look at" in said.out) == (home is broken)


def test_what_cannot_be_answered_is_said(tmp_path: Path) -> None:
    """Unknown systems, times that are none or to come, too many at a time, a loop that stands."""
    world = world_of(tmp_path, read=60)
    with served(world.board) as ask, world.running():
        assert 404 == ask("/api/v1/ask").status
        assert 404 == ask(f"/api/v1/ask?system=shop&since={START + 1e6}").status
        assert 422 == ask("/api/v1/ask?system=shop&since=nan").status
        assert 422 == ask("/api/v1/ask?system=shop&since=now").status
    stands = Questions(settings_of(tmp_path), patience_s=0.01)
    for _ in range(MOST_WAITING):
        with pytest.raises(AskError, match=r"has not answered for 0\.01 s"):
            stands("shop", None)
    with pytest.raises(AskError, match="at most 4 questions at a time"):
        stands("shop", None)


@pytest.mark.parametrize("path", ["ask", "model"])
def test_nobody_waits_in_vain(tmp_path: Path, path: str) -> None:
    """A system that is not here, and a loop that is busy, are told without waiting for the loop."""
    clock = ManualClock(START)
    world = World(tmp_path, settings_of(tmp_path), clock)
    world.put("shop", NAMES, CALM[:60])
    world.read()
    with served(world.board) as ask:
        misspelt = ask(f"/api/v1/{path}?system=shpo")
        clock.sleep(6.0)
        busy = ask(f"/api/v1/{path}?system=shop")
    assert (404, True) == (misspelt.status, "did you mean `shop`?" in misspelt.json["error"])
    assert (503, True) == (busy.status, "busy, for 6 s now" in busy.json["error"])
