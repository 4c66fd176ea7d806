"""A real HTTP server on this machine that notes what it gets, and answers as it is told to."""

import json
import ssl
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from debian import program


class Got(NamedTuple):
    """A request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Said(NamedTuple):
    """An answer: status, headers, body, and how long each of its bytes is thought about."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    pause_s: float = 0.0


class Receiver:
    """What it got so far, and what it answers next; when that runs out, 200."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.got = deque[Got]()
        self.answers = deque[Said]()
        self.goes_on = threading.Event()  # cleared: it answers nothing
        self.goes_on.set()
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver at a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            named = {name.lower(): value for name, value in self.headers.items()}
            made.got.append(Got(self.path, named, body))
            made.goes_on.wait(60)
            said = made.answers.popleft() if made.answers else Said()
            self.send_response(said.status)
            for name, value in said.headers:
                self.send_header(name, value)
            if not said.pause_s:
                self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            for n in range(len(said.body)):
                if said.pause_s and made.ended.wait(said.pause_s):
                    return
                self.wfile.write(said.body[n : n + 1])

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Whoever hangs up, or trusts no certificate, is what a test is about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        made = Receiver(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield made
        finally:
            made.ended.set()
            made.goes_on.set()
            server.shutdown()
            thread.join(60)


def certificate(home: Path) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate of `localhost`, and what a server needs to show it."""
    cert, key = home / "cert.pem", home / "key.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    facts = ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = [program("openssl", "openssl"), "req", "-x509", *curve, *facts]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context
