"""What a daemon answers: probes, systems, incidents; whatever names come, and whoever asks."""

import json
from pathlib import Path
from urllib.parse import quote

import jsonschema
import numpy as np
import pytest
from hostile import HOSTILE
from served import START, Reader, World, served, settings_of

from coral.contract.events import decode
from coral.contract.schema import json_schema
from coral.http.board import STANDS_STILL_S
from streams.clock import ManualClock


def test_a_system_is_shown_with_its_state(shop: World) -> None:
    """Phase, series, cadence, base, and what would be noticed."""
    with served(shop.board) as ask:
        listed = ask("/api/v1/systems").json["systems"]
        (one,) = listed
        alone = ask("/api/v1/systems/shop").json

    assert alone == one
    assert ("shop", "coral.metrics.v1", 0) == (one["system"], one["topic"], one["partition"])
    assert ("settled", 8, 1.0, False) == tuple(
        one[key] for key in ("phase", "series", "interval_s", "no_data")
    )
    assert ["web:latency_p95"] == one["health_signals"]
    assert 150 < one["base"]["rows"] <= 200
    assert one["base"]["age_s"] > 60
    assert one["reach"]
    assert (1.0, 2.0) == (one["pages"]["per_week"], one["changes"]["per_week"])


def test_an_incident_is_the_event_that_was_published(shop: World) -> None:
    """In short in the list, and byte by byte by its identifier."""
    published = shop.broker.records("coral.incidents.v1")[-1].value
    with served(shop.board) as ask:
        (one,) = ask("/api/v1/incidents").json["incidents"]
        whole = ask(f"/api/v1/incidents/{one['incident']}")
        system = ask("/api/v1/systems/shop").json

    assert published == whole.body
    assert "application/cloudevents+json; charset=UTF-8" == whole.headers["content-type"]
    jsonschema.validate(whole.json, json_schema())
    data = decode(whole.body).data
    assert (data.incident, data.summary, data.state) == (
        one["incident"],
        one["summary"],
        one["state"],
    )
    assert [cause.entity for cause in data.causes[:3]] == one["causes"]
    assert system["incident"] == one["incident"]


def test_the_process_as_a_whole(shop: World) -> None:
    """What `coral status` prints."""
    with served(shop.board) as ask:
        status = ask("/api/v1/status").json

    assert (True, True, []) == (status["alive"], status["ready"], status["reasons"])
    assert (280, {"settled": 1}) == (status["records"], status["phases"])
    assert [{"topic": "coral.metrics.v1", "partition": 0, "lag": 0}] == status["partitions"]


def test_what_is_not_there_is_said(shop: World) -> None:
    """In JSON, with the reason."""
    with served(shop.board) as ask:
        for path, status in {
            "/api/v1/systems/none": 404,
            "/api/v1/incidents/none": 404,
            "/nowhere": 404,
            "/api/v1/systems?limit=0": 422,
            "/api/v1/incidents?limit=x": 422,
            f"/api/v1/incidents?limit={'9' * 5000}": 422,
        }.items():
            answer = ask(path)
            assert status == answer.status, path
            assert answer.json["error"]


def test_lists_are_as_long_as_they_are_wanted(tmp_path: Path) -> None:
    """In pages by the name of a system; of incidents those of one system."""
    world = World(tmp_path, settings_of(tmp_path))
    for name in ("c", "a", "b"):
        world.put(name, ("web:x",), np.ones((3, 1)))
    world.read()
    with served(world.board) as ask:
        first = ask("/api/v1/systems?limit=2").json["systems"]
        rest = ask(f"/api/v1/systems?limit=2&after={first[-1]['system']}").json["systems"]
        none = ask("/api/v1/incidents?system=a").json["incidents"]

    assert [["a", "b"], ["c"]] == [[one["system"] for one in page] for page in (first, rest)]
    assert [] == none


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_comes_back_as_it_is(tmp_path: Path, name: str) -> None:
    """As JSON that nobody takes for anything else, found by its own address, in no label."""
    world = World(tmp_path, settings_of(tmp_path))
    world.put(name, (f"{name.replace(':', '')[:99]}:{name[:99]}",), np.ones((3, 1)))
    world.read()
    with served(world.board) as ask:
        listed = ask("/api/v1/systems")
        found = ask(f"/api/v1/systems/{quote(name, safe='')}")
        metrics = ask("/metrics").body.decode()

    assert [name] == [one["system"] for one in listed.json["systems"]]
    assert (200, name) == (found.status, found.json["system"])
    assert "application/json" == listed.headers["content-type"]
    assert "nosniff" == listed.headers["x-content-type-options"]
    assert not [line for line in metrics.splitlines() if len(line) > 300]
    assert "evil" not in metrics


def test_probes(tmp_path: Path) -> None:
    """In plain text, with the reason; alive is not ready, and standing still is neither."""
    clock = ManualClock(START)
    world = World(tmp_path, settings_of(tmp_path, flags=["http.ready_lag=3"]), clock)
    with served(world.board) as ask:
        assert (200, b"ok\n") == probe(ask, "/healthz")
        assert (503, b"starting\n") == probe(ask, "/readyz")
        world.daemon.loop.run_once()
        assert (200, b"ok\n") == probe(ask, "/readyz")
        world.put("shop", ("web:x",), np.ones((600, 1)))
        clock.sleep(1.0)
        world.daemon.loop.run_once()
        assert (503, b"100 records behind, at most 3\n") == probe(ask, "/readyz")
        world.read()
        assert (200, b"ok\n") == probe(ask, "/readyz")
        clock.sleep(STANDS_STILL_S + 1)
        assert (503, b"the loop has stood still for 91 s\n") == probe(ask, "/healthz")
        world.read()
        assert (200, b"ok\n") == probe(ask, "/healthz")
        world.board.stopping = lambda: True
        assert (503, b"stopping\n") == probe(ask, "/readyz")
        assert (200, b"ok\n") == probe(ask, "/healthz")


def probe(ask: Reader, path: str) -> tuple[int, bytes]:
    answer = ask(path)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    return answer.status, answer.body


def test_a_start_that_never_ends_is_not_alive(tmp_path: Path) -> None:
    """Kernels are compiled for some minutes at most."""
    clock = ManualClock(START)
    world = World(tmp_path, settings_of(tmp_path), clock)
    clock.sleep(601.0)

    assert ("starting for 601 s",) == world.board.alive().reasons


def test_everything_is_below_the_prefix(shop: World) -> None:
    """Behind a proxy that keeps it."""
    with served(shop.board, path_prefix="/a/b") as ask:
        found = [ask(f"/a/b{path}").status for path in ("/healthz", "/api/v1/systems/shop")]
        outside = ask("/healthz").status
        document = ask("/a/b/openapi.json").json

    assert ([200, 200], 404) == (found, outside)
    assert [{"url": "/a/b"}] == document["servers"]


def test_the_answers_of_a_process_that_has_read_nothing(tmp_path: Path) -> None:
    """Are there, and empty."""
    world = World(tmp_path, settings_of(tmp_path))
    with served(world.board) as ask:
        status = ask("/api/v1/status").json
        assert {"systems": []} == ask("/api/v1/systems").json
        assert {"incidents": []} == ask("/api/v1/incidents").json
        assert 200 == ask("/metrics").status

    assert (["starting"], None, []) == (status["reasons"], status["at"], status["partitions"])
    assert json.dumps(status)
