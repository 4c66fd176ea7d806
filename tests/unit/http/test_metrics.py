"""Metrics: what is counted, what is bounded, and how it is written."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hostile import HOSTILE
from makers import NAMES, shop_rows, unfelt_rows
from prometheus_client.parser import text_string_to_metric_families
from served import START, TOPIC, Reader, World, served, settings_of, until
from typed import there

from coral.contract.events import Budget
from coral.http.histogram import BOUNDS, Stopwatch
from streams.clock import ManualClock


def values(ask: Reader) -> dict[str, float]:
    """Every sample, by its name and its labels."""
    return dict(samples(ask("/metrics").body.decode()))


def samples(text: str) -> Iterator[tuple[str, float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{k}="{v}"' for k, v in sorted(sample.labels.items()))
            yield f"{sample.name}{{{labels}}}" if labels else sample.name, sample.value


def is_stored(world: World) -> bool:
    """Whether a checkpoint is known to be stored, when everything was read."""
    world.read()
    return there(world.board.snapshot).checkpointing.at is not None


def test_an_incident_is_counted(tmp_path: Path) -> None:
    """With all that was read for it, in the terms of the configuration."""
    world = World(tmp_path, settings_of(tmp_path))
    world.put("shop", NAMES, shop_rows())
    world.put("calm", NAMES, shop_rows(fault=None, rows=100))
    until(lambda: is_stored(world))
    with served(world.board) as ask:
        found = values(ask)

    expected = {
        "coral_records_consumed_total": 380,
        "coral_rows_total": 380,
        "coral_ready": 1,
        "coral_alive": 1,
        f'coral_consumer_lag{{partition="0",topic="{TOPIC}"}}': 0,
        "coral_last_sample_timestamp_seconds": START + 279,
        'coral_systems{phase="settled"}': 1,
        'coral_systems{phase="watching"}': 1,
        "coral_systems_no_data": 0,
        "coral_series_active": 16,
        "coral_series_largest": 8,
        "coral_series_limit": 5000,
        'coral_incidents_opened_total{kind="incident"}': 1,
        'coral_incidents_felt_total{kind="incident"}': 1,
        'coral_incidents_opened_total{kind="change"}': 0,
        'coral_incidents_active{kind="incident"}': 1,
        "coral_tick_duration_seconds_count": 380,
        "coral_decode_duration_seconds_count": 380,
        "coral_checkpoint_failures_total": 0,
    }
    assert expected == {name: found.get(name) for name in expected}
    assert found["coral_base_age_seconds"] > 60
    assert found["coral_publish_duration_seconds_count"] >= 1
    assert found["coral_checkpoint_size_bytes"] > 1000
    assert found["coral_tick_duration_seconds_sum"] >= 0
    assert [name for name in found if name.startswith("coral_build_info{")]
    assert "process_resident_memory_bytes" in found


def test_a_change_that_is_felt_is_counted_as_both(tmp_path: Path) -> None:
    """First as what nobody felt, then as an incident."""
    world = World(tmp_path, settings_of(tmp_path))
    world.put("shop", NAMES, unfelt_rows(felt_at=230))
    world.read()
    with served(world.board) as ask:
        found = values(ask)

    assert [1, 0, 1, 1] == [
        found[f'coral_incidents_{what}_total{{kind="{kind}"}}']
        for kind in ("change", "incident")
        for what in ("opened", "felt")
    ]


def test_a_base_is_as_old_as_its_newest_normal_row(tmp_path: Path) -> None:
    """Its scale is taken anew from time to time; both stand still while an incident is open."""
    world, rows = World(tmp_path, settings_of(tmp_path)), shop_rows()
    age, refit = "coral_base_age_seconds", "coral_base_last_refit_timestamp_seconds"
    with served(world.board) as ask:
        world.put("shop", NAMES, rows[:20])
        world.read()
        first = values(ask)
        world.put("shop", NAMES, rows[20:150], first=20)
        world.read()
        normal = values(ask)
        world.put("shop", NAMES, rows[150:], first=150)
        world.read()
        during = values(ask)
        base = ask("/api/v1/systems/shop").json["base"]

    assert (0, None) == (first[age], first.get(refit))
    assert (0, START + 149) == (normal[age], normal[refit])
    assert [79, 79] == [during[age], base["age_s"]]
    assert START + 149 <= during[refit] <= START + 279
    assert base["refitted"]


def test_what_is_dropped_is_counted_by_reason(tmp_path: Path) -> None:
    """And never falls, whatever becomes of the systems."""
    settings = settings_of(tmp_path, flags=["limits.max_series=2", "limits.max_systems=2"])
    world = World(tmp_path, settings)
    world.put("shop", ("web:x", "web:y", "web:z"), np.ones((5, 3)))
    world.put("shop", ("web:x",), np.ones((1, 1)), first=1)
    world.put("shop", ("web:x",), np.ones((1, 1)), first=4)
    world.put("other", ("web:x",), np.ones((3, 1)))
    world.put("third", ("web:x",), np.ones((3, 1)))
    for value in (b"{", b"\xff", b'{"system": "shop", "timestamp": 1, "metrics": {"x": 1}}'):
        world.broker.produce(TOPIC, b"shop", value)
    world.read()
    with served(world.board) as ask:
        found = values(ask)
        assert (1, 1) == tuple(
            found[f'coral_samples_rejected_total{{reason="{reason}"}}']
            for reason in ("late", "duplicate")
        )
        assert 5 == found["coral_values_refused_total"]
        assert {"form": 2, "system": 3, "name": 1, "value": 0} == {
            kind: found[f'coral_dlq_messages_total{{reason="{kind}"}}']
            for kind in ("form", "system", "name", "value")
        }
        world.broker.leave("coral", world.source._member)
        world.read()
        without = values(ask)
    assert (5, 0) == (without["coral_values_refused_total"], without["coral_series_active"])


def test_what_is_forgotten_is_counted_by_reason(tmp_path: Path) -> None:
    """Series of pods that are gone, one that made room, and a system that made room."""
    settings = settings_of(tmp_path, flags=["limits.max_series=3", "limits.max_systems=1"])
    world = World(tmp_path, settings)
    world.put("junk", ("web:x",), np.ones((1, 1)))
    world.put("shop", ("web:x",), np.ones((20, 1)))
    world.put("shop", ("web:x", "pod-1:x", "pod-2:x"), np.ones((1, 3)), first=20)
    world.put("shop", ("web:x",), np.ones((100, 1)), first=21)
    world.put("shop", ("web:x", "pod-3:x"), np.ones((40, 2)), first=121)
    world.put("shop", ("web:x",), np.ones((4000, 1)), first=161)
    world.read()
    with served(world.board) as ask:
        found = values(ask)
        (shown,) = ask("/api/v1/systems").json["systems"]

    assert (2, 1) == tuple(
        found[f'coral_series_evicted_total{{reason="{reason}"}}']
        for reason in ("expired", "displaced")
    )
    assert ("shop", 2, 1) == (shown["system"], shown["expired"], shown["displaced"])
    assert 1 == found['coral_systems_evicted_total{reason="displaced"}']


def test_what_became_of_a_reload_is_seen(tmp_path: Path) -> None:
    """The start counts as accepted; the time is that of the configuration that holds."""
    clock = ManualClock(START)
    board = World(tmp_path, settings_of(tmp_path), clock).board
    seen = []
    with served(board) as ask:
        for accepted in (None, True, False):
            clock.sleep(10.0)
            if accepted is not None:
                board.reloaded(accepted=accepted)
            found = values(ask)
            seen.append(
                (
                    found['coral_config_reloads_total{result="accepted"}'],
                    found['coral_config_reloads_total{result="refused"}'],
                    found["coral_config_last_reload_successful"],
                    found["coral_config_last_reload_success_timestamp_seconds"] - START,
                )
            )

    assert [(0, 0, 1, 0), (1, 0, 1, 20), (1, 1, 0, 20)] == seen


def test_what_an_earlier_process_dropped_is_not_counted_again(tmp_path: Path) -> None:
    """A counter begins with the process; a checkpoint brings none."""
    settings = settings_of(tmp_path)
    first = World(tmp_path, settings)
    first.put("shop", ("web:x",), np.ones((5, 1)))
    first.put("shop", ("web:x",), np.ones((1, 1)), first=1)
    first.read()
    first.daemon.run(lambda: True)
    first.source.close()
    second = World(tmp_path, settings, broker=first.broker)
    second.put("shop", ("web:x",), np.ones((2, 1)), first=2)
    second.read()
    late = 'coral_samples_rejected_total{reason="late"}'
    with served(first.board) as before, served(second.board) as after:
        assert [1, 2] == [values(ask)[late] for ask in (before, after)]


def test_series_do_not_depend_on_names_and_numbers(tmp_path: Path) -> None:
    """Neither systems nor entities nor series nor incidents make a series of ours."""
    counts = set()
    for names in (HOSTILE[:1], HOSTILE):
        home = tmp_path / str(len(names))
        home.mkdir()
        world = World(home, settings_of(home))
        for name in names:
            world.put(name, (f"e:{name[:99]}",), np.ones((3, 1)))
        world.read()
        with served(world.board) as ask:
            text = ask("/metrics").body.decode()
        counts.add(len(list(samples(text))))
        assert "evil" not in text

    assert 1 == len(counts)
    assert max(counts) < 150


def test_it_is_written_as_the_reader_likes_it_best(tmp_path: Path) -> None:
    """Text, or OpenMetrics."""
    world = World(tmp_path, settings_of(tmp_path))
    with served(world.board) as ask:
        plain = ask("/metrics")
        open_metrics = ask("/metrics", accept="application/openmetrics-text; version=1.0.0")

    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert open_metrics.body.endswith(b"# EOF\n")


def test_durations_fall_into_their_buckets() -> None:
    """A bound belongs to the bucket below it; what is longer than all bounds is counted too."""
    watch = Stopwatch()
    for seconds in (0.0, BOUNDS[0], 2 * BOUNDS[0], BOUNDS[-1] + 1.0):
        watch.add(seconds)
    taken = watch.taken()
    watch.add(0.0)

    assert (2, 1, 1) == (taken.counts[0], taken.counts[1], taken.counts[-1])
    assert 4 == sum(taken.counts)
    assert taken.total == pytest.approx(3 * BOUNDS[0] + BOUNDS[-1] + 1.0)


@pytest.mark.parametrize(("weeks", "ratio"), [(0.1, 3.0), (6.0, 0.5)])
def test_the_budget_of_the_one_that_used_most(tmp_path: Path, weeks: float, ratio: float) -> None:
    """Three in the first days are three times what is allowed, in six weeks half of it."""
    clock = ManualClock(START)
    world = World(tmp_path, settings_of(tmp_path), clock)
    for name in ("a", "b"):
        world.put(name, ("web:x",), np.ones((3, 1)))
    world.read()
    held = there(world.board.snapshot)
    spent = Budget(
        per_week=1.0, alarms=3, watched_weeks=weeks, certified_per_week=None, calibrated=False
    )
    first = msgspec.structs.replace(held.systems[0], pages=spent)
    systems = (first, *held.systems[1:])
    world.board.snapshot = msgspec.structs.replace(held, systems=systems)
    with served(world.board) as ask:
        found = values(ask)

    assert ratio == found['coral_alarm_budget_used_ratio{kind="incident"}']
