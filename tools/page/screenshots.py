"""Take the screenshots of docs/howto/page.md and README.md: demo and replay in a real Chromium.

`python tools/page/screenshots.py` writes docs/howto/figures/page/*.png, in few colours and small.
"""

import re
import subprocess
import sys
import tempfile
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
MOMENT: Final = 1_795_351_560  # of the recording, some minutes into its incident
VIEWS: Final = ("overview", "incident", "model", "replay")
KINDS: Final = {"": (1180, "light"), "-dark": (1180, "dark"), "-narrow": (400, "light")}
HEIGHTS: Final = {"overview": 460, "incident": 1130, "model": 900, "replay": 900}
RECORDING: Final = ROOT / "coral" / "recordings" / "pool-leak__orders"
# What a second configuration could be: another topology, in which nothing calls anything.
SECOND: Final = (
    '[engine]\nchanges_per_week = 0.001\n[systems."*"]\nedges = [["clients", "gateway"]]\n'
)


@contextmanager
def serving(home: Path, ended: str, *words: str) -> Iterator[str]:
    """Yield the address of a command that serves the page, once it has said what ends it."""
    command = [sys.executable, "-m", "coral.cli.main", *words, "--port", "0"]
    with subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, text=True) as process:
        try:
            address, output = "", process.stdout
            for line in output or ():
                found = re.match(r"The page: ([^\s#]+)", line)
                address = found[1] if found else address
                if ended in line:
                    break
            yield address
        finally:
            process.terminate()


def taken(browser: Browser, address: str, view: str, kind: str) -> None:
    """Take one picture."""
    width, scheme = KINDS[kind]
    page: Page = browser.new_page(
        viewport={"width": width, "height": 900 if kind else HEIGHTS[view]},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(f"{address}#/replay/0" if view == "replay" else address)
    if view == "replay":
        page.get_by_label("Moment").fill(str(MOMENT))
    else:
        page.locator("tbody tr").first.wait_for()
    if view == "incident":
        page.locator(".incidents a", has_text="Likely cause").first.click()
        page.locator(".graph svg").first.wait_for()
    if view == "model":
        page.get_by_role("link", name="Model of shop").click()
        page.locator("tbody tr").first.wait_for()
        page.get_by_role("searchbox").fill("orders")
    page.wait_for_timeout(2000)  # until colours of what is new have faded
    path = OUT / f"{view}{kind}.png"
    page.screenshot(path=path)
    page.close()
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")


def main() -> None:
    """Take all of them."""
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made, chromium() as browser:
        home = Path(made)
        (home / "other.toml").write_text(SECOND)
        demo = serving(home, "has ended", "demo", "--serve", "--speed", "120")
        played = ("replay", str(RECORDING), "--serve", "--shadow", "other.toml")
        replay = serving(home, "other.toml: ", *played)
        with demo as shown, replay as recording:
            for view in VIEWS:
                for kind in KINDS:
                    taken(browser, recording if view == "replay" else shown, view, kind)


if __name__ == "__main__":
    main()
