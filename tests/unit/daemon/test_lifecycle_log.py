"""What the log says about the life of a daemon."""

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from makers import NAMES, run, shop_config, shop_rows, unfelt_rows

from coral.checkpoint import FileStore, Saver
from coral.contract.events import Screened
from coral.daemon.lifecycle_log import LifecycleLog, gap, waiting
from coral.engine import Engine
from coral.incident.sight import Phase, Sight
from streams.align.aligner import Aligner
from streams.clock import SystemClock
from streams.kafka import Gap
from streams.processing.dead_letters import DeadLetterPolicy, DeadLetters
from streams.records import Frame, Samples, TopicPartition


def seen() -> Sight:
    """What a system of which nothing is known could notice."""
    return Sight("watching", [], [], [], [], None)


def test_series_beyond_the_limit_are_counted_and_their_entities_named(
    logged: list[MutableMapping[str, Any]],
) -> None:
    """The one with most of them first."""
    aligner = Aligner(1.0, max_series=1)
    names = ("web:cpu", "pod-2:cpu", "pod-1:cpu", "pod-1:memory")
    aligner.push(Samples("shop", 1.0, names, np.ones(4)))
    aligner.push(Samples("shop", 2.0, names, np.ones(4)))
    clock = SystemClock()
    letters = DeadLetters(DeadLetterPolicy("dead"), clock)
    LifecycleLog(clock).report([aligner], letters)
    (line,) = logged

    assert "dropped_so_far" == line["event"]
    assert ["pod-1", "pod-2"] == line["most_refused"]
    assert line["refused"] > 0


def test_who_is_late_and_whose_clock_is_ahead_is_named(
    logged: list[MutableMapping[str, Any]],
) -> None:
    """With how much, and what would mend it."""
    aligner, value = Aligner(10.0), np.ones(1)
    came = [(one, 10.0 * k) for k in range(3) for one in "abc"]
    for one, time in [*came, ("c", 1.0), ("a", 330.0), ("b", 30.0), ("c", 30.0)]:
        aligner.push(Samples("shop", time, (f"{one}:cpu",), value))
    clock = SystemClock()
    LifecycleLog(clock).report([aligner], DeadLetters(DeadLetterPolicy("dead"), clock))
    (line,) = logged

    assert ["c 19 s (lateness_s 19, or its clock)"] == line["latest"]
    assert ["a 300 s"] == line["clocks_ahead"]


def test_what_the_graph_leaves_out_is_told_once(logged: list[MutableMapping[str, Any]]) -> None:
    """With the incident that opens, not with its revisions."""
    events = run(shop_rows())
    screened = Screened(series=5000, in_graph=1000, most_left_out=["node-7"])
    wide = [
        msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, screened=screened))
        for event in events
    ]
    LifecycleLog(SystemClock()).stepped(
        Frame("shop", 0.0, NAMES, np.ones(8)), "diagnosing", wide, seen
    )
    with_it = [line for line in logged if "series_left_out" in line]

    assert [("incident_opened", 4000, ["node-7"])] == [
        (line["event"], line["series_left_out"], line["most_left_out"]) for line in with_it
    ]


def test_one_line_says_everything_about_an_incident(logged: list[MutableMapping[str, Any]]) -> None:
    """The one of its resolution; those before it are short, and all have system and incident."""
    rows, broken = (shop_rows(rows=500, fault=fault) for fault in (None, "db"))
    rows[300:360] = broken[300:360]
    events = run(rows)
    LifecycleLog(SystemClock()).stepped(
        Frame("shop", 0.0, NAMES, np.ones(8)), "watching", events, seen
    )
    lines = [line for line in logged if "incident" in line]
    (last,) = [line for line in lines if line["event"] == "incident_resolved"]
    data = events[-1].data

    assert [
        "change_opened",
        "change_became_incident",
        "ranking_converged",
        "incident_resolved",
    ] == [line["event"] for line in lines if line["log_level"] == "info"]
    assert {(data.system, data.incident)} == {(line["system"], line["incident"]) for line in lines}
    assert {
        "log_level": "info",
        "event": "incident_resolved",
        "system": "shop",
        "incident": data.incident,
        "kind": "incident",
        "felt": [],
        "resolution": "back to normal",
        "onset": data.trigger.onset,
        "opened": data.trigger.time,
        "resolved": data.now,
        "tier": data.tier,
        "causes": [cause.entity for cause in data.causes[:3]],
        "revisions": len(events),
        "rows": data.rows,
        "converged_after_rows": data.convergence.rows,
    } == last


def test_phases_are_logged_when_they_change(logged: list[MutableMapping[str, Any]]) -> None:
    """Again after the system went away and came back; those of an incident are its events."""
    lifecycle, frame = LifecycleLog(SystemClock()), Frame("shop", 0.0, NAMES, np.ones(8))
    phases: tuple[Phase, ...] = ("warming", "warming", "watching", "diagnosing", "watching")
    for phase in phases:
        lifecycle.stepped(frame, phase, [], seen)
    lifecycle.lost(["shop"])
    lifecycle.stepped(frame, "watching", [], seen)

    assert ["warming", *["watching"] * 3] == [line["event"] for line in logged]
    assert ("shop", len(NAMES)) == (logged[0]["system"], logged[0]["series"])


def test_changes_and_incidents_have_events_of_their_own(
    logged: list[MutableMapping[str, Any]],
) -> None:
    """A change that is felt is told once."""
    frame, calm = Frame("shop", 0.0, NAMES, np.ones(8)), shop_rows(seed=1, rows=100, fault=None)
    for felt_at in (None, 212):
        rows = np.vstack([unfelt_rows(felt_at), calm])
        LifecycleLog(SystemClock()).stepped(frame, "settled", run(rows), seen)
    news = [
        (line["event"], line["kind"], line["felt"])
        for line in logged
        if line["log_level"] == "info" and line["event"] != "ranking_converged"
    ]

    assert [
        ("change_opened", "change", []),
        ("change_resolved", "change", []),
        ("change_opened", "change", []),
        ("change_became_incident", "incident", ["web:latency_p95"]),
        ("incident_resolved", "incident", []),
    ] == news


def test_a_phase_says_what_could_be_noticed(logged: list[MutableMapping[str, Any]]) -> None:
    """What is needed, what is reached, what never occurred, and the budgets."""
    lifecycle = LifecycleLog(SystemClock())
    systems = (
        shop_config(kpi=(), edges=()),
        shop_config(kpi=("web:latency_p95", "web:gone"), edges=(("web", "nobody"),)),
    )
    for config in systems:
        engine = Engine(config)
        for t, x in enumerate(shop_rows(rows=190, fault=None)):
            frame = Frame("shop", float(t), NAMES, x)
            events = engine.step(frame)
            lifecycle.stepped(frame, engine.phase, events, engine.sight)
        lifecycle.lost(["shop"])
    warming, blind, watching, _, named = logged

    assert ["warming", "blind", "watching"] == [line["event"] for line in logged[:3]]
    assert ["the other statistics begin after 47 more normal rows"] == warming["needed"]
    assert "warning" == blind["log_level"]
    assert "have no limit yet" in blind["needed"][0]
    assert "reach" not in blind
    assert "five series, for two rows" in watching["reach"][0]
    assert (0, 1.0) == (watching["pages"], watching["pages_per_week"])
    assert "changes" not in watching
    assert "`web:latency_p95` above" in named["reach"][0]
    assert (["web:gone"], ["nobody"]) == (named["absent_signals"], named["absent_entities"])
    assert (0, 2.0) == (named["changes"], named["changes_per_week"])


def test_a_gap_and_a_wait(logged: list[MutableMapping[str, Any]]) -> None:
    """Both offsets and what is lost between them; a topic made again has lost nothing."""
    gap(Gap(TopicPartition("t", 1), 100, 150))
    gap(Gap(TopicPartition("t", 1), 100, 0))
    waiting([TopicPartition("t", 1), TopicPartition("t", 0)])

    assert ["t[1]"] * 2 == [line["partition"] for line in logged[:2]]
    assert [(100, 150, 50), (100, 0, 0)] == [
        (line["wanted"], line["next"], line["lost"]) for line in logged[:2]
    ]
    assert ["t[0]", "t[1]"] == logged[2]["partitions"]
    assert {"warning"} == {line["log_level"] for line in logged}


def test_a_store_that_fails_is_logged_until_it_works_again(
    logged: list[MutableMapping[str, Any]], tmp_path: Path
) -> None:
    """Once for each checkpoint that is not stored, and once when one is."""
    store = FileStore(tmp_path / "state")
    saver, lifecycle = Saver(store), LifecycleLog(SystemClock())
    snapshot = {TopicPartition("t", 0): {"offset": 1}}
    (tmp_path / "state").write_text("no directory")
    for _ in range(2):
        saver.submit(snapshot)
        saver.wait()
        assert not lifecycle.saved(saver)
    (tmp_path / "state").unlink()
    for _ in range(2):
        saver.submit(snapshot)
        saver.wait()
        assert lifecycle.saved(saver)
    saver.close()

    assert [*["checkpoint_not_stored"] * 2, "checkpoints_stored_again"] == [
        line["event"] for line in logged
    ]
