"""A server beside the loop: slow peers, many peers, a taken port, an end in good order."""

import socket
import threading
from pathlib import Path

import numpy as np
import pytest
from makers import NAMES
from served import START, World, served, settings_of, until

from coral.errors import ListenError
from coral.http.api import application
from coral.http.board import Board
from coral.http.connections import MOST_CONNECTIONS
from coral.http.server import listening, serving
from coral.settings.sections import Http
from streams.clock import ManualClock, SystemClock


def board() -> Board:
    return Board(ManualClock(START), 0)


def connected(port: int, sent: bytes = b"") -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", port), timeout=30)
    peer.sendall(sent)
    return peer


def has_ended(peer: socket.socket) -> bool:
    """Whether the other side has closed a connection, in good order or not."""
    try:
        return not peer.recv(1)
    except ConnectionResetError:
        return True


def test_slow_peers_hold_neither_the_loop_nor_others(tmp_path: Path) -> None:
    """One that never ends its request, one that never takes its answer."""
    world = World(tmp_path, settings_of(tmp_path), SystemClock())
    wide = tuple(f"web:{'x' * 200}-{n}" for n in range(50))
    world.put("shop", wide, np.ones((3, 50)))
    with served(world.board) as ask, world.running():
        until(lambda: world.board.snapshot)
        peers = [connected(ask.port, b"GET /api/v1/systems HTTP/1.1\r\nHost: loc")]
        greedy = connected(ask.port)
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        greedy.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
        world.put("shop", NAMES, np.ones((500, len(NAMES))), first=10)
        until(lambda: world.daemon.loop.records == 503)
        assert 200 == ask("/healthz").status
        for peer in (*peers, greedy):
            peer.close()


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: a", b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"]
)
def test_a_connection_ends_that_takes_too_long(sent: bytes) -> None:
    """Silent, in the middle of a request, or after its answer."""
    with served(board(), patience_s=0.2) as ask:
        peer = connected(ask.port, sent)
        while peer.recv(65_536):
            pass
        peer.close()


def test_when_there_are_too_many_the_oldest_goes() -> None:
    """A probe is answered however many sit there."""
    with served(board(), patience_s=600.0) as ask:
        idle = [connected(ask.port, b"GET") for _ in range(2 * MOST_CONNECTIONS)]
        assert 200 == ask("/healthz").status
        assert has_ended(idle[0])
        for peer in idle:
            peer.close()
        assert 200 == ask("/healthz").status


def test_garbage_is_refused_and_the_next_is_answered() -> None:
    """Whatever comes on the socket."""
    with served(board()) as ask:
        for sent in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"\x00" * 1000, b"G" * 100_000):
            peer = connected(ask.port)
            peer.sendall(sent)
            peer.shutdown(socket.SHUT_WR)
            peer.close()
        assert 200 == ask("/healthz").status


def test_a_taken_port_is_named() -> None:
    """With what to do about it."""
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=rf"127.0.0.1 port {port}: .*in use.*`http.port`"):
            listening("127.0.0.1", port)


def test_an_address_of_nobody_is_named() -> None:
    """A host that is not of this machine."""
    with pytest.raises(ListenError, match=r"192.0.2.1 port 80: "):
        listening("192.0.2.1", 80)


def test_the_end_waits_for_nobody() -> None:
    """Open connections, a request under way: the port is free again, and the thread gone."""
    before = threading.active_count()
    with served(board()) as ask:
        peers = [connected(ask.port, b"GET /metrics HTTP/1.1\r\nHost: a") for _ in range(5)]
        assert 200 == ask("/healthz").status
    again = listening("127.0.0.1", ask.port)
    again.close()
    assert threading.active_count() == before
    for peer in peers:
        peer.close()


def test_a_server_that_breaks_says_so_and_disturbs_nobody() -> None:
    """Its failure is handed over; the context goes on and ends as ever."""
    failures: list[Exception] = []
    listener = listening("127.0.0.1", 0)
    listener.close()
    with serving(application(board(), Http()), listener, failures.append):
        until(lambda: failures)

    assert [OSError] == [type(failure) for failure in failures]


def test_a_defect_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word of what is inside."""
    shown = board()
    monkeypatch.setattr(shown, "status", lambda: 1 / 0)
    with served(shown) as ask:
        answer = ask("/api/v1/status")
        assert 500 == answer.status
        assert b"ZeroDivisionError" not in answer.body
        assert 200 == ask("/healthz").status
