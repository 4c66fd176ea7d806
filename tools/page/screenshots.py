"""Take the screenshots of docs/howto/page.md and README.md: the demo in a real Chromium.

`python tools/page/screenshots.py` writes docs/howto/figures/page/*.png, in few colours and small.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page

ROOT: Final = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests")]

from browsers import chromium  # noqa: E402 - found by the line above

OUT: Final = ROOT / "docs" / "howto" / "figures" / "page"
COLOURS: Final = 64
SHOTS: Final = (
    ("incident", (1180, 1130), "light"),
    ("incident-dark", (1180, 900), "dark"),
    ("incident-narrow", (400, 900), "light"),
    ("overview", (1180, 420), "light"),
)


@contextmanager
def demo(home: Path) -> Iterator[str]:
    """Yield the address of a demo whose recording has ended."""
    words = ["-m", "coral.cli.main", "demo", "--serve", "--port", "0", "--speed", "max"]
    with subprocess.Popen(
        [sys.executable, *words], cwd=home, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            address, output = "", process.stdout
            for line in output or ():
                found = re.match(r"The page: (\S+) ", line)
                address = found[1] if found else address
                if line.startswith("The recording has ended"):
                    break
            yield address
        finally:
            process.terminate()


def taken(browser: Browser, address: str, name: str, size: tuple[int, int], scheme: str) -> None:
    """Take one picture."""
    width, height = size
    page: Page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(address)
    page.locator("tbody tr").first.wait_for()
    if name != "overview":
        page.locator(".incidents a", has_text="Likely cause").first.click()
        page.locator(".graph svg").first.wait_for()
    page.wait_for_timeout(2000)  # until colours of what is new have faded
    path = OUT / f"{name}.png"
    page.screenshot(path=path)
    page.close()
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


def main() -> None:
    """Take all of them."""
    OUT.mkdir(parents=True, exist_ok=True)
    with chromium() as browser, demo(OUT) as address:
        for name, size, scheme in SHOTS:
            taken(browser, address, name, size, scheme)
    for left in ("events.ndjson", "feedback.ndjson"):
        (OUT / left).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
