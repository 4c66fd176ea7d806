"""What may be sent to the process, and asked of it, beyond what it shows."""

import math
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from coral.contract.events import CONTENT_TYPE, encode
from coral.errors import AskError, EventError
from coral.http.board import Board
from coral.text import hint
from streams.errors import StreamsError

__all__ = ["routes"]

BUSY_S: Final = 5.0
"""A loop that has been at one row for so long is not waited for, s."""
_T = TypeVar("_T")


def routes(board: Board) -> list[Route]:
    """Return the addresses that take something in.

    Parameters
    ----------
    board : Board
        Has who takes it, once the process can.
    """

    async def alerts(request: Request) -> Response:
        taker, body = board.take_alerts, await request.body()
        if taker is None:
            raise HTTPException(503, "alerts are not taken: starting, or there is no topic of them")
        done = await run_in_threadpool(_unless_refused, lambda: taker(body))
        return Response(msgspec.json.encode(done), 202, media_type="application/json")

    async def ask(request: Request) -> Response:
        answer, system = board.answer, request.query_params.get("system", "")
        since = _time(request, "since")
        if answer is None:
            raise HTTPException(503, "starting")
        _can_answer(board, system)
        event = await run_in_threadpool(_unless_refused, lambda: answer(system, since))
        if event is None:
            raise HTTPException(404, "there is no such system here, or no row of it since then")
        return Response(encode(event), headers={"content-type": CONTENT_TYPE[0][1].decode()})

    async def model(request: Request) -> Response:
        answer, system = board.model, request.query_params.get("system", "")
        times = _time(request, "before"), _time(request, "after")
        if answer is None:
            raise HTTPException(404, "no system is watched here")
        _can_answer(board, system)
        found = await run_in_threadpool(_unless_refused, lambda: answer(system, *times))
        if found is None:
            raise HTTPException(404, "there is no such system here, or no row of it yet")
        return Response(msgspec.json.encode(found), media_type="application/json")

    return [
        Route("/api/v1/alerts", alerts, methods=["POST"]),
        Route("/api/v1/ask", ask),
        Route("/api/v1/model", model),
    ]


def _can_answer(board: Board, system: str) -> None:
    """Refuse at once what the loop would be waited for in vain."""
    known = () if board.snapshot is None else [one.system for one in board.snapshot.systems]
    if known and system not in known:
        raise HTTPException(404, f"there is no such system here{hint(system, known)}")
    if board.still_s > BUSY_S:
        raise HTTPException(503, f"the loop is busy, for {board.still_s:.0f} s now; ask again")


def _unless_refused(act: Callable[[], _T]) -> _T:
    """Do something for a request; say why not."""
    try:
        return act()
    except EventError as error:
        raise HTTPException(422, str(error)) from error
    except (AskError, StreamsError) as error:
        raise HTTPException(503, str(error)) from error


def _time(request: Request, name: str) -> float | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise HTTPException(422, f"`{name}`: unix seconds expected")
    return value
