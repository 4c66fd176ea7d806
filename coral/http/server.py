"""The server: a socket, and a thread that answers on it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from coral.errors import ListenError
from coral.http.connections import PATIENCE_S, BoundedConnection
from coral.http.guard import LONGEST_HEAD

__all__ = ["listening", "serving"]

BACKLOG: Final = 128
KEEP_ALIVE_S: Final = 5.0
# The thread is a daemon: what it still does then ends with the process.
END_S: Final = 2.0


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises
    ------
    ListenError
        Naming address and reason.
    """
    try:
        *_, found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.create_server(
            found[:2],
            family=socket.AF_INET6 if ":" in str(found[0]) else socket.AF_INET,
            backlog=BACKLOG,
        )
    except OSError as error:
        raise ListenError(host, port, error.strerror or str(error)) from error
    made.setblocking(False)
    return made


@contextmanager
def serving(
    app: ASGIApp,
    listener: socket.socket,
    failed: Callable[[Exception], None],
    patience_s: float = PATIENCE_S,
) -> Iterator[None]:
    """Answer on a socket in a thread, until the context ends.

    Parameters
    ----------
    app : ASGI application
    listener : socket
        Of `listening`; it is closed at the end.
    failed : callable
        Gets what ended the thread too early, in that thread; nothing else is disturbed by it.
    patience_s : float
        See `BoundedConnection`.
    """
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=_connections(patience_s),
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            h11_max_incomplete_event_size=LONGEST_HEAD,
            timeout_keep_alive=int(KEEP_ALIVE_S),
        )
    )

    def run() -> None:
        try:
            server.run([listener])
        except Exception as error:  # noqa: BLE001 - the loop goes on, whatever happens here
            failed(error)

    thread = threading.Thread(target=run, name="http", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        thread.join(END_S)
        listener.close()


def _connections(patience_s: float) -> Any:
    """Return what makes the connections of one server."""
    return partial(BoundedConnection, {}, patience_s)
