"""Connections in bounded number and time, whoever holds them open."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

__all__ = ["MOST_CONNECTIONS", "PATIENCE_S", "BoundedConnection"]

MOST_CONNECTIONS: Final = 64
"""Open at a time; for a further one the oldest of those that keep us waiting goes."""
PATIENCE_S: Final = 10.0
"""For a request to come whole, and for a peer to take what waits for it, seconds."""


class BoundedConnection(H11Protocol):
    """A connection that ends when its peer keeps us waiting for too long.

    The server itself waits for ever for a request that comes byte by byte, and turns others away
    when there are many: a few idle peers would keep the probes out, and so end the process. An
    answer that goes on and on, as a stream of events does, is no waiting while it is taken.

    Parameters
    ----------
    held : dict
        All connections of the server, the oldest first.
    patience_s : float
    *arguments, **more
        Of the server.
    """

    def __init__(
        self, held: dict["BoundedConnection", None], patience_s: float, *arguments: Any, **more: Any
    ) -> None:
        super().__init__(*arguments, **more)
        self._held, self._patience = held, patience_s
        self._limit: asyncio.TimerHandle | None = None  # while it keeps us waiting

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; if there are too many, end another one."""
        super().connection_made(transport)
        self._wait()
        self._held[self] = None
        if len(self._held) > MOST_CONNECTIONS:
            idle = (each for each in self._held if each.keeps_waiting)
            next(idle, self).end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._held.pop(self, None)
        self._go_on()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; when the request is whole, it is for us to get on."""
        super().data_received(data)
        cycle: RequestResponseCycle | None = getattr(self, "cycle", None)
        if cycle is not None and not cycle.more_body and not cycle.response_complete:
            self._go_on()

    def on_response_complete(self) -> None:
        """Give the next request its own time; until it begins, the server's keep-alive counts."""
        self._wait()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Give the peer some time to take what waits for it."""
        self._wait()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Go on with the answer."""
        self._go_on()
        super().resume_writing()

    @property
    def keeps_waiting(self) -> bool:
        """Whether it is for the peer to get on."""
        return self._limit is not None

    def end(self) -> None:
        """End at once, whatever is under way."""
        self._held.pop(self, None)
        self.transport.abort()

    def _wait(self) -> None:
        self._go_on()
        self._limit = self.loop.call_later(self._patience, self.end)

    def _go_on(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
