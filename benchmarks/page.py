"""How quick the page is in a real Chromium: 500 incidents, 10,000 rows, 5,000 series, an hour.

First paint and interaction are those of the browser's own clock; memory is its heap after garbage
collection, in the first minute of a simulated hour and at its end.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from common import finish, options

ROOT: Final = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests")]

import numpy as np  # noqa: E402 - found by the line above, as the next ones
from browsers import chromium  # noqa: E402
from makers import NAMES, run, shop_config, shop_rows  # noqa: E402
from playwright.sync_api import Page  # noqa: E402
from served import START, served  # noqa: E402

from coral.contract.events import Event, encode, timestamp  # noqa: E402
from coral.http.board import Board  # noqa: E402
from coral.http.model import ModelSeries, SystemModel  # noqa: E402
from coral.http.tape import Recorded, Tape  # noqa: E402
from coral.http.timelines import NotedRow, WatchedSeries  # noqa: E402
from streams.clock import ManualClock  # noqa: E402
from streams.records import Frame  # noqa: E402

SERIES: Final = 5000
INCIDENTS: Final = 500
ROWS: Final = 10_000
REPLAYED: Final = 500  # revisions
REVISIONS: Final = 3600  # an hour, one a second
A_SECOND: Final = 20

PAINT: Final = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
# From an event to the frame after the one in which it was handled.
ACTED: Final = """async ([query, value]) => {
  const field = document.querySelector(query);
  const begun = performance.now();
  field.value = value;
  field.dispatchEvent(new Event('input', {bubbles: true}));
  await new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
  return performance.now() - begun;
}"""


def wide_event() -> Event:
    """Return an incident of a system of many series."""
    x = shop_rows()
    rng = np.random.default_rng(0)
    more = rng.normal(size=(len(x), SERIES - x.shape[1]))
    names = tuple(f"service{i // 10}:m{i % 10}" for i in range(more.shape[1]))
    return run(np.hstack([x, more]), names=NAMES + names, config=shop_config())[-1]


def renamed(event: Event, incident: str, revision: int = 1) -> Event:
    """Return an event as one of another incident."""
    data = msgspec.structs.replace(event.data, incident=incident, revision=revision)
    return msgspec.structs.replace(event, subject=incident, data=data)


def filled(event: Event) -> Board:
    """Return a board with many incidents, the newest of them long."""
    board = Board(ManualClock(START), 0)
    for n in range(INCIDENTS):
        one = renamed(event, f"incident{n:04}")
        board.incidents.take(one, encode(one))
    newest = one.data
    health = [WatchedSeries(metric.name) for metric in newest.health]
    board.timelines.watch(newest.system, health)
    board.timelines.follow(newest)
    rng = np.random.default_rng(0)
    for t, values in enumerate(rng.normal(size=(ROWS, len(health) + 1)).tolist()):
        board.timelines.note(newest.system, NotedRow(START + t, 1, 0.0, (*values,), (*values,)))
    return board


def model(names: Sequence[str]) -> SystemModel:
    """Return the model of a system of many series."""
    at = timestamp(START)
    series = [ModelSeries(name, "level", "", 1.0, at, False, True) for name in sorted(names)]
    return SystemModel("shop", at, ROWS, series, [], 0, [], None)


def played(event: Event) -> Recorded:
    """Return a recording of many rows, with a revision every twentieth."""
    system = shop_config()
    tapes = [Tape(name, name, system) for name in ("one", "two")]
    rng = np.random.default_rng(0)
    for t, row in enumerate(rng.normal(size=(ROWS, len(NAMES)))):
        said = []
        if t % (ROWS // REPLAYED) == 0:
            data = msgspec.structs.replace(event.data, revision=t + 1, now=timestamp(START + t))
            said = [msgspec.structs.replace(event, data=data)]
        for tape in tapes:
            tape.note(Frame("shop", START + t, NAMES, row), "diagnosing", said, None)
            tape.done = True
    return Recorded(0, "shop", system, ROWS, tapes)


def heap(page: Page) -> float:
    """Return the megabytes that the page's scripts hold, after garbage collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used: dict[str, Any] = session.send("Runtime.getHeapUsage")
    session.detach()
    return float(used["usedSize"]) / 1e6


def acted(page: Page, query: str, values: list[str]) -> float:
    """Return the longest milliseconds from an entry to its frame."""
    return max(float(page.evaluate(ACTED, [query, value])) for value in values)


def of_the_other_views(page: Page, at: str) -> dict[str, float]:
    """Return the figures of the model and of a replay."""
    figures: dict[str, float] = {}
    page.goto(f"{at}#/model/shop")
    page.reload()
    page.locator("tbody tr").first.wait_for()
    figures["model_first_paint_ms"] = page.evaluate(PAINT)
    figures["series_search_ms"] = acted(page, "#search-series", ["service1", "m9", "x", "", "db"])
    page.goto(f"{at}#/replay/0")
    page.reload()
    page.locator(".beside .timeline svg").nth(1).wait_for()
    figures["replay_first_paint_ms"] = page.evaluate(PAINT)
    moments = [str(START + t) for t in (100, 9000, 5000, 9999)]
    figures["replay_slider_ms"] = acted(page, ".player input", moments)
    return figures


def measured(revisions: int) -> dict[str, float]:
    """Return all figures."""
    event = wide_event()
    board = filled(event)
    many = model([f"service{i // 10}:m{i % 10}" for i in range(SERIES)])
    board.model = lambda _system, _before, _after: many
    figures: dict[str, float] = {}
    with served(board) as ask, chromium() as browser:
        at = f"http://127.0.0.1:{ask.port}/"
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(at)
        page.locator(".incidents > li").nth(100).wait_for()
        figures["overview_first_paint_ms"] = page.evaluate(PAINT)
        figures["search_ms"] = acted(page, "#search-incidents", ["d", "db", "db x", "", "shop"])
        page.goto(f"{at}#/incident/incident{INCIDENTS - 1:04}")
        page.reload()
        page.locator(".graph svg").first.wait_for()
        figures["incident_first_paint_ms"] = page.evaluate(PAINT)
        points = page.locator(".scrub input").get_attribute("max")
        figures["timeline_points"] = float(points or 0)
        figures["slider_ms"] = acted(page, ".scrub input", ["10", "400", "10", "200"])
        board.recorded = (played(event),)
        figures |= of_the_other_views(page, at)
        page.goto(f"{at}#/incident/incident{INCIDENTS - 1:04}")
        page.reload()
        page.locator(".graph svg").first.wait_for()
        for n in range(revisions):
            one = renamed(event, f"incident{INCIDENTS - 1:04}", 2 + n)
            board.incidents.take(one, encode(one))
            page.wait_for_timeout(1000 / A_SECOND)
            if n == revisions // 60:
                figures["heap_first_minute_mb"] = heap(page)
        figures["heap_after_an_hour_mb"] = heap(page)
        figures["nodes"] = page.evaluate("document.querySelectorAll('*').length")
    return figures


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "").parse_args()
    finish(chosen, measured(200 if chosen.quick else REVISIONS))


if __name__ == "__main__":
    main()
