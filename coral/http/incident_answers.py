"""What is answered of one incident: its event, what a page shows, and what people say of it."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from coral.contract.events import CONTENT_TYPE, Event, decode
from coral.contract.feedback import Feedback, said
from coral.errors import CoralError, FeedbackError
from coral.http.board import Board
from coral.http.incidents import Remembered
from coral.http.state import Said
from coral.report.document import markdown
from coral.report.event_log import IncidentHistory
from coral.report.explain import case
from coral.report.incident_view import incident_view
from streams.errors import StreamsError

__all__ = ["Give", "IncidentAnswers"]

Give = Callable[[Feedback], str]
"""Stores feedback and returns where that is, in words; may wait for brokers."""

_JSON: Final = "application/json"
_encode = msgspec.json.Encoder().encode


class IncidentAnswers:
    """One method an address below `/api/v1/incidents/{incident}`.

    Parameters
    ----------
    board : Board
    give : callable or None
        None: feedback is not taken here.
    """

    def __init__(self, board: Board, give: Give | None) -> None:
        self._board, self._give = board, give

    async def event(self, request: Request) -> Response:
        """Answer with the newest event, byte by byte as it was published."""
        kind = CONTENT_TYPE[0][1].decode()
        return Response(self._found(request).event, headers={"content-type": kind})

    async def view(self, request: Request) -> Response:
        """Answer with what a page shows of it."""
        event = decode(self._found(request).event)
        window = self._board.timelines.window(event.data)
        return _json(incident_view(IncidentHistory(event), window))

    async def markdown(self, request: Request) -> Response:
        """Answer with the whole case for a post-mortem."""
        history = IncidentHistory(decode(self._found(request).event))
        return Response(markdown(case(history)), media_type="text/markdown; charset=utf-8")

    async def feedback(self, request: Request) -> Response:
        """Answer with what was said of its cause, or store what is said."""
        return await (self._say(request) if request.method == "POST" else self._said(request))

    async def _said(self, request: Request) -> Response:
        self._found(request)
        return _json(self._board.said.get(request.path_params["incident"], Said(None)))

    async def _say(self, request: Request) -> Response:
        """Store what its cause was or was not, or that nothing is known of it after all."""
        event = decode(self._found(request).event)
        give = self._give
        if give is None:
            raise HTTPException(404, "feedback is not taken here; `coral feedback` gives it")
        claim = await _claimed(request, event)
        try:
            stored = await run_in_threadpool(give, claim)
        except (CoralError, StreamsError, OSError) as error:
            raise HTTPException(503, f"feedback could not be stored: {error}") from error
        self._board.say(claim)
        return _json(Said(claim.cause, stored, claim.rejected))

    def _found(self, request: Request) -> Remembered:
        found = self._board.incidents.get(request.path_params["incident"])
        if found is None:
            raise HTTPException(404, "there is no such incident")
        return found


async def _claimed(request: Request, event: Event) -> Feedback:
    """Return the feedback that a request gives, by the rules of the topic."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _JSON:
        raise HTTPException(415, f"content-type {_JSON} expected")
    try:
        claim = msgspec.json.decode(await request.body(), type=Said, strict=True)
    except (ValueError, RecursionError) as error:
        rule = f'{{"cause": "<entity>"}} or {{"cause": null}} expected: {error}'
        raise HTTPException(422, rule) from error
    try:
        return said(event.data, claim.cause, claim.rejected)
    except FeedbackError as error:  # well formed, and the incident does not bear it out
        raise HTTPException(409, str(error)) from error


def _json(answer: Any) -> Response:
    return Response(_encode(answer), headers={"content-type": _JSON})
