"""Asking a Prometheus over HTTP; Thanos, Mimir, Cortex and VictoriaMetrics answer alike."""

import email.utils
import gzip
import ssl
import zlib
from collections.abc import Mapping
from http.client import HTTPException, IncompleteRead
from typing import Any, Final, NamedTuple, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPSHandler, Request

import msgspec

from streams.clock import Clock
from streams.errors import PrometheusError, TooMuchAskedError
from streams.opener import straight_opener

T = TypeVar("T")

MOST_BYTES: Final = 128 << 20
"""Longest answer that is read, unpacked."""

PATIENCE_S: Final = 150.0
"""Longest wait for an answer, seconds: a server gives up on a query after 120 by default."""

TRIES: Final = 6
MOST_WAIT_S: Final = 60.0
MOST_WARNINGS: Final = 5
_LONGEST_ADDRESS: Final = 4000  # beyond it parameters go into the body
_LATER: Final = (429, 500, 502, 503)  # what may pass by itself
_TOO_MUCH: Final = (413, 422, 504)
_BROKEN: Final = (OSError, EOFError, zlib.error, HTTPException)  # also in the midst of an answer
# What stands behind the address of a server when it is copied out of a browser.
_PAGES: Final = ("/api/v1", "/graph", "/query", "/targets")


class Access(NamedTuple):
    """How to reach a server.

    Attributes
    ----------
    url : str
        Its address, up to and with the prefix of its paths.
    authorization : str
        Header that logs in; "" = none.
    headers : mapping of str to str
        Further ones, such as the tenant.
    tls : SSLContext or None
        None: trust as the system does.
    """

    url: str
    authorization: str = ""
    headers: Mapping[str, str] = {}
    tls: ssl.SSLContext | None = None


class _Response(msgspec.Struct):
    """An answer, of which only the parts are read that are needed."""

    status: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    errorType: str = ""  # noqa: N815 - as Prometheus spells it
    error: str = ""
    warnings: list[str] = []


class PrometheusServer:
    """The HTTP API of one server.

    What passes by itself, too many requests or a server that is just starting, is asked again for
    half a minute, as the answer's `Retry-After` says or after 1, 2, 4, ... seconds; so is a server
    that has answered before and is not there.

    Parameters
    ----------
    access : Access
    clock : Clock

    Attributes
    ----------
    warnings : list of str
        What the server remarked on its answers, each once, the first few.

    Raises
    ------
    PrometheusError
        If the address is none.
    """

    def __init__(self, access: Access, clock: Clock) -> None:
        self.url = _address(access.url)
        self.warnings: list[str] = []
        self._clock = clock
        self._has_answered = False
        self._headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        self._headers |= access.headers
        if access.authorization:
            self._headers["Authorization"] = access.authorization
        # A context of its own is needed for https only, and then the default one checks names.
        https = HTTPSHandler(context=access.tls or ssl.create_default_context())
        self._opener = straight_opener(https)

    def get(self, path: str, kind: type[T], parameters: Mapping[str, object] | None = None) -> T:
        """Return the data of an answer.

        Parameters
        ----------
        path : str
            Below ``/api/v1/``.
        kind : type
            What the data are.
        parameters : mapping of str to (str, number or list of str)

        Raises
        ------
        TooMuchAskedError
            If the server, or `MOST_BYTES`, allows less in one answer.
        PrometheusError
            If there is no answer, or another one than that of a Prometheus.
        """
        request = self._request(path, parameters or {})
        waited = 1.0
        for _ in range(TRIES - 1):
            try:
                return self._once(request, kind)
            except _PassesError as error:
                self._clock.sleep(min(waited if error.after is None else error.after, MOST_WAIT_S))
                waited *= 2.0
        try:
            return self._once(request, kind)
        except _PassesError as error:
            raise PrometheusError(self.url, error.reason) from None

    def _request(self, path: str, parameters: Mapping[str, object]) -> Request:
        address, form = f"{self.url}/api/v1/{path}", urlencode(parameters, doseq=True)
        if len(form) > _LONGEST_ADDRESS:
            return Request(address, form.encode(), self._headers)  # noqa: S310 - of http or https
        return Request(f"{address}?{form}" if form else address, None, self._headers)  # noqa: S310

    def _once(self, request: Request, kind: type[T]) -> T:
        try:
            with self._opener.open(request, timeout=PATIENCE_S) as answer:
                said = self._read(_unpacked(answer))
        except HTTPError as error:
            with error:
                raise self._refused(error) from None
        except _BROKEN as error:
            raise self._broken(error) from None
        self._has_answered = True
        try:
            return msgspec.json.decode(said.data, type=kind)
        except (ValueError, RecursionError) as error:
            raise PrometheusError(self.url, f"{_NO_PROMETHEUS} ({error})") from None

    def _read(self, body: bytes) -> _Response:
        try:
            said = msgspec.json.decode(body, type=_Response)
        except (ValueError, RecursionError):
            said = _Response()
        if said.status != "success":
            raise PrometheusError(self.url, said.error or _NO_PROMETHEUS)
        new = [text for text in said.warnings if text not in self.warnings]
        self.warnings += new[: MOST_WARNINGS - len(self.warnings)]
        return said

    def _broken(self, error: Exception) -> Exception:
        """Return what it means that there is no whole answer."""
        reason = error.reason if isinstance(error, URLError) else error
        if not self._has_answered:
            return PrometheusError(self.url, _unreachable(reason))
        if isinstance(reason, TimeoutError):
            return TooMuchAskedError(self.url, f"no answer in {PATIENCE_S:g} s")
        return _PassesError(_unreachable(reason), None)

    def _refused(self, error: HTTPError) -> Exception:
        """Return what an answer that is an error means."""
        try:
            said = msgspec.json.decode(_unpacked(error), type=_Response)
        except (ValueError, RecursionError, TooMuchAskedError, *_BROKEN):
            said = _Response()
        told = said.error or f"HTTP status {error.code}"
        if 300 <= error.code < 400:
            where = error.headers.get("Location", "nowhere")
            return PrometheusError(self.url, f"it redirects to {where}: give that address")
        if error.code == 401:
            return PrometheusError(self.url, "it wants a log-in, or another one (status 401)")
        if error.code == 403:
            return PrometheusError(self.url, f"this log-in may not read it ({told})")
        if error.code in _TOO_MUCH or said.errorType == "timeout" or "exceed" in said.error:
            return TooMuchAskedError(self.url, told)
        if error.code in _LATER:
            return _PassesError(told, _retry_after(error, self._clock))
        return PrometheusError(self.url, told if said.error else f"{_NO_PROMETHEUS} ({told})")


_NO_PROMETHEUS: Final = "what answers is no Prometheus, or has another path prefix"


class _PassesError(Exception):
    """It may be otherwise in a moment."""

    def __init__(self, reason: str, after: float | None) -> None:
        super().__init__(reason, after)
        self.reason, self.after = reason, after


def _address(url: str) -> str:
    """Return the address of a server without the page that may stand behind it."""
    try:
        parts = urlsplit(url.strip())
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise PrometheusError(url, "an address such as http://localhost:9090 expected")
    if parts.username is not None:
        said = "no log-in expected in the address, where all processes see it"
        raise PrometheusError(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), said)
    path = parts.path.rstrip("/")
    for page in _PAGES:
        path = path.removesuffix(page)
    return f"{parts.scheme}://{parts.netloc}{path}"


def _unpacked(answer: Any) -> bytes:
    """Return the body of an answer, at most `MOST_BYTES` of it."""
    packed = answer.headers.get("Content-Encoding") == "gzip"
    body: bytes = (gzip.GzipFile(fileobj=answer) if packed else answer).read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise TooMuchAskedError(answer.url, f"an answer of at most {MOST_BYTES >> 20} MiB expected")
    if not packed and answer.length:
        raise IncompleteRead(body, answer.length)
    return body


def _unreachable(reason: object) -> str:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({reason.verify_message}): tls_ca_file"
    if isinstance(reason, ssl.SSLError):
        return f"no TLS with it ({reason.reason}): is it https, and does it want a certificate?"
    told = getattr(reason, "strerror", None) or reason or type(reason).__name__
    return f"nothing answers: {told}"


def _retry_after(error: HTTPError, clock: Clock) -> float | None:
    """Return the seconds that an answer asks to wait, None if it does not."""
    text = error.headers.get("Retry-After")
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - clock.time(), 0.0)
    except ValueError:
        return None
