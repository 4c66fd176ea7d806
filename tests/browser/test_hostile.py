"""Names that were thought of to hurt: through every view, as text."""

import json
from pathlib import Path

import msgspec
from browsers import NARROW, harmless, looked_at
from hostile import HOSTILE
from incidents import incident_event
from makers import NAMES, run, shop_config, shop_rows
from playwright.sync_api import Browser, expect
from served import START, World, served, settings_of
from typed import there

from coral.contract.events import Event, decode, encode, timestamp
from coral.http.board import Board
from coral.http.shadow import ShadowList, compared
from coral.http.state import Totals, nothing_watched
from coral.text import printable
from streams.clock import ManualClock

LONG = "y" * 4096
MARKUP = '"><img src=x onerror=evil()><svg onload=evil()>\\u202e'
SENTENCE = "v1. It is nobody"
NAMED = (*HOSTILE, MARKUP, SENTENCE, LONG)
PLACE = "PLACEHOLDER"
# Latin, mixed, all Cyrillic and Greek that passes for Latin, and what can be nothing but Russian.
SCRIPTS = (
    "orders",
    "p\u0430y",
    "\u0441\u0430\u0441\u04bb\u0435",
    "\u039f\u039a",
    "\uff44\uff42",
    "сайт",
)
SHOWN = """async (names) => {
  const place = new URL("components/prose.js", document.querySelector("script").src);
  const {printable} = await import(place);
  return names.map(printable);
}"""


def written(event: Event, name: str) -> bytes:
    """An event as anybody who may write into the topic could have made it."""
    return encode(event).replace(PLACE.encode(), json.dumps(name)[1:-1].encode())


def test_a_name_is_shown_as_text(browser: Browser) -> None:
    """In the overview, beside a second configuration, and in its incident, as what it is."""
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
    briefs = board.incidents.briefs()
    both = [compared(name, "7ad3befc", timestamp(START), briefs, briefs) for name in NAMED]
    board.shadow = ShadowList(both)
    with (
        served(board, give=lambda _: MARKUP) as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}", NARROW) as seen,
    ):
        page = seen.page
        page.goto(f"{seen.origin}/")
        expect(page.locator(".incidents > li")).to_have_count(len(NAMED))
        expect(page.locator("tbody tr").first).to_be_visible()
        expect(page.locator("#shadow ~ section")).to_have_count(len(NAMED))
        for n, name in enumerate(NAMED):
            harmless(page)
            page.goto(f"{seen.origin}/#/incident/{n:016x}")
            expect(page.locator("h1 code")).to_have_text(f"{n:016x}")
            if name == SENTENCE:  # no sentence ends within a name
                first = page.locator(".summary strong")
                expect(first).to_have_text(f"Likely cause: {SENTENCE}.")
            expect(page.locator(".graph svg").first).to_be_visible()
            expect(page.locator(".marks li")).to_have_count(3)
            for summary in page.locator("summary").all():
                summary.click()
            page.get_by_role("button", name="Right").click()
            expect(page.locator(".said")).to_be_visible()
        harmless(page)


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
        harmless(page)


def test_the_page_writes_names_as_all_texts_do(browser: Browser, tmp_path: Path) -> None:
    """What is hidden, or passes for another, is written out by both in the same way."""
    names = [*NAMED, *SCRIPTS, "-".join(SCRIPTS)]
    world = World(tmp_path, settings_of(tmp_path))
    with served(world.board) as ask, looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen:
        seen.page.goto(f"{seen.origin}/")
        shown = seen.page.evaluate(SHOWN, names)
    assert [printable(name) for name in names] == shown
    assert len(shown) == len(set(shown))
