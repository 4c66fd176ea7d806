"""The reader of a topic beside the metrics, whatever comes in there."""

from collections.abc import Iterable, MutableMapping, Sequence
from typing import Any, NamedTuple

import pytest
from makers import shop_config

from coral.daemon.inbox import Inbox, decoded
from coral.engine import Engine
from coral.errors import EventError
from streams.clock import ManualClock

Log = list[MutableMapping[str, Any]]


class Note(NamedTuple):
    """What is for one system."""

    system: str
    key: str
    since: float
    text: str = ""


def notes(message: bytes) -> Iterable[Note]:
    """Notes of a message: `system key since text`, separated by semicolons."""
    for part in message.decode().split(";"):
        words = part.split()
        if len(words) != 4:
            raise EventError(f"no note: {part}")
        yield Note(words[0], words[1], float(words[2]), words[3])


class Desk:
    """An inbox with what it handed to which engine, and what it told."""

    def __init__(self, *pieces: list[bytes], systems: int = 10, held: int = 10) -> None:
        came = list(pieces)
        self.handed: list[tuple[str, str]] = []
        self.told: list[int] = []
        self.box: Inbox[Note] = Inbox(
            "notes",
            decoded(lambda: came.pop(0) if came else [], notes),
            self._hand,
            self._tell,
            ManualClock(),
            max_systems=systems,
            max_held=held,
        )

    def _hand(self, engine: Engine, note: Note) -> None:
        self.handed.append((engine.system.name, note.text))

    def _tell(self, taken: Sequence[Note]) -> None:
        self.told.append(len(taken))


@pytest.fixture(scope="module")
def shop() -> Engine:
    return Engine(shop_config())


def test_of_one_message_each_goes_to_its_system(shop: Engine) -> None:
    """At once where the engine is there, at the reminder where it comes later."""
    desk = Desk([b"shop a 1 one;other b 2 two"])
    assert desk.box.deliver({"shop": shop})
    assert [("shop", "one")] == desk.handed
    desk.box.remind("other", Engine(shop_config(name="other")))
    assert ([("shop", "one"), ("other", "two")], [2]) == (desk.handed, desk.told)
    assert not desk.box.deliver({"shop": shop})


def test_the_last_word_on_a_thing_holds(shop: Engine) -> None:
    """Whoever comes later is told that alone."""
    desk = Desk([b"shop a 1 old", b"shop b 2 other", b"shop a 3 new"])
    desk.box.deliver({})
    desk.box.remind("shop", shop)
    assert [("shop", "other"), ("shop", "new")] == desk.handed


def test_the_earliest_goes_when_there_are_too_many(shop: Engine) -> None:
    """Whatever order they came in."""
    desk = Desk([b"shop a 3 a", b"shop b 1 b", b"shop c 2 c"], held=2)
    desk.box.deliver({})
    desk.box.remind("shop", shop)
    assert [("shop", "a"), ("shop", "c")] == desk.handed


def test_a_bad_message_costs_itself_alone(shop: Engine, logged: Log) -> None:
    """It is counted; so is what is for one system too many, which its engine is not told."""
    desk = Desk([b"junk", b"shop a 1 a", b"other b 1 b"], systems=1)
    desk.box.deliver({"shop": shop, "other": shop})
    assert [("shop", "a")] == desk.handed
    (line,) = logged
    assert ("notes_refused", 2) == (line["event"], line["count"])
