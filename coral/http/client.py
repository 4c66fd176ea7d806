"""Asking a running CORAL over HTTP."""

from collections.abc import Iterator
from http.client import HTTPException
from typing import Final, NamedTuple, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import ProxyHandler, Request

import msgspec

from coral.contract.events import Event
from coral.errors import AskError
from coral.http.state import Brief, DaemonStatus, IncidentList, Refusal, SystemList, SystemState
from coral.report.event_log import identified
from coral.report.incident_window import IncidentWindow
from streams.opener import straight_opener

__all__ = ["ANSWER_S", "Answers", "answer", "asked", "asked_events", "asked_window"]

PATIENCE_S: Final = 10.0
ANSWER_S: Final = 90.0  # a system of a thousand series takes seconds, and others may be first
MOST_BYTES: Final = 64 << 20
_T = TypeVar("_T")


class Answers(NamedTuple):
    """All that a process says of itself.

    Attributes
    ----------
    status : DaemonStatus
    systems : list of SystemState
        By name.
    incidents : list of Brief
        Open ones first, then the newest.
    """

    status: DaemonStatus
    systems: list[SystemState]
    incidents: list[Brief]


def asked(url: str, token: str | None = None) -> Answers:
    """Ask a process for everything.

    Parameters
    ----------
    url : str
        Its address up to and with the prefix.
    token : str, optional

    Raises
    ------
    AskError
        If nothing answers, something else does, or the token is not the right one.
    """
    at = _checked(url)
    status = _get(f"{at}/api/v1/status", token, DaemonStatus)
    systems, page = list[SystemState](), f"{at}/api/v1/systems"
    while found := _get(page, token, SystemList).systems:
        systems += found
        page = f"{at}/api/v1/systems?after={quote(found[-1].system, safe='')}"
    return Answers(status, systems, _get(f"{at}/api/v1/incidents", token, IncidentList).incidents)


def answer(url: str, token: str | None, system: str, since: float | None = None) -> Event:
    """Ask a process what is wrong with a system now.

    Parameters
    ----------
    url, token
        As of `asked`.
    system : str
    since : float, optional
        Unix s.

    Raises
    ------
    AskError
        As `asked`, and if it has no such system, or no row of it since then.
    """
    at = f"{_checked(url)}/api/v1/ask?system={quote(system, safe='')}"
    if since is not None:
        at += f"&since={since!r}"
    return _get(at, token, Event, ANSWER_S)


def asked_events(url: str, token: str | None = None, prefix: str = "") -> Iterator[bytes]:
    """Ask a process for incidents: the newest event of each, as it was published.

    Parameters
    ----------
    url : str
        Its address up to and with the prefix of paths.
    token : str, optional
    prefix : str
        Beginning of the identifier of the one that is wanted; without it all that it remembers.

    Raises
    ------
    AskError
        As `asked`.
    IncidentError
        If `prefix` is the beginning of none, or of several.
    """
    at = f"{_checked(url)}/api/v1/incidents"
    names = [each.incident for each in _get(at, token, IncidentList).incidents]
    for name in [identified(names, prefix)] if prefix else names:
        yield _read(f"{at}/{quote(name, safe='')}", token)


def asked_window(url: str, incident: str, token: str | None = None) -> IncidentWindow | None:
    """Ask a process for the rows around an incident, as its page draws them.

    Parameters
    ----------
    url : str
    incident : str
        Its identifier.
    token : str, optional

    Raises
    ------
    AskError
        As `asked`.
    """
    at = f"{_checked(url)}/api/v1/incidents/{quote(incident, safe='')}/view"
    return _get(at, token, _Windowed).window


def _checked(url: str) -> str:
    """Return an address without the slash at its end."""
    try:
        parts = urlsplit(url)
        well = parts.scheme in ("http", "https") and parts.hostname
    except ValueError:  # a bracket that is not closed
        well = None
    if not well:
        raise AskError(f"an address such as http://127.0.0.1:8080 expected, got {url!r}")
    return url.rstrip("/")


class _Windowed(msgspec.Struct, frozen=True):
    """What is wanted of a view; everything else in it follows from the event."""

    window: IncidentWindow | None


_opener = straight_opener(ProxyHandler({}))  # the token is for the address that was named


def _get(url: str, token: str | None, kind: type[_T], patience_s: float = PATIENCE_S) -> _T:
    try:
        return msgspec.json.decode(_read(url, token, patience_s), type=kind)
    except (ValueError, RecursionError) as error:
        raise AskError(f"what answers at {url} is no CORAL: {error}") from error


def _read(url: str, token: str | None, patience_s: float = PATIENCE_S) -> bytes:
    request = Request(url)  # noqa: S310 - of http or https
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with _opener.open(request, timeout=patience_s) as answer:
            body: bytes = answer.read(MOST_BYTES)
            return body
    except HTTPError as error:
        with error:
            raise AskError(_reason(url, error)) from error
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        told = getattr(reason, "strerror", None) or reason
        raise AskError(
            f"nothing answers at {url}: {told}. Is `coral run` up there, with `http.enabled`?"
        ) from error


def _reason(url: str, error: HTTPError) -> str:
    if error.code == 401:
        return f"{url} wants a token, or another one: --token-file"
    try:
        said = msgspec.json.decode(error.read(MOST_BYTES), type=Refusal).error
    except (ValueError, RecursionError, OSError):
        return f"what answers at {url} is no CORAL, or has another path prefix: {error}"
    return f"{url}: {said}"
