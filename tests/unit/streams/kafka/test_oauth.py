"""Tokens from a real HTTP endpoint."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from streams.clock import ManualClock
from streams.errors import TokenError
from streams.kafka.oauth import ClientCredentials


class Server(HTTPServer):
    """Answers as a test wants it to, and keeps what it was asked."""

    asked: list[tuple[str, dict[str, list[str]]]]
    answer: object
    status: int


class Endpoint(BaseHTTPRequestHandler):
    """Gives token-1, token-2, ... for 100 s each, or what it is told to give."""

    server: Server

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.asked.append((self.headers["Authorization"], form))
        count = len(self.server.asked)
        answer = self.server.answer or {"access_token": f"token-{count}", "expires_in": 100}
        self.send_response(self.server.status)
        if 300 <= self.server.status < 400:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: str) -> None:
        """Stay quiet."""


@pytest.fixture
def endpoint() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Endpoint)
    server.asked, server.answer, server.status = [], None, 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def credentials(
    server: Server, clock: ManualClock | None = None, scope: str | None = None
) -> ClientCredentials:
    url = f"http://127.0.0.1:{server.server_port}/token"
    return ClientCredentials(url, "co:ral", "s e", scope, clock or ManualClock())


def test_request(endpoint: Server) -> None:
    """Client credentials in the header, grant and scope in the form."""
    assert "token-1" == credentials(endpoint, scope="kafka").token()
    ((login, form),) = endpoint.asked
    assert "co%3Aral:s+e" == base64.b64decode(login.removeprefix("Basic ")).decode()
    assert {"grant_type": ["client_credentials"], "scope": ["kafka"]} == form


def test_a_token_is_used_until_most_of_its_life_has_passed(endpoint: Server) -> None:
    """Then a new one is asked for."""
    clock = ManualClock()
    found = credentials(endpoint, clock)
    tokens = [found.token()]
    for seconds in (79.0, 2.0):
        clock.sleep(seconds)
        tokens.append(found.token())

    assert ["token-1", "token-1", "token-2"] == tokens


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (401, {"error": "invalid_client"}, "HTTPError: HTTP Error 401"),
        (200, {"error": "x"}, "KeyError: 'access_token'"),
        (200, [1], "TypeError"),
    ],
)
def test_no_token(endpoint: Server, status: int, answer: object, expected: str) -> None:
    """The reason is told, the secret is not."""
    endpoint.status, endpoint.answer = status, answer
    with pytest.raises(TokenError) as caught:
        credentials(endpoint).token()

    assert expected in str(caught.value)
    assert "s e" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused(endpoint: Server, status: int) -> None:
    """The secret goes to the address that was configured and nowhere else."""
    endpoint.status = status
    with pytest.raises(TokenError, match=f"HTTP Error {status}"):
        credentials(endpoint).token()

    assert 1 == len(endpoint.asked)
