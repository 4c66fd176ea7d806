"""Recordings that are played, in a real Chromium: play, stop, go back, compare."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from browsers import HUGE, NARROW, WIDE, axe, harmless, looked_at, walked
from hostile import HOSTILE
from makers import NAMES, ONSET, shop_rows, write_recording
from played import played_under, playing
from playwright.sync_api import Browser, Page, expect
from served import START
from webhooks import alertmanager, fired

from coral.config import EngineConfig
from streams.series import MAX_NAME

STRICT = EngineConfig(false_alarms_per_week=1e-9, changes_per_week=1e-9)
MARKUP = "<img src=x onerror=evil()>"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded incident of the little shop: the database was deployed, an alert fired late."""
    home = write_recording(tmp_path_factory.mktemp("cases") / "shop", shop_rows())
    change = {"timestamp": START + ONSET - 5, "kind": "deployed", "entity": "db"}
    (home / "changes.json").write_text(json.dumps([change]))
    slow = fired(START + ONSET + 40)
    (home / "alerts.json").write_text(json.dumps([alertmanager(slow)]))
    return home


def marked(page: Page) -> list[str]:
    """What is marked on the timeline."""
    marks: list[str] = page.locator(".timeline .mark").evaluate_all(
        "found => found.map(mark => mark.dataset.mark)"
    )
    return marks


def moment(page: Page) -> float:
    return float(page.get_by_label("Moment").input_value())


def test_it_is_played_and_stopped(browser: Browser, shop: Path) -> None:
    """From the overview by a click; time goes on, stops, and is gone back to."""
    with (
        playing(played_under(shop, EngineConfig())) as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen,
    ):
        page = seen.page
        page.goto(f"{seen.origin}/")
        page.get_by_role("link", name="shop").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Replay of shop")
        expect(page.get_by_text("Nothing has been said so far.")).to_be_visible()
        page.get_by_label("Speed").select_option("1000")
        page.get_by_role("button", name="Play").click()
        expect(page.locator(".beside .state")).to_have_text("settled")
        expect(page.get_by_role("button", name="Play")).to_be_visible()  # it has ended
        assert START + 279 == moment(page)
        assert ["onset", "alarm", "change", "alert"] == marked(page)
        page.get_by_text("Changes and alerts until then (2)").click()
        expect(page.locator(".marks li").nth(1)).to_contain_text("Slow (page) fired at 22:17:20")
        page.get_by_role("button", name="Earlier news").click()
        later = moment(page)
        page.get_by_role("button", name="Earlier news").click()
        assert moment(page) < later
        page.get_by_label("Moment").fill(str(START + ONSET - 4))
        expect(page.get_by_text("Nothing has been said so far.")).to_be_visible()
        assert ["change"] == marked(page)
        expect(page.locator(".marks li")).to_have_count(1)
        page.get_by_role("button", name="Later news").click()
        expect(page.locator(".beside .state")).to_have_text("diagnosing")
        page.get_by_role("button", name="All of it").click()
        expect(page.locator(".moment .answer .state")).to_have_text("diagnosing")
        expect(page.locator(".moment .graph svg").first).to_be_visible()
        page.get_by_role("button", name="Close").click()
        assert 0 == page.locator(".moment").count()
        assert page.title() == "Replay of shop - CORAL"


def test_two_configurations_stand_side_by_side(browser: Browser, shop: Path) -> None:
    """Each says what it would have said at the moment; below, how far both agree."""
    with (
        playing(played_under(shop, EngineConfig(), STRICT)) as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen,
    ):
        page = seen.page
        page.goto(f"{seen.origin}/#/replay/0")
        page.get_by_label("Moment").fill(str(START + 279))
        one, two = (page.get_by_role("region", name=name, exact=True) for name in ("one", "two"))
        expect(one.locator(".state")).to_have_text("settled")
        boxes = [side.bounding_box() for side in (one, two)]
        assert boxes[0] is not None
        assert boxes[1] is not None
        assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
        expect(page.get_by_role("heading", name="Second configuration")).to_be_visible()
        assert 0 == page.locator("#shadow ~ * a").count()


def test_by_keyboard_alone(browser: Browser, shop: Path) -> None:
    """Played by the space bar, moved by the arrow keys, opened and read."""
    with (
        playing(played_under(shop, EngineConfig())) as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen,
    ):
        page = seen.page
        page.goto(f"{seen.origin}/#/replay/0")
        walked(page, "select-one")
        page.keyboard.press("Home")
        expect(page.get_by_label("Speed")).to_have_value("1")
        walked(page, "▶ Play", "Shift+Tab")
        page.keyboard.press("Space")
        expect(page.get_by_role("button", name="Pause")).to_be_focused()
        page.keyboard.press("Space")
        expect(page.get_by_role("button", name="Play")).to_be_focused()
        walked(page, "range")
        before = moment(page)
        page.keyboard.press("ArrowRight")
        assert before + 1 == moment(page)
        page.keyboard.press("End")
        assert START + 279 == moment(page)
        walked(page, "All of it")
        page.keyboard.press("Enter")
        page.locator(".moment .summary").wait_for()
        assert "moment" == page.evaluate("document.activeElement.className")


@pytest.mark.parametrize(
    ("size", "scheme"),
    [(WIDE, "light"), (NARROW, "dark"), (HUGE, "light")],
    ids=["wide", "narrow", "huge"],
)
def test_everybody_can_read_it(
    browser: Browser, shop: Path, size: tuple[int, int], scheme: str
) -> None:
    """No violation for axe, with an incident opened; nothing is wider than the page."""
    with (
        playing(played_under(shop, EngineConfig(), STRICT)) as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}", size, color_scheme=scheme) as seen,
    ):
        page = seen.page
        page.goto(f"{seen.origin}/#/replay/0")
        page.get_by_label("Moment").fill(str(START + 279))
        page.get_by_role("button", name="All of it").first.click()
        page.locator(".moment .graph svg").first.wait_for()
        assert [] == axe(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize("name", [*HOSTILE, MARKUP, "y" * 4096], ids=lambda name: ascii(name)[:24])
def test_a_name_is_shown_as_text(browser: Browser, tmp_path: Path, name: str) -> None:
    """Of the system, of entities, series, changes, alerts, and of a configuration."""
    bare = re.sub(r'[:",\r\n\x00]', "", name).strip()[:90] or "x"
    change = {"timestamp": START + ONSET - 5, "kind": "deployed", "entity": bare, "text": name}
    said = {"labels": {"alertname": name}, "annotations": {"summary": name}}
    alert = alertmanager(fired(START + ONSET + 40) | said)
    names = tuple(f"{bare}{i}:{bare}" for i in range(len(NAMES)))
    labels: dict[str, Any] = {
        "system": name[:MAX_NAME],
        "kpi": names[:1],
        "edges": [],
        "root_cause_entities": [],
    }
    home = write_recording(tmp_path / "case", shop_rows(), names=names, **labels)
    (home / "changes.json").write_text(json.dumps([change]))
    (home / "alerts.json").write_text(json.dumps([alert]))
    played = played_under(home, EngineConfig())
    played = played._replace(under=[each._replace(name=name) for each in played.under])
    with (
        playing(played) as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}", NARROW) as seen,
    ):
        page = seen.page
        page.goto(f"{seen.origin}/#/replay/0")
        page.get_by_label("Moment").fill(str(START + 279))
        page.get_by_role("button", name="All of it").first.click()
        expect(page.locator(".moment .summary")).to_be_visible()
        for summary in page.locator("summary").all():
            summary.click()
        assert {"change", "alert"} <= set(marked(page))
        harmless(page)


def test_what_is_not_played_here_is_said(browser: Browser, shop: Path) -> None:
    """No address of the page opens a folder."""
    with (
        playing(played_under(shop, EngineConfig())) as ask,
        looked_at(browser, f"http://127.0.0.1:{ask.port}") as seen,
    ):
        for name in ("1", "..%2F..%2Fetc", "-1"):
            seen.page.goto(f"{seen.origin}/#/replay/{name}")
            expect(seen.page.get_by_role("alert")).to_contain_text("no such recording here")
