"""A real Chromium for the tests, and pages of which every complaint fails the test."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from debian import installed
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

# A machine that does other things too is no reason to fail.
expect.set_options(timeout=30_000)

AXE = Path(__file__).parent / "browser" / "vendor" / "axe-core" / "axe.min.js"
WIDE, NARROW, HUGE = (1280, 900), (400, 800), (3840, 2160)
# Characters that hide something, or turn what is around them.
HIDDEN = "[\\u0000-\\u0008\\u000b-\\u001f\\u007f\\u202a-\\u202e\\u2066-\\u2069\\u200b-\\u200f]"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; without its sandbox where we are root, as it refuses to start there."""
    path = installed("chromium", "chromium")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=[*root, "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


class Watched:
    """A page of which every error, and every request to somebody else, is kept.

    A violation of the policy is an error of the console.
    """

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.page: Page = context.new_page()
        self.origin = origin
        self.complaints: list[str] = []
        self.expected: list[str] = []  # parts of complaints that the test provokes
        self.page.add_init_script("window.evil = () => { window.hurt = true; };")
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if (
            parts.scheme not in ("data", "blob")
            and f"{parts.scheme}://{parts.netloc}" != self.origin
        ):
            self.complaints.append(f"asked of somebody else: {url}")

    def checked(self) -> None:
        """Fail with what was not as it must be."""
        found = [c for c in self.complaints if not any(part in c for part in self.expected)]
        assert [] == found


@contextmanager
def looked_at(
    browser: Browser, origin: str, size: tuple[int, int] = WIDE, **options: Any
) -> Iterator[Watched]:
    """Yield a page in a context of its own; whatever it complained about fails the test."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    context.set_default_timeout(30_000)
    try:
        watched = Watched(context, origin)
        yield watched
        watched.checked()
    finally:
        context.close()


def harmless(page: Page, scripts: int = 1) -> None:
    """No name has run, hides anything, became an element, or is wider than the page."""
    assert not page.evaluate("window.hurt")
    assert scripts == page.locator("script").count()
    assert 0 == page.locator("body :is(img, iframe, [onload], [onerror])").count()
    assert page.evaluate(f"document.body.innerText.match(/{HIDDEN}/)") is None
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def walked(page: Page, text: str, key: str = "Tab") -> None:
    """Press a key until something that begins so, or is of this type, has the focus."""
    focused = "[document.activeElement.textContent.trim(), document.activeElement.type ?? '']"
    for _ in range(60):
        page.keyboard.press(key)
        if any(told.startswith(text) for told in page.evaluate(focused)):
            return
    raise AssertionError(text)


def axe(page: Page) -> list[str]:
    """What axe-core finds against the rules of WCAG 2.2 A and AA, and its best practices."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {each['help']}: {node['html'][:200]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
