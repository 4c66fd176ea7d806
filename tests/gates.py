"""A server of HTTP that answers as it is told: what stands before others, or instead of them."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Reply(NamedTuple):
    """One answer."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = {}


class Gate:
    """What answers one reply after another, and the last one for ever.

    Attributes
    ----------
    port : int
    asked : list of (str, dict of str to str)
        Paths and headers, their names in lower case.
    """

    def __init__(self, replies: tuple[Reply, ...]) -> None:
        self.port = 0
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._replies = [*replies]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, path: str, headers: Mapping[str, str]) -> Reply:
        """The answer to a request."""
        self.asked.append((path, {name.lower(): value for name, value in headers.items()}))
        return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]


@contextmanager
def opened(*replies: Reply) -> Iterator[Gate]:
    """A gate at a free port of this machine."""
    made = Gate(replies)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body, headers = made.take(self.path, dict(self.headers.items()))
            self.send_response(status)
            length = {"Content-Length": str(len(body.encode()))}
            for name, value in (length | dict(headers)).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET  # noqa: N815 - as the library calls it

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
