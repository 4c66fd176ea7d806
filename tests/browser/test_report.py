"""The file of `coral report` in a real Chromium, opened as an attachment is: from a disk, alone."""

import re
from pathlib import Path

import pytest
from browsers import HUGE, NARROW, WIDE, axe, harmless, looked_at
from hostile import HOSTILE
from incidents import incident_event
from playwright.sync_api import Browser, expect

from coral.http.page.report_file import report_file
from coral.report.event_log import IncidentHistory

MARKUP = '"><img src=x onerror=evil()></script><script>evil()</script>'
DISK = "file://"


def written(home: Path, name: str = "db") -> str:
    """Address of the report of an incident in which everything is called `name`."""
    file = home / "incident.html"
    file.write_bytes(report_file(IncidentHistory(incident_event(name, name))))
    return file.as_uri()


@pytest.mark.parametrize("size", [NARROW, WIDE, HUGE], ids=str)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_drawn(browser: Browser, tmp_path: Path, size: tuple[int, int], scheme: str) -> None:
    """By its own script and style, under its own policy; nothing is fetched, axe finds nothing."""
    address = written(tmp_path)
    with looked_at(browser, DISK, size, color_scheme=scheme) as seen:
        page = seen.page
        page.goto(address)
        expect(page.locator(".timeline .mark").first).to_be_visible()
        assert 1 == page.locator("h1").count()
        drawn = page.locator(".timeline .mark").evaluate_all("ms => ms.map(m => m.dataset.mark)")
        assert ["onset", "alarm", "settled", "change", "alert"] == drawn
        expect(page.locator(".marks li")).to_have_count(3)
        expect(page.locator(".marks li").first).to_contain_text("(before what is drawn)")
        expect(page.locator(".summary")).to_contain_text("Possible cause: db")
        for there in (".spark svg", ".ranks svg", ".graph svg"):
            expect(page.locator(there).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert [] == axe(page)


@pytest.mark.parametrize("name", [*HOSTILE, MARKUP, "y" * 4096], ids=lambda name: ascii(name)[:24])
def test_a_name_is_shown_as_text(browser: Browser, tmp_path: Path, name: str) -> None:
    """Nothing runs, hides, or leaves its place."""
    with looked_at(browser, DISK, NARROW) as seen:
        page = seen.page
        page.goto(written(tmp_path, name))
        expect(page.locator(".graph svg").first).to_be_visible()
        for summary in page.locator("summary").all():
            summary.click()
        harmless(page, scripts=2)


def test_where_no_script_runs_it_is_read(browser: Browser, tmp_path: Path) -> None:
    """The whole case in sentences, as in Markdown."""
    with looked_at(browser, DISK, java_script_enabled=False) as seen:
        page = seen.page
        page.goto(written(tmp_path))
        assert 0 == page.locator("svg").count()
        expect(page.locator("#incident")).to_contain_text("2 s to 6 s before the health signal")
        titles = page.locator("h2").all_inner_texts()
        assert "Causes" in titles
        assert "Statistics" in titles


def test_a_script_that_was_added_does_not_run(browser: Browser, tmp_path: Path) -> None:
    """Whoever changes the file does not get past its policy."""
    address = written(tmp_path)
    file = tmp_path / "incident.html"
    added = "<script>window.hurt = true</script><style>body { color: red }</style></main>"
    file.write_text(file.read_text().replace("</main>", added))
    with looked_at(browser, DISK) as seen:
        seen.expected = ["Content Security Policy"]
        seen.page.goto(address)
        expect(seen.page.locator(".timeline .mark").first).to_be_visible()
        assert not seen.page.evaluate("window.hurt")
        assert 2 == len([said for said in seen.complaints if re.search("script|style", said)])
