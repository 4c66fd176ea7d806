"""Names that were thought of to hurt: through every view, as text."""

from pathlib import Path

import msgspec
import pytest
from browsers import NARROW, looked_at
from hostile import HOSTILE
from makers import NAMES, run, shop_config, shop_rows
from playwright.sync_api import Browser, expect
from served import START, World, served, settings_of
from typed import there

from coral.contract.events import Event, encode
from coral.http.board import Board
from streams.clock import ManualClock

LONG = "y" * 4096
MARKUP = '"><img src=x onerror=evil()><svg onload=evil()>\\u202e'
NAMED = (*HOSTILE, MARKUP, LONG)
HIDDEN = "[\\u0000-\\u0008\\u000b-\\u001f\\u007f\\u202a-\\u202e\\u2066-\\u2069\\u200b-\\u200f]"


def of(name: str, n: int) -> Event:
    """An incident of a system of this name, whose database and pay service have it too."""
    entity = name.replace(":", "")[:400]
    names = tuple(
        each.replace("db:", f"{entity}:").replace("pay:", f"{entity[:200]}2:") for each in NAMES
    )
    edges = (("web", f"{entity[:200]}2"), (f"{entity[:200]}2", entity))
    event = run(shop_rows(), names=names, config=shop_config(edges=edges))[-1]
    data = msgspec.structs.replace(event.data, system=name, incident=f"{n}{name}"[:500])
    return msgspec.structs.replace(event, subject=data.incident, data=data)


@pytest.mark.parametrize("name", NAMED, ids=lambda name: ascii(name)[:24])
def test_a_name_is_shown_as_text(browser: Browser, name: str) -> None:
    """In the overview and in its incident: nothing runs, hides, or leaves its place."""
    board, event = Board(ManualClock(START), 0), of(name, 1)
    board.incidents.take(event, encode(event))
    with (
        served(board, give=lambda _: name) as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}", NARROW) as seen,
    ):
        page = seen.page
        page.add_init_script("window.evil = () => { window.hurt = true; };")
        page.goto(f"{seen.origin}/")
        page.get_by_role("link", name="cause").first.click()
        expect(page.locator(".graph svg").first).to_be_visible()
        for summary in page.locator("summary").all():
            summary.click()
        page.get_by_role("button", name="Right").click()
        expect(page.locator(".said")).to_be_visible()
        assert not page.evaluate("window.hurt")
        assert 1 == page.locator("script").count()
        assert 0 == page.locator("#page img, #page iframe, #page [onload], #page [onerror]").count()
        assert page.evaluate(f"document.body.innerText.match(/{HIDDEN}/)") is None
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]


def test_systems_of_such_names_are_listed(browser: Browser, tmp_path: Path) -> None:
    """All of them, each in a row of its own."""
    world = World(tmp_path, settings_of(tmp_path))
    sent = [name for name in NAMED if name.strip()]
    for name in sent:
        world.put(name, NAMES, shop_rows(rows=5))
    world.read()
    with served(world.board) as ask, looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen:
        page = seen.page
        page.goto(f"{seen.origin}/")
        kept = [state.system for state in there(world.board.snapshot).systems]
        expect(page.locator("tbody tr")).to_have_count(len(kept))
        assert len(kept) >= len(sent) - 2
        assert page.evaluate(f"document.body.innerText.match(/{HIDDEN}/)") is None
