"""Connections in bounded number and time, whoever holds them open."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["MOST_CONNECTIONS", "PATIENCE_S", "BoundedConnection"]

MOST_CONNECTIONS: Final = 64
"""Open at a time; for a further one the oldest goes."""
PATIENCE_S: Final = 10.0
"""For a request to come whole and its answer to be taken, seconds."""


class BoundedConnection(H11Protocol):
    """A connection that ends when its request, or the taking of the answer, lasts too long.

    The server itself waits for ever for a request that comes byte by byte, and turns others away
    when there are many: a few idle peers would keep the probes out, and so end the process.

    Parameters
    ----------
    held : dict
        All connections of the server, the oldest first.
    patience_s : float
    *arguments, **more
        Of the server.
    """

    def __init__(
        self, held: dict[Any, None], patience_s: float, *arguments: Any, **more: Any
    ) -> None:
        super().__init__(*arguments, **more)
        self._held, self._patience = held, patience_s
        self._limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; if there are too many, end the oldest."""
        super().connection_made(transport)
        self._held[self] = None
        if len(self._held) > MOST_CONNECTIONS:
            next(iter(self._held)).end()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._held.pop(self, None)
        self._cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Give the next request its own time; until it begins, the server's keep-alive counts."""
        self._wait()
        super().on_response_complete()

    def end(self) -> None:
        """End at once, whatever is under way."""
        self._held.pop(self, None)
        self.transport.abort()

    def _wait(self) -> None:
        self._cancel()
        self._limit = self.loop.call_later(self._patience, self.end)

    def _cancel(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
