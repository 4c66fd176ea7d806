"""Feedback on its way to the engines of a member."""

import io
import json
import logging

import pytest
from makers import shop_config

from coral.contract.events import Scored
from coral.contract.feedback import Feedback, encode
from coral.daemon.feedback_inbox import Inbox
from coral.daemon.log import setup
from coral.engine import Engine
from streams.errors import BrokerError


def feedback(system="shop", name="a"):
    return Feedback(
        system=system,
        incident=name,
        cause="db",
        ended="2026-01-01T00:00:00Z",
        signature=[Scored(name="db:cpu", score=1.0)],
    )


def kept(engine):
    return [item["incident"] for item in engine.state_dict()["memory"]]


@pytest.fixture
def told():
    """A function that returns what was logged; puts the process's logging back afterwards."""
    root, stream = logging.getLogger(), io.StringIO()
    before, level = [*root.handlers], root.level
    setup("info", "json", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)


def test_it_reaches_the_engine_of_its_system_now_and_later(told):
    """An engine that is there is told at once, one that comes later when it comes."""
    messages = [[encode(feedback()), encode(feedback("other", "b"))], []]
    inbox, shop, other = Inbox(lambda: messages.pop(0), 10), Engine(shop_config()), None
    inbox.deliver({"shop": shop})
    inbox.deliver({"shop": shop})
    other = Engine(shop_config(name="other"))
    inbox.remind("other", other)
    inbox.remind("other", other)
    assert (["a"], ["b"]) == (kept(shop), kept(other))
    assert ["cause confirmed"] * 2 == [line["event"] for line in told()]


def test_what_is_no_feedback_is_told_and_the_next_is_taken(told):
    """Poison stops nothing."""
    inbox, shop = Inbox(lambda: [b"\xff", b"{}", encode(feedback())], 10), Engine(shop_config())
    inbox.deliver({"shop": shop})
    assert ["a"] == kept(shop)
    assert ["feedback refused"] * 2 + ["cause confirmed"] == [line["event"] for line in told()]


def test_systems_are_bounded(told):
    """Feedback on one system too many is refused by name."""
    inbox = Inbox(lambda: [encode(feedback()), encode(feedback("other"))], 1)
    inbox.deliver({})
    assert ("feedback refused", "other") == tuple(told()[-1][key] for key in ("event", "system"))


def test_a_topic_that_may_not_be_read_does_not_end_the_daemon(told):
    """It is told once, and nothing is read any more."""

    def forbidden():
        raise BrokerError("not authorised")

    inbox = Inbox(forbidden, 1)
    inbox.deliver({})
    inbox.deliver({})
    assert ["feedback not read"] == [line["event"] for line in told()]
