"""What changes, as server-sent events: from the beginning, resumed, and when a client is slow."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import msgspec
import pytest
from served import START, Reader, World, served, until
from typed import there

from coral.contract.events import Event, decode, encode
from coral.http import stream
from coral.http.board import Board
from streams.clock import ManualClock


class Listener:
    """A client that reads events one by one."""

    def __init__(self, ask: Reader, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", ask.port, timeout=60)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", "/api/v1/stream", headers=sent)
        self.answer = self._connection.getresponse()

    def next(self) -> dict[str, str]:
        """The next event, comments and the hint to retry left out."""
        fields: dict[str, str] = {}
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            if not line and "event" in fields:
                return fields
            name, _, value = line.partition(": ")
            fields[name] = value

    def close(self) -> None:
        self.answer.close()
        self._connection.close()


@contextmanager
def listening(ask: Reader, **headers: str) -> Iterator[Listener]:
    made = Listener(ask, **headers)
    try:
        yield made
    finally:
        made.close()


def renamed(event: Event, incident: str, revision: int = 1) -> Event:
    data = msgspec.structs.replace(event.data, incident=incident, revision=revision)
    return msgspec.structs.replace(event, subject=incident, data=data)


@pytest.fixture
def event(shop: World) -> Event:
    """One that was published."""
    brief = shop.board.incidents.briefs()[0]
    return decode(there(shop.board.incidents.get(brief.incident)).event)


@pytest.fixture
def board() -> Board:
    return Board(ManualClock(START), 0)


def put(board: Board, event: Event) -> None:
    board.incidents.take(event, encode(event))


def test_a_new_client_is_told_everything_and_then_what_comes(board: Board, event: Event) -> None:
    """First that what it may hold is not ours, then each incident, then the state."""
    put(board, renamed(event, "first"))
    with served(board) as ask, listening(ask) as client:
        assert "text/event-stream; charset=utf-8" == client.answer.headers["content-type"]
        assert "no-store" == client.answer.headers["cache-control"]
        told = [client.next() for _ in range(3)]
        put(board, renamed(event, "second"))
        told.append(client.next())

    assert ["reset", "incident", "status", "incident"] == [each["event"] for each in told]
    assert ["first", "second"] == [json.loads(told[i]["data"])["incident"] for i in (1, 3)]
    assert board.boot in told[1]["id"]


def test_a_client_goes_on_where_it_was(board: Board, event: Event) -> None:
    """Of what came meanwhile it is told the newest revision of each incident, in their order."""
    put(board, renamed(event, "before"))
    with served(board) as ask:
        with listening(ask) as client:
            client.next()
            place = client.next()["id"]
        for incident, revision in (("a", 1), ("b", 1), ("a", 2)):
            put(board, renamed(event, incident, revision))
        with listening(ask, last_event_id=place) as client:
            told = [client.next() for _ in range(3)]

    assert ["incident", "incident", "status"] == [each["event"] for each in told]
    found = [json.loads(each["data"]) for each in told[:2]]
    assert [("b", 1), ("a", 2)] == [(each["incident"], each["revision"]) for each in found]


@pytest.mark.parametrize("place", ["other-7", "", "-", "x", "other-99999999999999999999", "é-1"])
def test_a_place_in_another_process_is_the_beginning(
    board: Board, event: Event, place: str
) -> None:
    """After a restart, and whatever else was sent."""
    put(board, renamed(event, "one"))
    sent = place.encode().decode("latin-1")
    with served(board) as ask, listening(ask, last_event_id=sent) as client:
        assert ["reset", "incident"] == [client.next()["event"] for _ in range(2)]


def test_what_moves_to_another_process_is_forgotten(board: Board, event: Event) -> None:
    """The client begins anew, and is told what is left."""
    ended = msgspec.structs.replace(renamed(event, "ended").data, state="resolved")
    put(board, msgspec.structs.replace(renamed(event, "ended"), data=ended))
    put(board, renamed(event, "open"))
    with served(board) as ask, listening(ask) as client:
        for _ in range(4):
            client.next()
        board.incidents.forget_open([event.data.system])
        told = [client.next() for _ in range(2)]

    assert ["reset", "incident"] == [each["event"] for each in told]
    assert "ended" == json.loads(told[1]["data"])["incident"]


def test_there_is_a_limit_and_it_is_let_go(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client too many is told so; when another has left, one more may come."""
    monkeypatch.setattr(stream, "MOST_STREAMS", 2)
    with served(board) as ask, listening(ask) as one, listening(ask):
        one.next()
        assert 503 == ask("/api/v1/stream").status
        one.close()
        until(lambda: answered(ask))


def test_a_quiet_stream_has_a_heartbeat(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment, so that whatever stands between knows that it lives."""
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.5)
    with served(board) as ask, listening(ask) as client:
        client.next(), client.next()
        assert b":\n" == client.answer.readline()


def test_the_end_of_the_server_is_no_defect(board: Board, caplog: pytest.LogCaptureFixture) -> None:
    """A stream that is open then ends, and nothing is logged."""
    with ExitStack() as closing:
        with served(board) as ask:
            client = closing.enter_context(listening(ask))
            client.next()
        assert b"" == client.answer.read()[-1:].strip()
    assert [] == [record for record in caplog.records if record.levelname == "ERROR"]


def test_slow_clients_do_not_hold_anybody(
    board: Board, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They read nothing: others are told all the same, and they make room for others."""
    monkeypatch.setattr(stream, "MOST_STREAMS", 5)
    long = "x" * 60_000
    with served(board, patience_s=1.0) as ask, ExitStack() as closing:
        for _ in range(4):
            slow = socket.create_connection(("127.0.0.1", ask.port))
            closing.enter_context(slow)
            slow.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with listening(ask) as client:
            for n in range(300):  # more than the sockets hold
                put(board, renamed(event, f"{n}-{long}"))
            while f"299-{long}" not in client.next()["data"]:
                pass
            until(lambda: answered(ask))


def answered(ask: Reader) -> bool:
    """Whether there is room for one more."""
    with listening(ask) as client:
        return client.answer.status == 200
