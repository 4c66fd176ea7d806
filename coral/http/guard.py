"""Who may ask, and for what, before any answer is thought of."""

import hmac
from ipaddress import ip_address
from typing import Final

import msgspec
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coral.http.state import Refusal

__all__ = ["LONGEST_BODY", "LONGEST_HEAD", "Guard", "refusal"]

LONGEST_HEAD: Final = 16 << 10
"""Bytes of a request's address and headers."""
LONGEST_BODY: Final = 1 << 20
"""Bytes of what is sent with a request that may send something."""

# Answers are data: nothing of them may be run, framed, or kept. The page says its own.
HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def refusal(status: int, error: str, **headers: str) -> Response:
    """Return an answer that says why there is none."""
    body = msgspec.json.encode(Refusal(error))
    return Response(body, status, headers, "application/json")


class Guard:
    """ASGI middleware: token, host name, origin, size of a request, security headers on answers.

    Parameters
    ----------
    app : ASGI application
    token : str or None
        None: everybody may read.
    local : bool
        Whether only this machine can connect. Without a token the host name that is asked for
        must then be one of this machine, so that no page in a browser reads by a name of its own
        that leads here (DNS rebinding).
    free : frozenset of str
        Paths that need no token.
    """

    def __init__(
        self, app: ASGIApp, token: str | None, *, local: bool, free: frozenset[str]
    ) -> None:
        self._app = app
        self._expected = None if token is None else f"Bearer {token}".encode()
        self._local = local
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refused(scope) or self._app
        await answer(scope, receive, send_with_headers)

    def _refused(self, scope: Scope) -> Response | None:
        """Return why a request is not answered, None if it is."""
        size = len(scope["raw_path"]) + len(scope["query_string"])
        if size + sum(len(name) + len(value) for name, value in scope["headers"]) > LONGEST_HEAD:
            return refusal(431, f"at most {LONGEST_HEAD} bytes of address and headers expected")
        headers = Headers(scope=scope)
        most = 0 if scope["method"] in ("GET", "HEAD") else LONGEST_BODY
        if "transfer-encoding" in headers:
            return refusal(411, "a body of a length that is told first expected")
        if int(headers.get("content-length", "0")) > most:
            return refusal(413, f"a body of at most {most} bytes expected")
        if most and not _is_own(headers):
            return refusal(403, "a request of our own page, or of no browser, expected")
        if scope["path"] in self._free:
            return None
        if self._expected is None:
            if self._local and not _is_here(headers.get("host", "")):
                return refusal(421, "a host name of this machine, or `http.token`, expected")
            return None
        given = headers.get("authorization", "").encode("latin-1", "replace")
        # In a time that does not tell how much of it was right.
        if hmac.compare_digest(given, self._expected):
            return None
        return refusal(401, "Authorization: Bearer expected", **{"www-authenticate": "Bearer"})


def _is_own(headers: Headers) -> bool:
    """Whether what changes something was not sent by the page of somebody else.

    A browser says where a request comes from, and no page can make it say anything else.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host", "")


def _is_here(host: str) -> bool:
    """Whether the host that a request names is this machine, whatever the port."""
    name, _, port = host.rpartition(":")
    if not port.isdecimal():
        name = host
    name = name.removeprefix("[").removesuffix("]").lower()
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
