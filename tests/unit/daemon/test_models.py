"""What the model of a system is made of: kinds, cadences, silences, and the graph over time."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from makers import EDGES, NAMES, ONSET, shop_rows
from served import START, TOPIC, World, served, settings_of, until
from typed import there

from coral.contract.events import unix
from coral.daemon import models as kept_models
from coral.daemon.models import MOST_KEPT
from streams.codec import encode_row

MORE = ("web:requests_total", "web:limit", "job:rows", "pay:old_bytes")


@pytest.fixture
def shop(tmp_path: Path) -> World:
    """A shop with a counter, a constant, a series with a value every third row, one that ends."""
    world = World(tmp_path, settings_of(tmp_path))
    rows = shop_rows(rows=ONSET + 40)
    t = np.arange(len(rows))
    more = np.column_stack(
        [
            10.0 * t,
            np.full(len(rows), 4.0),
            np.where(t % 3 == 0, np.sin(t), np.nan),
            np.where(t < 150, np.cos(t), np.nan),
        ]
    )
    world.put("shop", (*NAMES, *MORE), np.hstack([rows, more])[:ONSET])
    world.read()
    return world


def test_series_are_known_by_what_they_do(shop: World) -> None:
    """Kind, unit, cadence, newest value; silent is what has missed three that were due."""
    with served(shop.board) as ask, shop.running():
        model = ask("/api/v1/model?system=shop").json
    assert ("shop", "2023-11-14T22:16:39Z") == (model["system"], model["at"])
    series = {one["name"]: one for one in model["series"]}
    assert sorted((*NAMES, *MORE)) == list(series)
    assert ("counter", "", 1.0, False) == told(series["web:requests_total"])
    assert ("constant", "", 1.0, False) == told(series["web:limit"])
    assert ("level", "", 3.0, False) == told(series["job:rows"])
    assert ("level", "B", True) == (*told(series["pay:old_bytes"])[:2], True)
    assert ["pay:old_bytes"] == [name for name, one in series.items() if one["silent"]]
    assert "2023-11-14T22:15:49Z" == series["pay:old_bytes"]["last"]
    assert ([], None) == (model["kept"], model["change"])


def test_a_series_that_has_left_is_retired(tmp_path: Path) -> None:
    """With the time of the first row without it; it is none of the series any more."""
    minutes = '[systems."*"]\ninterval_s = 60\nkpi = ["web:latency_p95"]\n'
    world = World(tmp_path, settings_of(tmp_path, minutes))
    for t, row in enumerate(shop_rows(rows=320, fault=None)):
        there_now = len(NAMES) if t < 20 else len(NAMES) - 1
        value = encode_row("shop", START + 60 * t, NAMES[:there_now], row[:there_now])
        world.broker.produce(TOPIC, b"shop", value)
    world.read()
    with served(world.board) as ask, world.running():
        model = ask("/api/v1/model?system=shop").json
    (left,) = model["retired"]
    assert NAMES[-1] == left["name"]
    assert 260 * 60 <= unix(left["at"]) - START < 300 * 60
    assert sorted(NAMES[:-1]) == [one["name"] for one in model["series"]]


def told(one: dict[str, object]) -> tuple[object, ...]:
    cadence = one["cadence_s"]
    assert isinstance(cadence, float)
    return one["kind"], one["unit"], round(cadence, 1), one["silent"]


def test_the_graph_is_compared_with_earlier_ones(tmp_path: Path) -> None:
    """Every edge is new, gone, of another strength, or as it was; the times are those asked for."""
    edges = f'systems."*".edges={json.dumps(EDGES)}'
    world = World(tmp_path, settings_of(tmp_path, flags=[edges]))
    rows = shop_rows()
    world.put("shop", NAMES, rows[:ONSET])
    world.read()
    with served(world.board) as ask, world.running():
        world.daemon.models.keep({"shop": START + ONSET - 1})
        world.daemon.models.keep({"shop": START + ONSET})  # it is not an hour later
        same = ask("/api/v1/model?system=shop").json
        assert 1 == len(same["kept"])
        assert (same["edges"], []) == (same["change"]["same"], same["change"]["edges"])
        world.put("shop", NAMES, rows[ONSET:], ONSET)
        until(lambda: world.daemon.loop.records == len(rows))
        later = ask(f"/api/v1/model?system=shop&before={START + 1e6}").json
        past = ask(f"/api/v1/model?system=shop&after={START + ONSET}").json
        gone = [ask(f"/api/v1/model?system={name}").status for name in ("nobody", "")]
        bad = ask("/api/v1/model?system=shop&before=now").status
    change = later["change"]
    assert (same["kept"][0], later["at"]) == (change["before"], change["after"])
    counted = Counter(edge["change"] for edge in change["edges"])
    assert later["edges"] == change["same"] + counted["added"] + counted["changed"]
    assert same["edges"] == change["same"] + counted["removed"] + counted["changed"]
    assert counted["added"] > 0
    strengths = [abs((one["after"] or 0) - (one["before"] or 0)) for one in change["edges"]]
    assert sorted(strengths, reverse=True) == strengths
    assert [] == past["change"]["edges"]
    assert ([404, 404], 422) == (gone, bad)


def test_graphs_are_kept_in_bounds(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many of a system, the older the further apart; so many edges of all; the first stays."""
    models = shop.daemon.models
    monkeypatch.setattr(kept_models, "KEPT_EVERY_S", 0.5)
    with shop.running():
        for _ in range(MOST_KEPT + 6):
            models.keep({"shop": START + ONSET})
        model = there(models("shop", None, None))
        assert MOST_KEPT == len(model.kept)
        monkeypatch.setattr(kept_models, "MOST_EDGES", model.edges * 3)
        models.keep({"shop": START + ONSET})
        assert 3 == len(there(models("shop", None, None)).kept)
        models.keep({})
        assert [] == there(models("shop", None, None)).kept
