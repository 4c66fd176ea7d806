"""Requests over HTTP that go to the address they were made for, and to no other."""

from typing import Any
from urllib.request import BaseHandler, HTTPRedirectHandler, OpenerDirector, build_opener

__all__ = ["straight_opener"]


class _NoRedirects(HTTPRedirectHandler):
    """Follows none: the log-in would go with the request, to wherever an answer points."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None  # and so the answer is the error that it is


def straight_opener(*handlers: BaseHandler) -> OpenerDirector:
    """Return an opener with these handlers that follows no redirect: one is an `HTTPError`."""
    return build_opener(*handlers, _NoRedirects)
