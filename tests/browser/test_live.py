"""The page over a running system: from the stream of metrics to the settled incident, and on."""

import http.client
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec
import pytest
from browsers import looked_at
from makers import NAMES, shop_rows
from playwright.sync_api import Browser, expect
from served import START, World, served, settings_of, until
from typed import there

from coral.contract.events import Event, decode, encode
from coral.contract.feedback import decode as decode_feedback
from coral.http import stream
from coral.http.board import Board
from streams.clock import ManualClock


def test_the_demo_from_the_stream_to_the_settled_incident(browser: Browser, tmp_path: Path) -> None:
    """Without a reload; what is said of it is stored, and Ctrl-C ends it in order."""
    words = ["-m", "coral.cli.main", "demo", "--serve", "--port", "0", "--speed", "150"]
    with subprocess.Popen(
        [sys.executable, *words], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as demo:
        try:
            output = there(demo.stdout)
            address = next(
                found[1] for line in output if (found := re.match(r"The page: (\S+)/ ", line))
            )
            with looked_at(browser, address) as seen:
                page = seen.page
                page.goto(f"{address}/")
                expect(page.get_by_text("● live")).to_be_visible()
                first = page.locator(".incidents > li", has_text="incident in shop").first
                first.wait_for(timeout=60_000)
                first.get_by_role("link").click()
                expect(page.locator(".answer .state")).to_have_text("settled", timeout=60_000)
                expect(page.locator(".cause h3 code").first).to_have_text("orders")
                page.get_by_role("button", name="Right: it was orders").click()
                expect(page.locator(".said")).to_be_visible()
            demo.send_signal(signal.SIGINT)
            printed = output.read()
            assert 0 == demo.wait(60), printed
        finally:
            demo.kill()

    assert "What was really done: pool-leak in orders." in printed
    said = decode_feedback((tmp_path / "feedback.ndjson").read_bytes())
    assert "orders" == said.cause
    written = decode((tmp_path / "events.ndjson").read_bytes().splitlines()[0])
    assert "shop" == written.data.system


def renamed(world: World, incident: str, summary: str) -> Event:
    """The incident of the shop under another name, and with other words."""
    known = world.board.incidents.briefs()[0].incident
    event = decode(there(world.board.incidents.get(known)).event)
    data = msgspec.structs.replace(event.data, incident=incident, summary=summary)
    return msgspec.structs.replace(event, subject=incident, data=data)


def test_the_page_survives_a_restart_of_the_server(browser: Browser, shop: World) -> None:
    """It says that it is cut off, connects by itself, and shows what the new process knows."""
    boards = [Board(ManualClock(START), 0) for _ in range(2)]
    for board, name in zip(boards, ("before", "after"), strict=True):
        event = renamed(shop, name, f"It is {name}.")
        board.incidents.take(event, encode(event))
    with ExitStack() as first:
        ask = first.enter_context(served(boards[0]))
        with looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen:
            seen.expected = ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_CONNECTION_"]
            page = seen.page
            page.goto(f"{seen.origin}/")
            expect(page.get_by_text("It is before.")).to_be_visible()
            page.evaluate("window.kept = true")
            first.close()
            expect(page.get_by_text("not connected")).to_be_visible()
            with served(boards[1], port=ask.port):
                expect(page.get_by_text("It is after.")).to_be_visible()
                expect(page.get_by_text("● live")).to_be_visible()
                assert 0 == page.get_by_text("It is before.").count()
                assert page.evaluate("window.kept")


def answered(port: int) -> bool:
    """Whether there is room for one more stream."""
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("GET", "/api/v1/stream")
        return connection.getresponse().status == 200


def test_two_tabs_and_a_slow_client_follow_a_running_daemon(
    browser: Browser, tmp_path: Path, shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both tabs see the incident come, without a reload; who takes nothing is let go."""
    monkeypatch.setattr(stream, "MOST_STREAMS", 3)
    world = World(tmp_path, settings_of(tmp_path))
    world.put("shop", NAMES, shop_rows()[:150])
    world.read()
    with (
        served(world.board, patience_s=5.0) as ask,
        socket.socket() as slow,
        looked_at(browser, f"http://127.0.0.1:{ask.port}") as one,
        looked_at(browser, f"http://127.0.0.1:{ask.port}") as two,
    ):
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", ask.port))
        slow.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for seen in (one, two):
            seen.page.goto(f"{seen.origin}/")
            expect(seen.page.locator("td .phase")).to_have_text("watching")
            expect(seen.page.get_by_text("None so far.")).to_be_visible()
        assert not answered(ask.port)
        long = renamed(shop, "long", "word " * 80_000)  # more than a socket holds
        world.board.incidents.take(long, encode(long))
        world.put("shop", NAMES, shop_rows()[150:], first=150)
        world.read()
        for seen in (one, two):
            expect(seen.page.get_by_role("link", name="Likely cause")).to_be_visible()
            expect(seen.page.locator("td .phase")).to_have_text("settled")
        until(lambda: answered(ask.port))
