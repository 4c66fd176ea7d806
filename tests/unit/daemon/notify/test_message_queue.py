"""Messages of a webhook: in order, bounded, signed when they are sent."""

import hashlib
import hmac
import json
from typing import Any

import msgspec
import pytest
from makers import run, shop_rows
from typed import there

from coral.contract.events import encode
from coral.contract.notice import notice_of
from coral.contract.template import Template
from coral.daemon.notify.message_queue import GIVE_UP_S, MessageQueue, Wording, signature
from streams.clock import ManualClock

EVENT = run(shop_rows())[0]
NOTICE = notice_of(EVENT)
ENCODED = encode(EVENT)
SIGNS = "0123456789abcdef"


def queue(clock: ManualClock, most: int = 3, **wording: Any) -> MessageQueue:
    held = {"template": None, "key": "", "secret": None, "headers": {"A": "b"}} | wording
    return MessageQueue(clock, most, Wording(**held))


def ids(queue: MessageQueue) -> list[str]:
    """Take everything that waits."""
    found = []
    while (letter := queue.next()) is not None:
        found.append(letter.headers["X-Coral-Event"])
        queue.done(letter)
    return found


def test_messages_keep_their_order_and_the_oldest_make_room() -> None:
    made = queue(ManualClock(5.0))
    for n in range(5):
        made.put(msgspec.structs.replace(NOTICE, id=f"a:{n}"), ENCODED)

    assert (3, 2) == (len(made), made.lost)
    assert ["a:2", "a:3", "a:4"] == ids(made)
    assert (0, None) == (len(made), made.next())


def test_one_that_made_room_on_its_way_takes_no_other_with_it() -> None:
    """What was taken is no longer there, and what is there was not taken."""
    made = queue(ManualClock(5.0), most=1)
    made.put(msgspec.structs.replace(NOTICE, id="a:1"), ENCODED)
    letter = there(made.next())
    made.put(msgspec.structs.replace(NOTICE, id="a:2"), ENCODED)
    made.done(letter)

    assert ["a:2"] == ids(made)


def test_what_waited_too_long_wakes_nobody() -> None:
    clock = ManualClock(5.0)
    made = queue(clock)
    made.put(msgspec.structs.replace(NOTICE, id="a:1"), ENCODED)
    clock.advance(GIVE_UP_S - 1.0)
    made.put(msgspec.structs.replace(NOTICE, id="a:2"), ENCODED)
    clock.advance(2.0)

    assert (["a:2"], 1) == (ids(made), made.lost)


def test_a_signature_says_who_and_when() -> None:
    """Anew with each attempt, over the time and every byte of the body."""
    clock = ManualClock(1_700_000_000.0)
    made = queue(clock, secret=SIGNS)
    made.put(NOTICE, ENCODED)
    for _ in range(2):
        letter = there(made.next())
        at = letter.headers["X-Coral-Timestamp"]
        signed = hmac.new(SIGNS.encode(), f"{at}.".encode() + letter.body, hashlib.sha256)

        assert str(int(clock.time())) == at
        assert f"v1={signed.hexdigest()}" == letter.headers["X-Coral-Signature"]
        clock.advance(61.0)
    assert signature(SIGNS, at, letter.body + b" ") != signature(SIGNS, at, letter.body)
    assert signature(SIGNS, "1", letter.body) != signature(SIGNS, "2", letter.body)


def test_without_a_secret_nothing_is_signed() -> None:
    made = queue(ManualClock(5.0))
    made.put(NOTICE, ENCODED)

    assert {"A": "b", "X-Coral-Event": EVENT.id} == there(made.next()).headers


def test_the_event_itself_or_a_template_is_sent() -> None:
    """Byte by byte as it is published; or filled in, with the key."""
    itself, filled = (
        queue(ManualClock()),
        queue(ManualClock(), template=Template('{"t": "{title}", "k": "{key}"}'), key="abc"),
    )
    for made in (itself, filled):
        made.put(NOTICE, ENCODED)

    assert ENCODED == there(itself.next()).body
    assert {"t": NOTICE.title, "k": "abc"} == json.loads(there(filled.next()).body)


def test_what_cannot_be_made_is_left_out_alone() -> None:
    """A defect would hold all messages that follow."""
    made = queue(ManualClock(), template=Template('"{title}"'))
    made.put(msgspec.structs.replace(NOTICE, title=None), ENCODED)
    made.put(NOTICE, ENCODED)
    with pytest.raises(TypeError):
        made.next()

    assert (1, json.dumps(NOTICE.title).encode()) == (made.lost, there(made.next()).body)
