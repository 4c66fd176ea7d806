"""One POST to an address that was checked, within a time that nothing prolongs."""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from streams.errors import UnreachableError
from streams.http.reach import Reach

__all__ = ["Answer", "Client"]

_MAX_ANSWER: Final = 2000
"""Bytes of an answer that are looked at: enough to say what was wrong."""


class Answer(NamedTuple):
    """What was answered.

    Attributes
    ----------
    status : int
    text : str
        Beginning of the body of an answer that is no success.
    retry_after_s : float
        How long whoever answered wants to be left alone, seconds.
    """

    status: int
    text: str = ""
    retry_after_s: float = 0.0


class Client:
    """Posts without proxies and without following redirects.

    Parameters
    ----------
    reach : Reach
    ca_file : str, optional
        Certificates to trust besides those of the system, PEM.
    timeout_s : float
        Longest time from the resolved name to the end of the answer, seconds.
    """

    def __init__(self, reach: Reach, ca_file: str | None = None, timeout_s: float = 10.0) -> None:
        self._reach, self._timeout_s = reach, timeout_s
        self._tls = ssl.create_default_context()
        if ca_file is not None:
            self._tls.load_verify_locations(ca_file)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post to an address of http or https.

        Raises
        ------
        UnreachableError
            If no answer came: no address, no connection, a certificate that is not valid, no time.
        ForbiddenAddressError
            If it may not be connected to.
        """
        parts = urlsplit(url)
        host, tls = parts.hostname or "", self._tls if parts.scheme == "https" else None
        port = parts.port or (80 if tls is None else 443)
        addresses = self._reach.addresses(host, port)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = _Connection(host, port, self._timeout_s, addresses, tls)
        with closing(connection), _deadline(connection, self._timeout_s):
            try:
                connection.request("POST", path, body, dict(headers))
                return _answered(connection)
            except (OSError, HTTPException) as error:
                over = connection.aborted
                raise UnreachableError(_why(error, self._timeout_s, over=over)) from error


class _Connection(HTTPConnection):
    """A connection to one of the addresses that were checked, under the name of its host."""

    def __init__(
        self,
        host: str,
        port: int,
        timeout_s: float,
        addresses: list[str],
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self.default_port = 80 if tls is None else 443
        self._addresses, self._tls = addresses, tls
        self._socket: socket.socket | None = None  # kept: `sock` goes to the answer
        self.aborted = False

    def connect(self) -> None:
        """Connect to the first address that lets us; the name is not resolved again."""
        self.sock = self._socket = self._connected()
        if self._tls is not None:
            # Known before it is shaken hands with, so that this can be aborted too.
            self.sock = self._socket = tls = self._tls.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            tls.do_handshake()

    def abort(self) -> None:
        """End whatever another thread waits for."""
        self.aborted = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _connected(self) -> socket.socket:
        failed = OSError("no address")
        for address in self._addresses:
            if self.aborted:
                break
            try:
                return socket.create_connection((address, self.port), self.timeout)
            except OSError as error:
                failed = error
        raise failed


@contextmanager
def _deadline(connection: _Connection, timeout_s: float) -> Iterator[None]:
    """Abort a connection after some time, however busy it is."""
    timer = threading.Timer(timeout_s, connection.abort)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _answered(connection: HTTPConnection) -> Answer:
    """Read an answer; of a success nothing but that it is one."""
    answer = connection.getresponse()
    if 200 <= answer.status < 300:
        return Answer(answer.status)
    text = b""
    with suppress(OSError, HTTPException):
        text = answer.read(_MAX_ANSWER)
    return Answer(
        answer.status,
        text.decode(errors="replace").strip(),
        _seconds(answer.getheader("Retry-After")),
    )


def _seconds(header: str | None) -> float:
    """Return what `Retry-After` says; of a date, which nobody needs here, nothing."""
    return float(header) if header is not None and header.isdecimal() and len(header) < 9 else 0.0


def _why(error: Exception, timeout_s: float, *, over: bool) -> str:
    if over or isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
