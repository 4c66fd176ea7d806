"""Feedback on its way to engines: a claim, until a published incident bears it out."""

from collections.abc import Iterable, MutableMapping
from typing import Any

import msgspec
import pytest
from makers import run, shop_config, shop_rows

from coral.contract import events
from coral.contract.events import Event, Scored
from coral.contract.feedback import Feedback, encode
from coral.daemon import published_incidents
from coral.daemon.feedback_inbox import feedback_inbox
from coral.daemon.inbox import Inbox
from coral.daemon.published_incidents import PublishedIncidents
from coral.engine import Engine
from streams.clock import ManualClock
from streams.errors import BrokerError

Log = list[MutableMapping[str, Any]]


class Topic:
    """A topic as a tail reads it, in pieces."""

    def __init__(self, *pieces: list[bytes]) -> None:
        self._pieces = list(pieces)

    def poll(self, timeout_s: float = 0.0) -> list[bytes]:
        assert timeout_s == 0
        return self._pieces.pop(0) if self._pieces else []

    def caught_up(self) -> bool:
        return not self._pieces


@pytest.fixture(scope="module")
def event() -> Event:
    return run(shop_rows(seed=1, rows=360, fault="db"))[-1]


def published(event: Event, incident: str = "a", system: str = "shop") -> bytes:
    data = msgspec.structs.replace(event.data, incident=incident, system=system)
    return events.encode(msgspec.structs.replace(event, data=data))


def claim(
    incident: str = "a",
    system: str = "shop",
    cause: str | None = "db",
    rejected: str | None = None,
) -> bytes:
    made = Feedback(
        system=system,
        incident=incident,
        cause=cause,
        ended="",
        signature=[Scored(name="forged:x", score=9.0)],
        rejected=rejected,
    )
    return encode(made)


def inbox(
    messages: Iterable[bytes], *pieces: list[bytes], systems: int = 10, clock: Any = None
) -> Inbox[Feedback]:
    """An inbox that gets the messages at once, and incidents in pieces."""
    came = [list(messages)]
    incidents = PublishedIncidents(lambda: Topic(*pieces))
    clock = clock or ManualClock()
    return feedback_inbox(lambda: came.pop(0) if came else [], incidents, clock, systems)


def kept(engine: Engine) -> list[tuple[str, str]]:
    return [(item["incident"], item["cause"]) for item in engine.state_dict()["memory"]]


def test_it_reaches_the_engine_of_its_system_now_and_later(event: Event, logged: Log) -> None:
    """An engine that is there is told at once, one that comes later when it comes."""
    topic = [published(event), published(event, "b", "other")]
    box, shop = inbox([claim(), claim("b", "other")], topic), Engine(shop_config())
    box.deliver({"shop": shop})
    box.deliver({"shop": shop})
    other = Engine(shop_config(name="other"))
    box.remind("other", other)
    box.remind("other", other)
    assert ([("a", "db")], [("b", "db")]) == (kept(shop), kept(other))
    assert [("causes_confirmed", 2)] == [(line["event"], line["count"]) for line in logged]


def test_only_the_entity_is_believed(event: Event) -> None:
    """When it ended and what moved is what was published."""
    box, shop = inbox([claim()], [published(event)]), Engine(shop_config())
    box.deliver({"shop": shop})
    (memory,) = shop.state_dict()["memory"]
    assert memory["ended"] == event.data.now
    signature = [one["name"] for one in memory["signature"]]
    assert [one.name for one in event.data.signature] == signature


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (claim("never"), "incident `never` is not in the incidents topic"),
        (claim(system="other"), "is one of system `shop`, got `other`"),
        (claim(cause="forged"), "got `forged`"),
        (claim(cause=None, rejected="web"), "only what incident `a` had first can be wrong, `db`"),
        (b"\xff", "not feedback"),
        (b"{}", "not feedback"),
    ],
)
def test_what_nothing_bears_out_is_refused(
    event: Event, logged: Log, message: bytes, reason: str
) -> None:
    """It is told, moves nothing, and the next is taken."""
    box, shop = inbox([message, claim("b")], [published(event), published(event, "b")]), None
    shop = Engine(shop_config())
    box.deliver({"shop": shop})
    assert [("b", "db")] == kept(shop)
    assert ["cause_confirmed", "feedback_refused"] == [line["event"] for line in logged]
    assert reason in logged[1]["reason"]


def test_it_waits_until_its_incident_is_read(event: Event, logged: Log) -> None:
    """The incidents topic is long: what is not there yet is no lie yet."""
    box, shop = inbox([claim()], [], [b"junk"], [published(event)]), Engine(shop_config())
    for _ in range(2):
        box.deliver({"shop": shop})
    assert ([], []) == (kept(shop), logged)
    box.deliver({"shop": shop})
    assert [("a", "db")] == kept(shop)


def test_taken_back(event: Event, logged: Log) -> None:
    """An engine forgets it, also one that is restored with it later."""
    messages = [[claim()], [claim(cause=None)], []]
    incidents = PublishedIncidents(lambda: Topic([published(event)]))
    box = feedback_inbox(lambda: messages.pop(0), incidents, ManualClock(), 10)
    shop, restored = Engine(shop_config()), Engine(shop_config())
    box.deliver({"shop": shop, "": restored})
    box.remind("shop", restored)
    assert [("a", "db")] == kept(shop) == kept(restored)
    box.deliver({"shop": shop})
    box.remind("shop", restored)
    assert [] == kept(shop) == kept(restored)
    assert ["cause_confirmed", "cause_withdrawn"] == [line["event"] for line in logged]


def test_a_rejected_answer_is_kept_apart(event: Event, logged: Log) -> None:
    """With what it was, and told as what it is; the last word on the incident takes its place."""
    messages = [[claim(cause=None, rejected="db")], [claim(cause="pay")]]
    incidents, told = PublishedIncidents(lambda: Topic([published(event)])), list[Feedback]()
    box = feedback_inbox(lambda: messages.pop(0), incidents, ManualClock(), 10, told.append)
    shop = Engine(shop_config())
    box.deliver({"shop": shop})
    (memory,) = shop.state_dict()["memory"]
    assert (None, "db") == (memory["cause"], memory["rejected"])
    box.deliver({"shop": shop})
    assert [("a", "pay")] == kept(shop)
    assert ["cause_rejected", "cause_confirmed"] == [line["event"] for line in logged]
    assert [(None, "db"), ("pay", None)] == [(one.cause, one.rejected) for one in told]


def test_what_was_first_when_it_was_said_stays_said(event: Event) -> None:
    """An incident goes on, another comes first: a new process believes the same as the old one."""
    history = [msgspec.structs.replace(event.data.history[0], top=["cart", "db"])]
    data = msgspec.structs.replace(event.data, history=history)
    topic = [published(msgspec.structs.replace(event, data=data))]
    box, shop = inbox([claim(cause=None, rejected="cart")], topic), Engine(shop_config())
    box.deliver({"shop": shop})
    assert ["cart"] == [item["rejected"] for item in shop.state_dict()["memory"]]


def test_systems_are_bounded(event: Event, logged: Log) -> None:
    """Feedback on one system too many is refused."""
    topic = [published(event), published(event, "b", "other")]
    inbox([claim(), claim("b", "other")], topic, systems=1).deliver({})
    assert "at most 1 systems" in logged[-1]["reason"]


def test_refusals_are_told_in_sum(event: Event, logged: Log) -> None:
    """Ten thousand lies are a line a minute."""
    clock = ManualClock()
    messages = [[claim(f"lie {n}") for n in range(50)] for _ in range(3)]
    incidents = PublishedIncidents(lambda: Topic([published(event)]))
    box = feedback_inbox(lambda: messages.pop(0), incidents, clock, 10)
    box.deliver({})
    box.deliver({})
    clock.advance(60.0)
    box.deliver({})
    assert [("feedback_refused", 50), ("feedback_refused", 100)] == [
        (line["event"], line["count"]) for line in logged
    ]


def test_memory_of_incidents_is_bounded(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first ones that were read are forgotten."""
    size = len(event.data.entities) + len(event.data.signature) + len(event.data.history)
    monkeypatch.setattr(published_incidents, "MOST_NAMES", 2 * size)
    topic = Topic([published(event, name) for name in ("a", "b", "b", "c")])
    incidents = PublishedIncidents(lambda: topic)
    assert incidents.read_on()
    assert [False, True, True] == [incidents.find(name) is not None for name in "abc"]


def test_a_topic_that_may_not_be_read_does_not_end_the_daemon(logged: Log) -> None:
    """It is told once, and tried again once a minute."""
    tried, clock = list[float](), ManualClock()

    def forbidden() -> Iterable[bytes]:
        tried.append(clock.monotonic())
        raise BrokerError("not authorised")

    box = feedback_inbox(forbidden, PublishedIncidents(Topic), clock, 1)
    begun = clock.monotonic()
    for _ in range(5):
        box.deliver({})
        clock.advance(30.0)
    assert [begun, begun + 60.0, begun + 120.0] == tried
    assert ["feedback_not_read"] == [line["event"] for line in logged]
