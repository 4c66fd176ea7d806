"""What a broker sends just before it hangs up is read."""

import socket

from kafka.net.transport import KafkaTCPTransport

import streams.kafka.refusals  # noqa: F401 - whoever connects through it has them read


class Bare(KafkaTCPTransport):  # type: ignore[misc]
    """One that only reads."""

    def __init__(self, connected: socket.socket) -> None:
        self._sock = connected

    def __str__(self) -> str:
        return "bare"


def test_the_refusal_comes_before_the_end() -> None:
    """Both arrive in one moment: the words first, the end with the next read."""
    ours, theirs = socket.socketpair()
    with ours:
        ours.setblocking(False)
        with theirs:
            theirs.sendall(b"refused")
        bare = Bare(ours)
        assert (b"refused", None) == bare._sock_recv()
        data, end = bare._sock_recv()
    assert data == b""
    assert "socket disconnected" in str(end)
