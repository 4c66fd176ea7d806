"""`coral status` of a running daemon, of none, and of something else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from hostile import HOSTILE
from makers import NAMES, shop_rows
from receiver import Said, receiving
from served import START, World, served, settings_of, until

from coral.cli.main import main
from coral.daemon.notify.notifiers import notifying
from coral.errors import Exit
from coral.http.board import Board
from coral.http.server import listening
from coral.settings import Secret
from streams.clock import ManualClock, SystemClock

TOKEN = "0123456789abcdef"  # noqa: S105 - of nobody


def test_everything_at_a_glance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The process, a line a system, and what is open with its answer."""
    world = World(tmp_path, settings_of(tmp_path))
    world.put("shop", NAMES, shop_rows())
    world.put("old", NAMES, shop_rows(rows=20))
    world.read()
    world.clock.sleep(61.0)
    world.put("new", ("web:x",), np.ones((3, 1)))
    world.read()
    capsys.readouterr()
    with served(world.board) as ask:
        code = main(["status", f"http://127.0.0.1:{ask.port}/"])
    head, lag, blank, *systems, gap, incident = capsys.readouterr().out.splitlines()

    assert code == Exit.OK
    assert head.startswith("CORAL ")
    assert head.endswith(f"at http://127.0.0.1:{ask.port}, up since 2023-11-14T22:13:20Z: ready")
    assert "0 records behind in 1 partition; 303 read, 302 rows" == lag
    assert ["", ""] == [blank, gap]
    assert ["new   warming   ", "old   no data   ", "shop  no data   "] == [
        line[:16] for line in systems
    ]
    assert "8 series every 1 s, " in systems[2]
    assert ", last 2023-11-14T22:17:59Z; " in systems[2]
    assert systems[0].endswith("more normal rows")
    assert incident.startswith("incident ")
    assert " in shop since 2023-11-14T22:16:40Z: Likely cause: `db`." in incident


def test_who_is_told_and_who_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each of them."""
    with receiving() as well, receiving() as ill:
        ill.answers += [Said(404)] * 2
        hooks = {"well": well.url, "ill": ill.url, "away": "http://127.0.0.1:1"}
        told = [f"output.webhooks.{name}.url={url}" for name, url in hooks.items()]
        settings = settings_of(tmp_path, flags=["outbound.networks=127.0.0.1/32", *told])
        with notifying(settings, SystemClock()) as notifiers:
            world = World(tmp_path, settings, notifiers=notifiers)
            world.put("shop", NAMES, shop_rows())
            world.read()
            until(lambda: [2, 2, 0] == [one.taken + one.refused for one in notifiers.states()])
            until(lambda: notifiers.states()[2].failing)
            world.clock.sleep(2.0)
            world.daemon.loop.run_once()
            capsys.readouterr()
            with served(world.board) as ask:
                main(["status", f"http://127.0.0.1:{ask.port}/"])

    assert [
        "webhooks/well told 2",
        "webhooks/ill told 0, 2 refused, 0 lost",
        "webhooks/away cannot be told, 2 wait",
    ] == capsys.readouterr().out.splitlines()[2:5]


def test_hostile_names_stay_in_their_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No control character reaches the terminal, no name makes a line of its own."""
    world = World(tmp_path, settings_of(tmp_path))
    for name in HOSTILE:
        world.put(name, ("web:x",), np.ones((3, 1)))
    world.read()
    capsys.readouterr()
    with served(world.board) as ask:
        main(["status", f"http://127.0.0.1:{ask.port}"])
    out = capsys.readouterr().out

    assert len(HOSTILE) + 3 == len(out.split("\n")) - 1
    assert not [c for c in out.replace("\n", "") if not c.isprintable()]


def test_the_configuration_knows_the_address_and_the_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the same file that `coral run` reads."""
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    board = Board(ManualClock(START), 0)
    with served(board, token=Secret(TOKEN), path_prefix="/x") as ask:
        url, port = f"http://127.0.0.1:{ask.port}/x", f"http.port={ask.port}"
        config = ["--set", port, "--set", "http.path_prefix=/x"]
        codes = [
            main(["status", *config, "--set", f"http.token={TOKEN}"]),
            main(["status", *config, "--set", f"http.token_file={token}"]),
            main(["status", url, "--token-file", str(token)]),
        ]
        assert 3 == capsys.readouterr().out.count("not ready: starting")
        assert Exit.FAILURE == main(["status", url])
        assert "wants a token, or another one: --token-file" in capsys.readouterr().err
        assert Exit.FAILURE == main(["status", url[:-2], "--token-file", str(token)])
        assert "Not Found" in capsys.readouterr().err

    assert [Exit.OK] * 3 == codes


def test_nothing_there(capsys: pytest.CaptureFixture[str]) -> None:
    """One line says where, why, and what to look at."""
    with listening("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    code = main(["status", f"http://127.0.0.1:{port}"])

    assert code == Exit.FAILURE
    assert (
        f"coral: nothing answers at http://127.0.0.1:{port}/api/v1/status: Connection refused. "
        "Is `coral run` up there, with `http.enabled`?\n"
    ) == capsys.readouterr().err


@pytest.mark.parametrize("url", ["localhost:8080", "file:///etc/passwd", "ftp://x", "http://", "x"])
def test_an_address_that_is_none(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing else than HTTP is spoken."""
    assert Exit.FAILURE == main(["status", url])
    assert "an address such as http://127.0.0.1:8080 expected" in capsys.readouterr().err


class Other(BaseHTTPRequestHandler):
    """Something else: answers with what its server was given, and notes what it was asked."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, OtherServer)
        server.asked.append(self.headers.get("Authorization"))
        self.send_response(server.status)
        self.send_header("Location", f"http://127.0.0.1:{server.server_port}/elsewhere")
        self.end_headers()
        self.wfile.write(server.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class OtherServer(HTTPServer):
    """With what it says."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Other)
        self.status, self.body = status, body
        self.asked: list[str | None] = []


@contextmanager
def other(status: int, body: bytes) -> Iterator[OtherServer]:
    server = OtherServer(status, body)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>"), (200, b"{}"), (404, b"<html>"), (500, b""), (302, b""), (200, b"\xff")],
)
def test_something_else_answers(
    status: int, body: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said; a redirection is not followed, so the token goes nowhere else."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with other(status, body) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        code = main(["status", url, "--token-file", str(token)])

    assert code == Exit.FAILURE
    assert "is no CORAL" in capsys.readouterr().err
    assert [f"Bearer {TOKEN}"] == server.asked
