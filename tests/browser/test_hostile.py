"""Names that were thought of to hurt: through every view, as text."""

import json
from pathlib import Path

import msgspec
from browsers import NARROW, looked_at
from hostile import HOSTILE
from incidents import incident_event
from makers import NAMES, run, shop_config, shop_rows
from playwright.sync_api import Browser, Page, expect
from served import START, World, served, settings_of
from typed import there

from coral.contract.events import Event, decode, encode
from coral.http.board import Board
from coral.http.state import Totals, nothing_watched
from streams.clock import ManualClock

LONG = "y" * 4096
MARKUP = '"><img src=x onerror=evil()><svg onload=evil()>\\u202e'
NAMED = (*HOSTILE, MARKUP, LONG)
HIDDEN = "[\\u0000-\\u0008\\u000b-\\u001f\\u007f\\u202a-\\u202e\\u2066-\\u2069\\u200b-\\u200f]"


PLACE = "PLACEHOLDER"


def written(event: Event, name: str) -> bytes:
    """An event as anybody who may write into the topic could have made it."""
    return encode(event).replace(PLACE.encode(), json.dumps(name)[1:-1].encode())


def test_a_name_is_shown_as_text(browser: Browser) -> None:
    """In the overview and in its incident: nothing runs, hides, or leaves its place."""
    names = tuple(each.replace("db:", f"{PLACE}:") for each in NAMES)
    config = shop_config(edges=(("web", "pay"), ("pay", PLACE)), name=PLACE)
    event = run(shop_rows(), names=names, config=config)[-1]
    beside = incident_event(PLACE).data  # what others did to it, and said
    told = {"alerts": beside.alerts, "change_events": beside.change_events}
    event = msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, **told))
    board = Board(ManualClock(START), 0)
    board.snapshot = nothing_watched(START, Totals())  # systems are those of the incidents
    for n, name in enumerate(NAMED):
        encoded = written(event, name).replace(event.subject.encode(), f"{n:016x}".encode())
        board.incidents.take(decode(encoded), encoded)
    with (
        served(board, give=lambda _: MARKUP) as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}", NARROW) as seen,
    ):
        page = seen.page
        page.add_init_script("window.evil = () => { window.hurt = true; };")
        page.goto(f"{seen.origin}/")
        expect(page.locator(".incidents > li")).to_have_count(len(NAMED))
        expect(page.locator("tbody tr").first).to_be_visible()
        for n in range(len(NAMED)):
            harmless(page)
            page.goto(f"{seen.origin}/#/incident/{n:016x}")
            expect(page.locator("h1 code")).to_have_text(f"{n:016x}")
            expect(page.locator(".graph svg").first).to_be_visible()
            expect(page.locator(".marks li")).to_have_count(3)
            for summary in page.locator("summary").all():
                summary.click()
            page.get_by_role("button", name="Right").click()
            expect(page.locator(".said")).to_be_visible()
        harmless(page)


def harmless(page: Page) -> None:
    """Nothing has run, nothing is hidden, nothing is wider than the page."""
    assert not page.evaluate("window.hurt")
    assert 1 == page.locator("script").count()
    assert 0 == page.locator("#page :is(img, iframe, [onload], [onerror])").count()
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
