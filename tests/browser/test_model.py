"""The model of a system in a real Chromium: series, their filters, and the graph over time."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from browsers import HUGE, NARROW, WIDE, axe, harmless, looked_at, walked
from hostile import HOSTILE
from makers import EDGES, NAMES, ONSET, shop_rows
from playwright.sync_api import Browser, expect
from served import START, World, served, settings_of, until

MARKUP = "<img src=x onerror=evil()>"


def world_of(home: Path, system: str, names: tuple[str, ...] = NAMES) -> World:
    edges = json.dumps([list(edge) for edge in EDGES])
    world = World(home, settings_of(home, flags=[f'systems."*".edges={edges}']))
    world.put(system, names, shop_rows()[:ONSET])
    world.read()
    return world


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[World]:
    """A shop of which a graph was kept before its database broke."""
    world = world_of(tmp_path, "shop")
    with world.running():
        world.daemon.models.keep({"shop": START + ONSET - 1})
        world.put("shop", NAMES, shop_rows()[ONSET:], ONSET)
        until(lambda: world.daemon.loop.records == 280)
        yield world


def test_series_and_edges(browser: Browser, shop: World) -> None:
    """From the overview by a click; filters count, words search, two times are compared."""
    with served(shop.board) as ask, looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen:
        page = seen.page
        page.goto(f"{seen.origin}/")
        page.get_by_role("link", name="Model of shop").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Model of shop")
        rows = page.get_by_role("group", name="Series", exact=True).locator("tbody tr")
        expect(rows).to_have_count(len(NAMES))
        page.get_by_role("searchbox").fill("DB")
        expect(rows).to_have_count(2)
        page.get_by_role("button", name="Silent (0)").click()
        expect(page.get_by_text("None fits.")).to_be_visible()
        expect(page.get_by_text("No series has left")).to_be_visible()
        edges = page.get_by_role("group", name="Edges that differ").locator("tbody tr")
        assert edges.count() > 0
        page.get_by_role("combobox").nth(1).select_option(index=1)
        expect(page.get_by_text("0 edges differ")).to_be_visible()
        assert page.title() == "Model of shop - CORAL"


def test_by_keyboard_alone(browser: Browser, shop: World) -> None:
    """From the overview into the model: filtered, searched, another time compared."""
    with served(shop.board) as ask, looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen:
        page = seen.page
        page.goto(f"{seen.origin}/")
        expect(page.get_by_role("link", name="Model of shop")).to_be_visible()
        walked(page, "model")
        page.keyboard.press("Enter")
        rows = page.get_by_role("group", name="Series", exact=True).locator("tbody tr")
        expect(rows).to_have_count(len(NAMES))
        walked(page, "Silent (0)")
        page.keyboard.press("Space")
        expect(page.get_by_text("None fits.")).to_be_visible()
        walked(page, "All", "Shift+Tab")
        page.keyboard.press("Enter")
        walked(page, "search")
        page.keyboard.type("db")
        expect(rows).to_have_count(2)
        for _ in range(2):
            walked(page, "select-one")
        page.keyboard.press("ArrowDown")
        expect(page.get_by_text("0 edges differ")).to_be_visible()
        assert "solid" == page.evaluate("getComputedStyle(document.activeElement).outlineStyle")


@pytest.mark.parametrize(
    ("size", "scheme"),
    [(WIDE, "light"), (NARROW, "dark"), (HUGE, "light")],
    ids=["wide", "narrow", "huge"],
)
def test_everybody_can_read_it(
    browser: Browser, shop: World, size: tuple[int, int], scheme: str
) -> None:
    """No violation for axe; nothing is wider than the page."""
    with (
        served(shop.board) as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}", size, color_scheme=scheme) as seen,
    ):
        page = seen.page
        page.goto(f"{seen.origin}/#/model/shop")
        page.locator("tbody tr").first.wait_for()
        assert [] == axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize("name", [*HOSTILE, MARKUP], ids=lambda name: ascii(name)[:24])
def test_a_name_is_shown_as_text(browser: Browser, tmp_path: Path, name: str) -> None:
    """Of systems, entities and series."""
    names = tuple(f"{name[:400].replace(':', '')}{i}:{name[:90]}" for i in range(len(NAMES)))
    world = world_of(tmp_path, name, names)
    with (
        world.running(),
        served(world.board) as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}", NARROW) as seen,
    ):
        page = seen.page
        page.goto(f"{seen.origin}/#/model/{quote(name, safe='')}")
        expect(page.locator("tbody tr").first).to_be_visible()
        harmless(page)


def test_what_is_not_watched_here_is_said(browser: Browser, shop: World) -> None:
    """A system of another process has its model there."""
    with served(shop.board) as ask, looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen:
        seen.expected = ["404"]
        seen.page.goto(f"{seen.origin}/#/model/nobody")
        expect(seen.page.get_by_role("alert")).to_contain_text("there is no such system here")
