"""Detectors of river as further statistics of the engine, on a recorded incident."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pytest
from typed import there

from coral.checkpoint.tree import pack, unpack
from coral.config import EngineConfig, SystemConfig, digest
from coral.contract.events import encode
from coral.contract.schema import SCHEMA
from coral.engine import Engine
from coral.report.onset_text import began
from streams.recorded.recording import Recording
from streams.records import Frame

RECORDING = Path(str(files("coral") / "recordings" / "pool-leak__orders"))
SETTINGS = (
    "river.drift.ADWIN",
    {"class": "river.drift.KSWIN", "window_size": 60, "stat_size": 20},
    {"class": "river.drift.PageHinkley", "delta": 0.5},
    "river.anomaly.HalfSpaceTrees",
)
Shop = tuple[list[Frame], dict[str, Any], SystemConfig]
NAMES = [one if isinstance(one, str) else str(one["class"]) for one in SETTINGS]


@pytest.fixture(scope="module")
def shop() -> Shop:
    """Eight series of the recording, health signals and cause among them, as frames."""
    recording = Recording.open(RECORDING)
    labels = json.loads((RECORDING / "incident.json").read_text())
    first = [*labels["kpi"], *labels["root_cause_metrics"]]
    names = tuple([*first, *(name for name in recording.names if name not in first)][:8])
    columns = [recording.names.index(name) for name in names]
    frames = [Frame("shop", time, names, x[columns]) for time, x in recording.rows()]
    edges = tuple(map(tuple, labels["edges"]))
    return frames, labels, SystemConfig(name="shop", interval_s=1.0, kpi=names[:2], edges=edges)


def engine_of(system: SystemConfig, *settings: dict[str, Any] | str, **others: Any) -> Engine:
    return Engine(system, EngineConfig(statistics=settings, **others))


def listening_to(engine: Engine, name: str | None) -> None:
    """Only this statistic may raise an alarm; None: no statistic may."""
    trigger = there(engine.trigger)
    used = [statistic == name for statistic in trigger.names]
    trigger._used[:] = trigger._gate.traits["used"] = used


@pytest.mark.parametrize("setting", SETTINGS, ids=NAMES)
def test_a_recorded_incident(setting: dict[str, Any] | str, shop: Shop) -> None:
    """Valid events, nothing felt before the fault, the same cause; the digest knows the setting.

    Ten minutes are no base for isolation trees: they tell of a change that nobody feels.
    """
    frames, labels, system = shop
    engine = engine_of(system, setting)
    events = [event for frame in frames[:700] for event in engine.step(frame)]

    for event in events:
        jsonschema.validate(json.loads(encode(event)), json.loads(SCHEMA.read_text()))
    start = str(np.datetime64(int(labels["fault_start"]), "s"))
    assert min(event.time for event in events if event.data.felt) >= start
    assert events[-1].data.causes[0].entity == "orders"
    assert events[-1].data.config == digest(engine.config, events[-1].data.engine, system)


@pytest.mark.parametrize("setting", SETTINGS, ids=NAMES)
def test_what_only_it_may_see(setting: dict[str, Any] | str, shop: Shop) -> None:
    """Its alarm is published under its name, with value, limit, onset and series like any other.

    After ten minutes, a row a second, an alarm a week is hardly to be had for any statistic.
    """
    frames, _, system = shop
    name = setting if isinstance(setting, str) else setting["class"]
    engine = engine_of(system, setting, changes_per_week=300.0)
    events = []
    for t, frame in enumerate(frames[:700]):
        x = frame.values.copy()
        x[2:6] += (t >= 530) * 40.0 * frames[0].values[2:6].std() + (t >= 530) * 5.0
        events += engine.step(Frame(frame.system, frame.time, frame.names, x))
        if t in (0, 529):
            listening_to(engine, name if t else None)
        if events:
            break
    trigger = events[0].data.trigger

    assert trigger.channel == name
    assert there(trigger.statistic) > there(trigger.threshold)
    assert there(trigger.p_value) < 1e-3
    assert trigger.series[0] in frames[0].names[2:6]
    assert f"The detector `{name}`, which the configuration adds, passed" in began(events[0].data)


def test_a_restored_engine_goes_on_identically(shop: Shop) -> None:
    """Byte for byte, from the warm-up, an open incident, and after it; as a checkpoint has it."""
    frames, _, system = shop
    settings = ("river.drift.ADWIN", {"class": "river.anomaly.HalfSpaceTrees", "window_size": 60})
    whole = engine_of(system, *settings)
    expected, saved = [], {}
    for t, frame in enumerate(frames):
        if t in (40, 333, 655, 700, 800):
            saved[t] = unpack(pack(whole.state_dict()), 1 << 30)
        expected.append([encode(event) for event in whole.step(frame)])
    assert sum(map(len, expected)) > 1
    for t, state in saved.items():
        engine = engine_of(system, *settings)
        engine.load_state_dict(state)
        told = [[encode(event) for event in engine.step(frame)] for frame in frames[t:]]
        assert expected[t:] == told, t
        assert pack(whole.state_dict()) == pack(engine.state_dict())


def test_a_statistic_may_be_added_and_taken_away(shop: Shop) -> None:
    """A checkpoint of another configuration is gone on with, as for every other setting."""
    frames, _, system = shop
    old = engine_of(system, "river.drift.ADWIN")
    for frame in frames[:400]:
        old.step(frame)
    state = unpack(pack(old.state_dict()), 1 << 30)
    for settings in ((), ("river.drift.PageHinkley", "river.drift.ADWIN")):
        engine = engine_of(system, *settings)
        engine.load_state_dict(state)
        events = [event for frame in frames[400:700] for event in engine.step(frame)]
        assert len({event.data.incident for event in events}) == 1


def test_the_digest_of_a_configuration_without_them_is_as_before() -> None:
    """Nothing of what is published changes for who does not use them."""
    config = EngineConfig()
    held = {key: value for key, value in msgspec.structs.asdict(config).items() if value != ()}
    text = msgspec.json.encode({"engine": held, "version": "1"}, order="sorted")

    assert digest(config, "1") == hashlib.sha256(text).hexdigest()[:12]
    assert digest(EngineConfig(statistics=("river.drift.ADWIN",)), "1") != digest(config, "1")
