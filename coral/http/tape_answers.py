"""What is answered of recordings: which there are, and what was said of each, row by row."""

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from coral.http.board import Board
from coral.http.tape import RecordedList, Tape

__all__ = ["routes"]

_encode = msgspec.json.Encoder().encode


def routes(board: Board) -> list[Route]:
    """Return the addresses of recordings; only those that the process was started with are there.

    Parameters
    ----------
    board : Board
    """

    async def listed(_request: Request) -> Response:
        return _json(_encode(RecordedList([each.brief() for each in board.recorded])))

    async def tape(request: Request) -> Response:
        found = _tape(board, request)
        return _json(await run_in_threadpool(lambda: _encode(found.view())))

    async def incident(request: Request) -> Response:
        found, name = _tape(board, request), request.path_params["incident"]
        revision = request.path_params["revision"]
        view = await run_in_threadpool(found.incident, name, revision)
        if view is None:
            raise HTTPException(404, "there is no such incident at that revision")
        return _json(_encode(view))

    at = "/api/v1/recordings/{recording:int}/{run:int}"
    return [
        Route("/api/v1/recordings", listed),
        Route(at, tape),
        Route(f"{at}/incidents/{{incident}}/{{revision:int}}", incident),
    ]


def _tape(board: Board, request: Request) -> Tape:
    """Return what one configuration says of a recording."""
    recording, run = request.path_params["recording"], request.path_params["run"]
    found = board.recorded[recording : recording + 1]
    tapes = found[0].tapes[run : run + 1] if found else ()
    if not tapes:
        raise HTTPException(404, "there is no such recording here, or no such configuration")
    return tapes[0]


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
