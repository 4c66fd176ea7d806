"""The answers: probes, metrics, and what the API says; all of it read from the board."""

from collections.abc import Iterable
from typing import Any, Final, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from coral.http import inward, tape_answers
from coral.http.board import Board, Health
from coral.http.guard import Guard, refusal
from coral.http.incident_answers import Give, IncidentAnswers
from coral.http.metrics import Exposition
from coral.http.openapi import document
from coral.http.state import IncidentList, SystemList, SystemState
from coral.http.stream import Streams
from coral.settings.sections import Http

__all__ = ["MOST_ANSWERS", "application"]

MOST_ANSWERS: Final = 1000
"""Most systems or incidents in one answer."""

_encode = msgspec.json.Encoder().encode
_T = TypeVar("_T")


class _Anything(Convertor[str]):
    """A name, whatever is in it: slashes and line feeds too."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("anything", _Anything())


def application(
    board: Board,
    http: Http,
    more: Iterable[Route] = (),
    public: Iterable[str] = (),
    give: Give | None = None,
) -> Starlette:
    """Return the ASGI application of a process.

    Parameters
    ----------
    board : Board
        All that is ever answered comes from here.
    http : Http
        Prefix and token.
    more : iterable of Route
        Further addresses, below the same prefix and behind the same guard.
    public : iterable of str
        Paths of these that need no token: they hold nothing of any system.
    give : callable, optional
        Stores feedback and returns where; without it none is taken.
    """
    at = http.path_prefix
    answers, incidents = _Answers(board, at), IncidentAnswers(board, give)
    free = frozenset(f"{at}{path}" for path in ("/healthz", "/readyz", *public))
    token = None if http.token is None else http.token.reveal()
    routes = [
        Route("/healthz", answers.healthz),
        Route("/readyz", answers.readyz),
        Route("/metrics", answers.metrics),
        Route("/openapi.json", answers.openapi),
        Route("/api/v1/status", answers.status),
        Route("/api/v1/systems", answers.systems),
        Route("/api/v1/systems/{system:anything}", answers.system),
        Route("/api/v1/shadow", answers.shadow),
        Route("/api/v1/incidents", answers.incidents),
        Route("/api/v1/incidents/{incident}", incidents.event),
        Route("/api/v1/incidents/{incident}/view", incidents.view),
        Route("/api/v1/incidents/{incident}/markdown", incidents.markdown),
        Route("/api/v1/incidents/{incident}/feedback", incidents.feedback, methods=["GET", "POST"]),
        Route("/api/v1/stream", Streams(board).answer),
        *inward.routes(board),
        *tape_answers.routes(board),
        *more,
    ]
    return Starlette(
        routes=[_below(at, route) for route in routes],
        middleware=[Middleware(Guard, token, local=http.is_loopback, free=free)],
        exception_handlers={HTTPException: _refused, Exception: _broken},
    )


def _below(prefix: str, route: Route) -> Route:
    """Return a route below a prefix."""
    return Route(f"{prefix}{route.path}", route.endpoint, methods=sorted(route.methods or ["GET"]))


class _Answers:
    """One method an address."""

    def __init__(self, board: Board, prefix: str) -> None:
        self._board = board
        self._exposition = Exposition(board)
        self._document = _encode(document(prefix))

    async def healthz(self, _request: Request) -> Response:
        return _probe(self._board.alive())

    async def readyz(self, _request: Request) -> Response:
        return _probe(self._board.ready())

    async def metrics(self, request: Request) -> Response:
        kind, text = self._exposition.written(request.headers.get("accept", ""))
        return Response(text, headers={"content-type": kind})

    async def openapi(self, _request: Request) -> Response:
        return _json(self._document)

    async def status(self, _request: Request) -> Response:
        return _json(_encode(self._board.status()))

    async def systems(self, request: Request) -> Response:
        limit, after = _limit(request), request.query_params.get("after", "")
        found = [each for each in self._held if each.system > after]
        return _json(_encode(SystemList(found[:limit])))

    async def system(self, request: Request) -> Response:
        name = request.path_params["system"]
        found = next((each for each in self._held if each.system == name), None)
        return _json(_encode(_there(found, "system")))

    async def shadow(self, _request: Request) -> Response:
        return _json(_encode(self._board.shadow))

    async def incidents(self, request: Request) -> Response:
        limit, system = _limit(request), request.query_params.get("system")
        return _json(_encode(IncidentList(self._board.incidents.briefs(system)[:limit])))

    @property
    def _held(self) -> tuple[SystemState, ...]:
        snapshot = self._board.snapshot
        return () if snapshot is None else snapshot.systems


def _probe(health: Health) -> Response:
    """Answer a probe in plain text."""
    text = "\n".join(health.reasons) or "ok"
    return PlainTextResponse(f"{text}\n", 200 if health.well else 503)


def _json(body: bytes) -> Response:
    return Response(body, headers={"content-type": "application/json"})


def _there(found: _T | None, what: str) -> _T:
    if found is None:
        raise HTTPException(404, f"there is no such {what}")
    return found


def _limit(request: Request) -> int:
    """Return the most answers that a request asks for."""
    text = request.query_params.get("limit", str(MOST_ANSWERS))
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MOST_ANSWERS):
        rule = f"`limit`: a whole number from 1 to {MOST_ANSWERS} expected"
        raise HTTPException(422, rule)
    return int(text)


async def _refused(_request: Request, error: Any) -> Response:
    return refusal(error.status_code, str(error.detail), **(error.headers or {}))


async def _broken(_request: Request, _error: Exception) -> Response:
    """Say that it is our fault; the server logs what it was."""
    return refusal(500, "this is a defect of CORAL; the log says more")
