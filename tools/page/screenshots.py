"""Take the screenshots of docs/howto/page.md and README.md: demo and replay in a real Chromium.

`python tools/page/screenshots.py` writes docs/howto/figures/page/*.png, in few colours and small.
"""

import json
import re
import shutil
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
from webhooks import alertmanager, fired  # noqa: E402

OUT: Final = ROOT / "docs" / "howto" / "figures" / "page"
COLOURS: Final = 64
MOMENT: Final = 1_795_351_560  # of the recording, some minutes into its incident
DEMO: Final = ("overview", "incident", "model")
VIEWS: Final = (*DEMO, "replay", "marks")
KINDS: Final = {"": (1180, "light"), "-dark": (1180, "dark"), "-narrow": (400, "light")}
HEIGHTS: Final = {"overview": 680, "incident": 1130, "marks-narrow": 1400}
RECORDING: Final = ROOT / "coral" / "recordings" / "pool-leak__orders"
# What was really done to it, told as a change event, and what a rule on errors would have raised.
DONE: Final = {"timestamp": 1_795_351_441, "kind": "modified", "entity": "orders"}
TEXT: Final = "connections of the pool are not given back"
SLOW: Final = fired(1_795_351_546, alertname="GatewayErrors")
SAID: Final = {"annotations": {"summary": "errors for more than a minute"}}
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
        viewport={"width": width, "height": HEIGHTS.get(f"{view}{kind}", 900)},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(address if view in DEMO else f"{address}#/replay/0")
    if view not in DEMO:
        page.get_by_label("Moment").fill(str(MOMENT))
    else:
        page.locator("tbody tr").first.wait_for()
    if view == "incident":
        page.locator(".incidents a", has_text="Likely cause").last.click()
        page.locator(".graph svg").first.wait_for()
    if view == "model":
        page.get_by_role("link", name="Model of shop").click()
        page.locator("tbody tr").first.wait_for()
        page.get_by_role("searchbox").fill("orders")
    if view == "marks":
        page.get_by_role("button", name="All of it").first.click()
        page.locator(".moment .graph svg").first.wait_for()
    page.wait_for_timeout(2000)  # until colours of what is new have faded
    path = OUT / f"{view}{kind}.png"
    if view == "marks":
        page.get_by_role("region", name="Timeline").screenshot(path=path)
    else:
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
        shutil.copytree(RECORDING, home / RECORDING.name)
        (home / RECORDING.name / "changes.json").write_text(json.dumps([DONE | {"text": TEXT}]))
        (home / RECORDING.name / "alerts.json").write_text(json.dumps([alertmanager(SLOW | SAID)]))
        demo = serving(home, "has ended", "demo", "--serve", "--speed", "120")
        played = ("replay", RECORDING.name, "--serve", "--shadow", "other.toml")
        replay = serving(home, "other.toml: ", *played)
        with demo as shown, replay as recording:
            for view in VIEWS:
                for kind in KINDS:
                    taken(browser, shown if view in DEMO else recording, view, kind)


if __name__ == "__main__":
    main()
