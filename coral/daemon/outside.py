"""The section `[http]` of the configuration as a server that shows a board."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from coral.http.api import application
from coral.http.board import Board
from coral.http.incident_answers import Give
from coral.http.page.routes import Page
from coral.http.server import listening, serving
from coral.settings.sections import Http

__all__ = ["shown"]

log = structlog.stdlib.get_logger()


@contextmanager
def shown(http: Http, board: Board, give: Give | None = None) -> Iterator[str | None]:
    """Show what is on a board until the context ends, if the configuration wants that.

    Parameters
    ----------
    http : Http
    board : Board
    give : callable, optional
        Stores what people say on the page of the cause of an incident.

    Yields
    ------
    str or None
        The address of the page.

    Raises
    ------
    ListenError
        If the address cannot be had.
    """
    if not http.enabled:
        yield None
        return
    listener = listening(http.host, http.port)
    port = listener.getsockname()[1]
    address, token = http.address(port), http.token is not None
    log.info("listening", host=http.host, address=address, token=token)
    page = Page()
    app = application(board, http, page.routes, page.public, give)
    with serving(app, listener, _failed):
        yield f"{address}/"


def _failed(error: Exception) -> None:
    """Say that nothing is shown any more; metrics are read and incidents found all the same."""
    log.error("http_failed", kind=type(error).__name__, reason=str(error))
