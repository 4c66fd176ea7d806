"""The dashboard follows what others publish."""

import msgspec
import pytest
from makers import run, shop_rows
from served import START
from typed import there

from coral.contract.events import Event, encode
from coral.contract.feedback import encode as encode_feedback
from coral.contract.feedback import given, rejected, withdrawn
from coral.daemon.dashboard import Dashboard
from coral.http.board import Board
from coral.http.state import Said
from streams.clock import ManualClock


class Topic:
    """A topic in memory; so much of it at a poll."""

    def __init__(self, values: list[bytes], most: int = 3) -> None:
        self.values, self._most, self._read = values, most, 0

    def poll(self, timeout_s: float = 0.0) -> list[bytes]:  # noqa: ARG002 - the port has it
        found = self.values[self._read : self._read + self._most]
        self._read += len(found)
        return found

    def caught_up(self) -> bool:
        return self._read == len(self.values)


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return run(shop_rows())


@pytest.fixture
def board() -> Board:
    return Board(ManualClock(START), 0)


def followed(board: Board, incidents: Topic, feedback: Topic | None = None) -> Dashboard:
    clock = ManualClock(START)
    made = Dashboard(board, incidents, feedback, clock, board.beat)
    for _ in range(20):
        made.step()
        clock.sleep(1.0)
    return made


def test_the_newest_revision_of_each_incident_is_shown(board: Board, events: list[Event]) -> None:
    """What is no event, and what is sent again after a restart, changes nothing."""
    sent = [encode(event) for event in events]
    made = followed(board, Topic([*sent, b"{", b"", sent[0], sent[1]]))
    (brief,) = board.incidents.briefs()
    assert events[-1].data.revision == brief.revision
    assert sent[-1] == there(board.incidents.get(brief.incident)).event
    assert {"events": len(sent) + 2, "refused": 2} == made.status()


def test_it_is_ready_once_it_has_read_what_there_is(board: Board, events: list[Event]) -> None:
    """Not before: whoever looks then sees all that is open."""
    topic = Topic([encode(events[0])] * 2, most=1)
    made = Dashboard(board, topic, None, ManualClock(START), board.beat)
    made.step()
    assert not board.ready().well
    made.step()
    assert board.ready().well
    assert board.alive().well


def test_what_was_said_is_shown_where_the_incident_bears_it_out(
    board: Board, events: list[Event]
) -> None:
    """The last word counts; claims about what is not there do not."""
    data = events[-1].data
    false = msgspec.structs.replace(given(data, "db"), cause="nobody")
    other = msgspec.structs.replace(given(data, "db"), incident="other")
    said = [given(data, "web"), false, other, given(data, "db")]
    feedback = Topic([b"[", *map(encode_feedback, said)], most=1)
    made = followed(board, Topic([encode(events[-1])]), feedback)
    assert {data.incident: Said("db")} == board.said
    for more, shown in ((rejected(data), Said(None, rejected="db")), (withdrawn(data), Said(None))):
        feedback.values.append(encode_feedback(more))
        made.step()
        assert {data.incident: shown} == board.said
