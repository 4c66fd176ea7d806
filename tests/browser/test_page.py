"""The page in a real Chromium: what is there, by mouse and by keyboard, and for whom."""

import json
import re
from pathlib import Path

import pytest
from browsers import HUGE, NARROW, WIDE, axe, looked_at, walked
from makers import NAMES, unfelt_rows
from playwright.sync_api import Browser, expect
from served import START, World, served, settings_of
from typed import there

from coral.contract.events import decode, encode
from coral.contract.feedback import Feedback
from coral.http.board import Board
from coral.http.state import Totals, nothing_watched
from coral.settings import Secret
from coral.settings.shadow import load_shadow
from coral.text import measured
from streams.clock import ManualClock

TOKEN = "0123456789abcdef"  # noqa: S105 - of nobody
SECTIONS = [
    "Timeline",
    "Causes",
    "Rank history",
    "Ways to the health signal",
    "Ruled out",
    "Seen before",
    "Statistics",
]


def incident(shop: World) -> str:
    return shop.board.incidents.briefs()[0].incident


def test_the_incident_from_top_to_bottom(browser: Browser, shop: World) -> None:
    """From the overview by a click: the answer first, then the parts in their order."""
    with served(shop.board) as ask, looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen:
        page = seen.page
        page.goto(f"{seen.origin}/")
        page.get_by_role("link", name="Likely cause").click()
        expect(page.locator(".summary strong")).to_have_text("Likely cause: db.")
        assert SECTIONS == page.locator("h2").all_inner_texts()
        expect(page.locator(".answer .tier")).to_have_attribute("data-tier", "likely")
        drawn = page.locator(".timeline .mark").evaluate_all(
            "found => found.map(m => m.dataset.mark)"
        )
        assert ["onset", "alarm", "settled"] == drawn
        assert 2 == page.locator(".timeline .panel").count()
        assert "db" == page.locator(".cause h3 code").first.inner_text()
        assert 1 <= page.locator(".ranks .rank-line").count() <= 8
        assert {"db", "web"} <= set(page.locator(".node .name").all_text_contents())
        assert "yes" in page.locator("path.edge[data-suspect]").evaluate_all(
            "found => found.map(e => e.dataset.suspect)"
        )
        assert page.title() == "likely: shop - CORAL"


def test_the_permalink_is_whole(browser: Browser, shop: World) -> None:
    """Below a prefix, without a visit before; an incident that is not there is said to be none."""
    with (
        served(shop.board, path_prefix="/ops/coral") as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen,
    ):
        seen.expected = ["404"]
        page = seen.page
        page.goto(f"{seen.origin}/ops/coral/#/incident/{incident(shop)}")
        expect(page.locator(".summary")).to_contain_text("Likely cause")
        page.goto(f"{seen.origin}/ops/coral/#/incident/nowhere")
        expect(page.get_by_role("alert")).to_have_text("there is no such incident")


def test_feedback_is_given_and_undone(browser: Browser, shop: World) -> None:
    """Right, wrong, what it was instead, and each taken back."""
    given: list[Feedback] = []

    def give(said: Feedback) -> str:
        given.append(said)
        return "topic coral.feedback.v1"

    with (
        served(shop.board, give=give) as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen,
    ):
        page = seen.page
        page.goto(f"{seen.origin}/#/incident/{incident(shop)}")
        page.get_by_role("button", name="Right: it was db").click()
        expect(page.get_by_text("Stored in topic coral.feedback.v1.")).to_be_visible()
        page.reload()
        expect(page.locator(".said")).to_have_text("✓ You said: it was db")
        page.get_by_role("button", name="Undo").click()
        page.get_by_role("button", name="Wrong", exact=True).click()
        expect(page.locator(".said")).to_have_text("✓ You said: it was not db")
        page.reload()
        expect(page.locator(".said")).to_have_text("✓ You said: it was not db")
        page.get_by_role("button", name="It was …").click()
        page.get_by_label("It was").select_option("pay")
        page.get_by_role("button", name="Say so").click()
        expect(page.locator(".said")).to_have_text("✓ You said: it was pay")
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_text("Taken back.")).to_be_visible()

    said = [("db", None), (None, None), (None, "db"), ("pay", None), (None, None)]
    assert said == [(each.cause, each.rejected) for each in given]


def test_it_is_taken_elsewhere(browser: Browser, shop: World) -> None:
    """As Markdown through the clipboard, as JSON in a file: the event, byte by byte."""
    with (
        served(shop.board) as ask,
        looked_at(
            browser,
            f"http://127.0.0.1:{ask.port}",
            permissions=["clipboard-read", "clipboard-write"],
        ) as seen,
    ):
        page = seen.page
        page.goto(f"{seen.origin}/#/incident/{incident(shop)}")
        page.get_by_role("button", name="Copy as Markdown").click()
        expect(page.get_by_text("Copied as Markdown.")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()").startswith("# Incident `")
        with page.expect_download() as download:
            page.get_by_role("button", name="Save as JSON").click()
        saved = download.value.path().read_bytes()
        assert ask(f"/api/v1/incidents/{incident(shop)}").body == saved


def test_a_token_is_asked_for_once_a_tab(browser: Browser, shop: World) -> None:
    """And what is wrong is asked for again; the address of the page stays as it is."""
    with (
        served(shop.board, token=Secret(TOKEN)) as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen,
    ):
        seen.expected = ["401"]
        page = seen.page
        page.goto(f"{seen.origin}/#/incident/{incident(shop)}")
        for token in ("0123456789abcdeX", TOKEN):
            page.get_by_label("Token").fill(token)
            page.get_by_role("button", name="Enter").click()
        expect(page.locator(".summary")).to_contain_text("Likely cause")
        page.reload()
        expect(page.locator(".summary")).to_contain_text("Likely cause")
        assert TOKEN not in page.url
        assert [] == page.context.cookies()


def test_by_keyboard_alone(browser: Browser, shop: World) -> None:
    """From the first key to the incident, along its timeline, and to the feedback."""
    with served(shop.board) as ask, looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen:
        page = seen.page
        page.goto(f"{seen.origin}/")
        expect(page.get_by_role("link", name="Likely cause")).to_be_visible()
        page.keyboard.press("Tab")
        assert "Skip to the content" == page.evaluate("document.activeElement.textContent")
        page.keyboard.press("Enter")
        walked(page, "Likely cause")
        page.keyboard.press("Enter")
        expect(page.locator(".summary")).to_be_visible()
        walked(page, "It was")
        page.keyboard.press("Enter")
        assert page.get_by_label("It was").is_visible()
        walked(page, "range")
        before = page.locator(".scrub .reading").inner_text()
        for _ in range(3):
            page.keyboard.press("ArrowLeft")
        after = page.locator(".scrub .reading").inner_text()
        assert before != after
        assert re.match(r"\d\d:\d\d:\d\d UTC · web:latency_p95: ", after)
        assert after == page.locator(".scrub input").get_attribute("aria-valuetext")
        assert "solid" == page.evaluate("getComputedStyle(document.activeElement).outlineStyle")


@pytest.mark.parametrize(
    ("size", "scheme"),
    [(WIDE, "light"), (NARROW, "dark"), (HUGE, "light")],
    ids=["wide", "narrow", "huge"],
)
def test_everybody_can_read_it(
    browser: Browser, shop: World, size: tuple[int, int], scheme: str
) -> None:
    """No violation for axe in any view; nothing is wider than the page."""
    with (
        served(shop.board) as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}", size, color_scheme=scheme) as seen,
    ):
        page = seen.page
        page.goto(f"{seen.origin}/")
        expect(page.locator("tbody tr")).to_have_count(1)
        for place, there in (("", ".incidents"), (f"incident/{incident(shop)}", ".graph svg")):
            page.goto(f"{seen.origin}/#/{place}")
            page.locator(there).first.wait_for()
            for summary in page.locator("summary").all():
                summary.click()
            page.wait_for_timeout(50)
            assert [] == axe(page)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= size[0], f"{place} is {wide} wide"


def test_numbers_read_as_everywhere(browser: Browser, shop: World) -> None:
    """In each unit, to the last digit as in the sentences of Python."""
    series = {"s": "a:b_seconds", "B": "a:b_bytes", "%": "a:b_pct", "/s": "a:b_per_s", "": "a:b"}
    values = [sign * 1.2345678 * 10.0**power for power in range(-9, 17) for sign in (1, -1)]
    values += [0.0, 0.9999999, 9999.9, 999.96, 10_000.0, 0.00012, 59.9, 1e15]
    cases = [(value, unit) for value in values for unit in series]
    with served(shop.board) as ask, looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen:
        seen.page.goto(f"{seen.origin}/")
        told = seen.page.evaluate(
            """async (cases) => {
              const home = document.querySelector("script").src.replace("app.js", "");
              const { measured } = await import(`${home}components/quantity.js`);
              return cases.map(([value, unit]) => measured(value, unit));
            }""",
            [list(case) for case in cases],
        )
    assert [measured(series[unit], value) for value, unit in cases] == told


def test_filters_and_search(browser: Browser, shop: World) -> None:
    """By kind and state, and by every word that is entered."""
    with served(shop.board) as ask, looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen:
        page = seen.page
        page.goto(f"{seen.origin}/")
        listed = page.locator(".incidents > li")
        expect(listed).to_have_count(1)
        filters = page.get_by_role("group", name="Filter of the incidents")
        search = page.get_by_role("searchbox", name="Search in incidents")
        filters.get_by_role("button", name="Changes (0)").click()
        expect(page.get_by_text("None fits.")).to_be_visible()
        filters.get_by_role("button", name="Open (1)").click()
        search.fill("DB shop likely")
        expect(listed).to_have_count(1)
        search.fill("db nowhere")
        expect(page.get_by_text("None fits.")).to_be_visible()


def test_systems_are_filtered_and_searched(browser: Browser, shop: World) -> None:
    """By what is wrong with them, and by every word; each row says how far it is from an alarm."""
    with served(shop.board) as ask, looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen:
        page = seen.page
        page.goto(f"{seen.origin}/")
        row = page.locator("tbody tr")
        expect(row).to_have_count(1)
        heads = page.get_by_role("group", name="Systems", exact=True).locator("th")
        told = dict(zip(heads.all_inner_texts(), row.locator("td").all_inner_texts(), strict=True))
        assert ("settled", "1 s", "8") == tuple(told[name] for name in ("phase", "every", "series"))
        assert re.fullmatch(r"\w+ .+ of .+", told["trigger, of its limit"].strip())
        assert re.fullmatch(r"\d+ rows, .+", told["base, age"])
        assert ("0 (1 a week)", "0") == (told["pages spent (felt)"], told["lag"])
        assert re.fullmatch(r"\d \(2 a week\)", told["changes spent (unfelt)"])
        filters = page.get_by_role("group", name="Filter of the systems")
        filters.get_by_role("button", name="No data (0)").click()
        expect(page.get_by_text("None fits.")).to_be_visible()
        filters.get_by_role("button", name="Open (1)").click()
        search = page.get_by_role("searchbox", name="Search in systems")
        search.fill("web:latency settled")
        expect(row).to_have_count(1)
        search.fill("nowhere")
        expect(page.get_by_text("None fits.")).to_be_visible()


def test_who_follows_topics_says_what_is_not_known(browser: Browser, shop: World) -> None:
    """Systems as their incidents tell of them, with their budgets; where the rest is."""
    known = shop.board.incidents.briefs()[0].incident
    event = decode(there(shop.board.incidents.get(known)).event)
    board = Board(ManualClock(START + 300), 0)
    board.beat()
    board.incidents.take(event, encode(event))
    board.snapshot = nothing_watched(START + 300, Totals(events=1))
    with served(board) as ask, looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen:
        page = seen.page
        page.goto(f"{seen.origin}/")
        expect(page.get_by_text("Its phase, cadence, base and lag")).to_be_visible()
        cells = page.locator("tbody tr td").all_inner_texts()
        assert ["shop", "incident settled", "1", "0"] == [cell.strip() for cell in cells[:4]]
        assert ["1 (1 a week)", "1 (2 a week)"] == cells[5:]
        page.get_by_role("searchbox", name="Search in systems").fill("nowhere")
        expect(page.get_by_text("None fits.")).to_be_visible()
        assert [] == axe(page)


def test_a_second_configuration_is_compared(browser: Browser, tmp_path: Path) -> None:
    """What both say of the same time, what differs, and a way to the one that is published."""
    settings_of(tmp_path)
    over = tmp_path / "second.toml"
    over.write_text('[systems."*"]\nkpi = []\n')  # all that is noticed pages
    second = load_shadow(over, tmp_path / "coral.toml")
    world = World(tmp_path, settings_of(tmp_path), shadow=second)
    world.put("shop", NAMES, unfelt_rows())
    world.read()
    with served(world.board) as ask, looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen:
        page = seen.page
        page.goto(f"{seen.origin}/")
        told = page.get_by_role("region", name="Second configuration of shop")
        expect(told).to_contain_text("Both saw 1, of which they differ on 1")
        cells = told.locator("tbody td")
        expect(cells.nth(1)).to_contain_text("change")
        expect(cells.nth(2)).to_contain_text("incident")
        expect(cells.nth(3)).to_contain_text("kind")
        assert [] == axe(page)
        told.get_by_role("link", name="change").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Change")


def test_colours_are_chosen_and_kept(browser: Browser, shop: World) -> None:
    """Against what the machine prefers."""
    with (
        served(shop.board) as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}", color_scheme="light") as seen,
    ):
        page = seen.page
        page.goto(f"{seen.origin}/")
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        for _ in range(2):
            page.get_by_role("button", name="Colours").click()
        page.get_by_role("button", name="Colours: dark").wait_for()
        dark = page.evaluate(ground)
        page.reload()
        page.get_by_role("button", name="Colours: dark").wait_for()
        assert light != dark == page.evaluate(ground)


def test_the_answers_of_the_page_are_those_of_the_api(browser: Browser, shop: World) -> None:
    """The page asks nothing that others could not ask."""
    with served(shop.board) as ask, looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen:
        asked: list[str] = []
        seen.page.on("request", lambda request: asked.append(request.url))
        seen.page.goto(f"{seen.origin}/#/incident/{incident(shop)}")
        seen.page.locator(".graph").wait_for()
        documented = json.loads(ask("/openapi.json").body)["paths"]
    paths = {url.removeprefix(seen.origin).replace(incident(shop), "{incident}") for url in asked}
    api = {path for path in paths if path.startswith("/api/")}
    assert {"/api/v1/stream"} == api - set(documented)
