"""The section `[http]` as a server, and what a start says about it."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

import pytest
from served import START

from coral.daemon.outside import shown
from coral.daemon.reload import Reload
from coral.daemon.service import serve
from coral.daemon.signals import Stop
from coral.errors import Exit
from coral.http.board import Board
from coral.http.server import listening
from coral.settings import Settings, load
from streams.clock import ManualClock


def settings_with(*flags: str) -> Settings:
    return load(None, {}, flags).settings


def board() -> Board:
    return Board(ManualClock(START), 0)


def test_where_to_ask_is_logged(logged: list[MutableMapping[str, Any]]) -> None:
    """With the port that was free, and the prefix."""
    with shown(settings_with("http.port=0", "http.path_prefix=/coral").http, board()):
        (line,) = logged
        with urlopen(f"{line['address']}/healthz", timeout=60) as answer:  # noqa: S310 - ours
            assert b"ok\n" == answer.read()

    assert ("listening", "127.0.0.1", False) == (line["event"], line["host"], line["token"])
    assert line["address"].startswith("http://127.0.0.1:")
    assert line["address"].endswith("/coral")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("localhost", "http://localhost:8080"),
        ("::1", "http://[::1]:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),  # noqa: S104 - nothing is bound
        ("::", "http://[::1]:8080"),
        ("10.1.2.3", "http://10.1.2.3:8080"),
    ],
)
def test_what_listens_is_asked_from_the_same_machine(host: str, address: str) -> None:
    """Whatever the kind of its address."""
    http = settings_with(f"http.host={host}", "http.allow_without_token=true").http
    assert address == http.address()
    assert address.replace("8080", "1") == http.address(1)


def test_nothing_listens_when_that_is_not_wanted(logged: list[MutableMapping[str, Any]]) -> None:
    """Nor is anything said."""
    with shown(settings_with("http.enabled=false").http, board()):
        assert [] == logged


@contextmanager
def never(*_: object) -> Iterator[Any]:
    yield pytest.fail("it was started")


@pytest.mark.usefixtures("log_put_back")
def test_a_taken_port_ends_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    """Before kernels are compiled and a group is joined, with the code that calls a person."""
    with listening("127.0.0.1", 0) as taken:
        settings = settings_with(f"http.port={taken.getsockname()[1]}", "log.format=json")
        reload = Reload(lambda: settings, settings)
        with Stop() as stop:
            code = serve(settings, reload, stop, never, prepare=never, board=board())

    assert Exit.INVALID == code
    line = capsys.readouterr().err.splitlines()[-1]
    assert '"event":"cannot_start"' in line
    assert "in use" in line
    assert "`http.port` (0: any that is free)" in line
