"""One incident: what a page shows of it, its Markdown, and what people say of it."""

import json
from typing import Any

import msgspec
import pytest
from makers import NAMES, shop_rows
from served import Answer, Reader, World, served, settings_of

from coral.contract.feedback import Feedback
from coral.report.incident_view import IncidentView
from streams.errors import BrokerError

JSON = {"content_type": "application/json"}


def at(world: World, what: str) -> str:
    return f"/api/v1/incidents/{world.board.incidents.briefs()[0].incident}/{what}"


def say(ask: Reader, path: str, claim: Any, **headers: str) -> Answer:
    return ask(
        path, "POST", claim if isinstance(claim, str) else json.dumps(claim), **JSON | headers
    )


def test_the_view_is_whole(shop: World) -> None:
    """It has the form that it promises, with the rows around the incident."""
    with served(shop.board) as ask:
        answer = ask(at(shop, "view"))
    view = msgspec.json.decode(answer.body, type=IncidentView)
    assert ("db", "shop") == (view.causes[0].label, view.system)
    assert view.window is not None
    assert 200 < len(view.window.times)


def test_the_case_as_markdown(shop: World) -> None:
    """As `coral explain --markdown` tells it."""
    with served(shop.board) as ask:
        answer = ask(at(shop, "markdown"))
    assert "text/markdown; charset=utf-8" == answer.headers["content-type"]
    assert answer.body.startswith(b"# Incident `")


def test_feedback_is_given_and_taken_back(tmp_path: Any) -> None:
    """By the rules of the topic: what is stored is what the command would store."""
    world = World(tmp_path, settings_of(tmp_path))
    world.put("shop", NAMES, shop_rows())
    world.read()
    given: list[Feedback] = []

    def give(said: Feedback) -> str:
        given.append(said)
        return "topic f"

    path = at(world, "feedback")
    with served(world.board, give=give) as ask:
        nothing = {"cause": None, "stored": None, "rejected": None}
        stored = nothing | {"stored": "topic f"}
        assert nothing == ask(path).json
        assert stored | {"cause": "db"} == say(ask, path, {"cause": "db"}).json
        assert nothing | {"cause": "db"} == ask(path).json
        wrong = {"cause": None, "rejected": "db"}
        assert stored | wrong == say(ask, path, wrong).json
        assert nothing | wrong == ask(path).json
        assert stored == say(ask, path, {"cause": None}).json
        assert nothing == ask(path).json
        refused = say(ask, path, {"cause": "cartt"})
        second = say(ask, path, {"cause": None, "rejected": "web"})
        both = say(ask, path, {"cause": "db", "rejected": "db"})

    assert (409, True) == (refused.status, "did you mean `cart`?" in refused.json["error"])
    assert (409, True) == (second.status, "had first can be wrong, `db`" in second.json["error"])
    assert (409, True) == (both.status, "got `db` and `db`" in both.json["error"])
    assert [("db", None), (None, "db"), (None, None)] == [(e.cause, e.rejected) for e in given]
    assert given[0].signature == given[1].signature != []


@pytest.mark.parametrize(
    ("claim", "headers", "status"),
    [
        ("", {}, 422),
        ("{", {}, 422),
        ("{}", {}, 422),
        ("[]", {}, 422),
        ('{"cause": 1}', {}, 422),
        ('{"rejected": "db"}', {}, 422),
        ('{"cause": null, "rejected": 1}', {}, 422),
        ('{"cause": ' + "[" * 3000, {}, 422),
        ('{"cause": "\\ud800"}', {}, 422),
        ('{"cause": "db"}', {"content_type": "text/plain"}, 415),
        ('{"cause": "db"}', {"origin": "http://evil.example"}, 403),
        ('{"cause": "db"}', {"origin": "null"}, 403),
        ('{"cause": "db"}', {"sec_fetch_site": "cross-site"}, 403),
        ('{"cause": "db"}', {"sec_fetch_site": "same-site", "origin": "http://localhost"}, 403),
        ('{"cause": "db"}', {"host": "evil.example"}, 421),
    ],
)
def test_feedback_that_is_none_is_refused(
    shop: World, claim: str, headers: dict[str, str], status: int
) -> None:
    """Nor is that of another's page; nothing is stored."""
    with served(shop.board, give=lambda _: pytest.fail("it was stored")) as ask:
        assert status == say(ask, at(shop, "feedback"), claim, **headers).status


def test_our_own_page_is_taken_whatever_the_proxy_says(shop: World) -> None:
    """A browser says that it is ours; the name of the host may be another's."""
    own = {"sec_fetch_site": "same-origin", "origin": "https://coral.example"}
    with served(shop.board, give=lambda _: "nowhere") as ask:
        assert 200 == say(ask, at(shop, "feedback"), {"cause": "db"}, **own).status
        origin = f"http://127.0.0.1:{ask.port}"
        assert 200 == say(ask, at(shop, "feedback"), {"cause": None}, origin=origin).status


def test_a_dead_broker_is_said_in_words(shop: World) -> None:
    """Nothing is noted as said then."""

    def give(_: Feedback) -> str:
        raise BrokerError("no broker answers at x:9092")

    with served(shop.board, give=give) as ask:
        answer = say(ask, at(shop, "feedback"), {"cause": "db"})
        said = ask(at(shop, "feedback")).json
    assert (503, "no broker answers" in answer.json["error"]) == (answer.status, True)
    assert said["cause"] is None


def test_where_none_is_taken_that_is_said(shop: World) -> None:
    """As for an incident that is not there."""
    with served(shop.board) as ask:
        assert 404 == say(ask, at(shop, "feedback"), {"cause": "db"}).status
        for what in ("view", "markdown", "feedback"):
            assert 404 == ask(f"/api/v1/incidents/nowhere/{what}").status
