"""What changes, as server-sent events: one direction, resumed where it broke off.

No client has a queue. Each looks at the memory of incidents for what came behind the place up to
which it was told; one that is slow misses revisions that a newer one has replaced, and nothing
grows while it is.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from coral.http.board import Board

__all__ = ["MOST_STREAMS", "Streams"]

MOST_STREAMS: Final = 32
"""Clients at a time; half of the connections there are."""
LOOKS_EVERY_S: Final = 0.25
HEARTBEAT_S: Final = 15.0
RETRY_MS: Final = 2000
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}

_encode = msgspec.json.Encoder().encode


class _Stream(StreamingResponse):
    """An answer without an end of its own: that of the server ends it, and is no defect."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except asyncio.CancelledError:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class Streams:
    """The streams of one board.

    Parameters
    ----------
    board : Board
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._open = 0

    async def answer(self, request: Request) -> Response:
        """Answer with a stream that begins behind `Last-Event-ID`."""
        if self._open >= MOST_STREAMS:
            rule = f"at most {MOST_STREAMS} streams at a time"
            raise HTTPException(503, rule, {"retry-after": "30"})
        place = self._place(request.headers.get("last-event-id", ""))
        return _Stream(self._counted(place), headers=_HEADERS, media_type="text/event-stream")

    def _place(self, told: str) -> int:
        """Return up to where a client was told; 0 if that was by another process."""
        boot, _, place = told.rpartition("-")
        known = boot == self._board.boot and place.isascii() and place.isdecimal()
        return int(place[:18]) if known else 0

    async def _counted(self, place: int) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            async for part in self._events(place):
                yield part
        finally:
            self._open -= 1

    async def _events(self, place: int) -> AsyncIterator[bytes]:
        """Yield what is new, for as long as the client listens."""
        board, memory, quiet_s = self._board, self._board.incidents, 0.0
        shown: object = self  # no snapshot yet
        forgotten = memory.forgotten
        yield f"retry: {RETRY_MS}\n\n".encode()
        if place == 0:  # what the client may hold from before is not of this process
            yield _event("reset", b"{}", f"{board.boot}-0")
        while True:
            parts = []
            if memory.forgotten != forgotten:
                forgotten, place = memory.forgotten, 0
                parts.append(_event("reset", b"{}", f"{board.boot}-0"))
            for each in memory.since(place):
                place = each.place
                parts.append(_event("incident", _encode(each.brief), f"{board.boot}-{place}"))
            if board.snapshot is not shown:
                shown = board.snapshot
                parts.append(_event("status", _encode(board.status())))
            if not parts and quiet_s >= HEARTBEAT_S:
                parts.append(b":\n\n")
            for part in parts:
                yield part
            quiet_s = 0.0 if parts else quiet_s + LOOKS_EVERY_S
            await asyncio.sleep(LOOKS_EVERY_S)


def _event(kind: str, data: bytes, name: str = "") -> bytes:
    """Return one event; JSON as we write it has no line breaks."""
    head = f"event: {kind}\n" + (f"id: {name}\n" if name else "")
    return head.encode() + b"data: " + data + b"\n\n"
