"""Feedback on its way to the engines of a member."""

from collections.abc import Iterable, MutableMapping
from typing import Any

from makers import shop_config

from coral.contract.events import Scored
from coral.contract.feedback import Feedback, encode
from coral.daemon.feedback_inbox import Inbox
from coral.engine import Engine
from streams.errors import BrokerError


def feedback(system: str = "shop", name: str = "a") -> Feedback:
    return Feedback(
        system=system,
        incident=name,
        cause="db",
        ended="2026-01-01T00:00:00Z",
        signature=[Scored(name="db:cpu", score=1.0)],
    )


def kept(engine: Engine) -> list[str]:
    return [item["incident"] for item in engine.state_dict()["memory"]]


def test_it_reaches_the_engine_of_its_system_now_and_later(
    logged: list[MutableMapping[str, Any]],
) -> None:
    """An engine that is there is told at once, one that comes later when it comes."""
    messages = [[encode(feedback()), encode(feedback("other", "b"))], []]
    inbox, shop, other = Inbox(lambda: messages.pop(0), 10), Engine(shop_config()), None
    inbox.deliver({"shop": shop})
    inbox.deliver({"shop": shop})
    other = Engine(shop_config(name="other"))
    inbox.remind("other", other)
    inbox.remind("other", other)
    assert (["a"], ["b"]) == (kept(shop), kept(other))
    assert ["cause_confirmed"] * 2 == [line["event"] for line in logged]


def test_what_is_no_feedback_is_told_and_the_next_is_taken(
    logged: list[MutableMapping[str, Any]],
) -> None:
    """Poison stops nothing."""
    inbox, shop = Inbox(lambda: [b"\xff", b"{}", encode(feedback())], 10), Engine(shop_config())
    inbox.deliver({"shop": shop})
    assert ["a"] == kept(shop)
    assert ["feedback_refused"] * 2 + ["cause_confirmed"] == [line["event"] for line in logged]


def test_systems_are_bounded(logged: list[MutableMapping[str, Any]]) -> None:
    """Feedback on one system too many is refused by name."""
    inbox = Inbox(lambda: [encode(feedback()), encode(feedback("other"))], 1)
    inbox.deliver({})
    assert ("feedback_refused", "other") == tuple(logged[-1][key] for key in ("event", "system"))


def test_a_topic_that_may_not_be_read_does_not_end_the_daemon(
    logged: list[MutableMapping[str, Any]],
) -> None:
    """It is told once, and nothing is read any more."""

    def forbidden() -> Iterable[bytes]:
        raise BrokerError("not authorised")

    inbox = Inbox(forbidden, 1)
    inbox.deliver({})
    inbox.deliver({})
    assert ["feedback_not_read"] == [line["event"] for line in logged]
