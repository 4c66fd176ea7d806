"""The engine on a little shop with a known cause."""

import dataclasses
import json

import jsonschema
import numpy as np
import pytest
from makers import EDGES, NAMES, ONSET, run, shop_config, shop_rows
from typed import FloatArray

from coral.config import EngineConfig, digest
from coral.contract.events import Event, Incident, encode
from coral.contract.schema import SCHEMA as SCHEMA_FILE
from coral.engine import Engine
from detectors.policy import TRIGGER
from streams.records import Frame

SCHEMA = json.loads(SCHEMA_FILE.read_text())


def last(events: list[Event]) -> Incident:
    return events[-1].data


@pytest.mark.parametrize("fault", ["db", "pay"])
def test_the_cause_comes_first_when_the_onset_is_told(fault: str) -> None:
    """The component that was broken leads the ranking, with a path to the health signal."""
    data = last(run(shop_rows(fault=fault), onset=ONSET))
    assert data.causes[0].entity == fault
    assert data.causes[0].path[-1] == "web"
    assert data.trigger.source == "told"


@pytest.mark.parametrize("fault", ["db", "pay"])
def test_the_cause_comes_first_online(fault: str) -> None:
    """Nobody says when it began: one incident, opened soon after the onset, same answer."""
    events = run(shop_rows(fault=fault))
    opened = [e for e in events if e.type.endswith("opened.v1")]
    assert len(opened) == 1
    assert 0 <= opened[0].data.trigger.delay_s <= 10
    assert last(events).causes[0].entity == fault


def test_normal_state_opens_no_incident() -> None:
    """Rows without a fault give no event."""
    assert [] == run(shop_rows(rows=ONSET))


def test_every_event_is_valid_and_numbered() -> None:
    """Events follow the JSON Schema; ids are incident and revision, without holes."""
    for events in (run(shop_rows()), run(shop_rows(fault="pay"), onset=ONSET)):
        for event in events:
            jsonschema.validate(json.loads(encode(event)), SCHEMA)
        expected = [f"{events[0].subject}:{i}" for i in range(1, len(events) + 1)]
        assert expected == [event.id for event in events]


def test_the_engine_walks_through_its_phases() -> None:
    """Warming, watching, diagnosing, settled."""
    engine = Engine(shop_config())
    phases: list[str] = []
    for t, x in enumerate(shop_rows()):
        engine.step(Frame("shop", float(t), NAMES, x))
        if not phases or phases[-1] != engine.phase:
            phases.append(engine.phase)
    assert phases == ["warming", "watching", "diagnosing", "settled"]


def test_without_a_health_signal_an_engine_is_blind_at_first() -> None:
    """Until a statistic has a limit that something can reach."""
    engine = Engine(shop_config(kpi=(), edges=()))
    phases: list[str] = []
    for t, x in enumerate(shop_rows(rows=ONSET)):
        engine.step(Frame("shop", float(t), NAMES, x))
        if not phases or phases[-1] != engine.phase:
            phases.append(engine.phase)
    assert phases == ["warming", "blind", "watching"]


def recovering(
    rows: int = 900, faults: tuple[tuple[int, int], ...] = ((300, 360), (600, 660))
) -> FloatArray:
    """Rows with several faults, each followed by the normal state."""
    normal, faulty = shop_rows(seed=1, rows=ONSET), shop_rows(seed=2, rows=ONSET + 100)[ONSET:]
    x = np.vstack([shop_rows(seed=10 + i, rows=ONSET) for i in range(rows // ONSET + 1)])[:rows]
    assert len(normal) == ONSET
    for start, end in faults:
        x[start:end] = faulty[: end - start]
    return x


def test_a_series_of_incidents_is_a_series_of_incidents() -> None:
    """Two faults with normal state between give two incidents, each resolved."""
    events = run(recovering())
    kinds = [e.type.split(".")[3] + "." + e.type.split(".")[2] for e in events]
    subjects = list(dict.fromkeys(e.subject for e in events))
    assert len(subjects) == 2
    assert [s for s in subjects if any(e.subject == s and e.data.resolution for e in events)] == (
        subjects
    )
    assert {e.data.causes[0].entity for e in events if e.data.rows >= 10} == {"db"}
    assert kinds[0] == "opened.incident"


def test_a_lasting_change_becomes_the_new_normal() -> None:
    """A level that stays is accepted, said so, and does not alarm again."""
    rows = np.vstack([shop_rows(rows=ONSET), shop_rows(seed=3, rows=ONSET + 400)[ONSET:]])
    config = shop_config(interval_s=60.0)
    events = run(rows, config=config, times=range(0, 60 * len(rows), 60))
    resolutions = [e.data.resolution for e in events if e.data.resolution]
    assert resolutions[:1] == ["new normal accepted"]
    assert len({e.subject for e in events}) <= 2


def test_values_that_are_no_numbers_are_missing() -> None:
    """NaN and infinity in a third of the cells change neither cause nor validity."""
    rows = shop_rows()
    rng = np.random.default_rng(9)
    rows[rng.random(rows.shape) < 0.3] = np.nan
    rows[rng.random(rows.shape) < 0.02] = np.inf
    events = run(rows, onset=ONSET)
    assert last(events).causes[0].entity == "db"
    text = b"".join(encode(e) for e in events)
    assert b"NaN" not in text
    assert b"Infinity" not in text


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_an_onset_after_almost_no_history_is_survived(rows: int) -> None:
    """With next to no base an answer is given, but never a crash."""
    events = run(shop_rows()[ONSET - rows :], onset=float(rows))
    assert events
    for event in events:
        jsonschema.validate(json.loads(encode(event)), SCHEMA)


def test_one_series_alone() -> None:
    """A system of one series has one suspect."""
    rows = shop_rows()[:, [6]]
    data = last(run(rows, names=("db:cpu",), config=shop_config(kpi=()), onset=ONSET))
    assert [c.entity for c in data.causes] == ["db"]


def test_constant_series_only() -> None:
    """Where nothing ever moves there is no incident and no cause."""
    rows = np.ones((280, 3))
    names = ("a:x", "b:x", "c:x")
    assert [] == run(rows, names=names)
    data = last(run(rows, names=names, onset=ONSET))
    assert data.causes == []
    assert data.tier == "no clear cause"


def test_all_cells_missing() -> None:
    """A storm of missing cells is no incident by itself and breaks nothing."""
    rows = shop_rows()
    rows[100:150] = np.nan
    events = run(rows, onset=ONSET)
    assert last(events).causes[0].entity == "db"


def test_a_new_series_joins_the_running_ones() -> None:
    """A series that appears later neither resets the others nor mixes their indices."""
    rows = shop_rows()
    names = (*NAMES, "new:cpu")
    engine, events = Engine(shop_config(), onset=float(ONSET)), []
    for t, x in enumerate(rows):
        wide = t >= 120
        values = np.append(x, 0.5) if wide else x
        events += engine.step(Frame("shop", float(t), names if wide else NAMES, values))
    assert last(events).causes[0].entity == "db"


def test_a_series_that_appears_during_an_incident_waits() -> None:
    """The open incident goes on with the series it began with."""
    rows = shop_rows(rows=420)
    rows[260:] = shop_rows(seed=5, rows=160)
    names = (*NAMES, "new:cpu")
    engine, events = Engine(shop_config()), []
    for t, x in enumerate(rows):
        wide = t >= 220
        values = np.append(x, 0.5) if wide else x
        events += engine.step(Frame("shop", float(t), names if wide else NAMES, values))
    assert events[-1].data.resolution == "back to normal"
    assert "new" not in {s.name for s in events[-1].data.entities}
    assert engine.phase == "watching"


def test_known_edges_of_unknown_entities_are_ignored() -> None:
    """A topology may know more than the metrics do."""
    config = shop_config(edges=(*EDGES, ("db", "disk-array"), ("nobody", "nothing")))
    assert last(run(shop_rows(), config=config, onset=ONSET)).causes[0].entity == "db"


def test_memory_of_the_normal_state_is_bounded() -> None:
    """The baseline keeps `base_rows` rows and no more."""
    engine = Engine(shop_config(), EngineConfig(base_rows=64), onset=1e9)
    rows = shop_rows(rows=400)
    for t, x in enumerate(rows):
        engine.step(Frame("shop", float(t), NAMES, x))
    assert engine.baseline.n_rows == 64
    quarantine = 64 // 4  # a told onset may be late: the newest quarter is not learned yet
    learned = rows[-64 - quarantine : -quarantine]
    np.testing.assert_array_equal(learned, engine.baseline.rows()[0])


def test_the_first_row_after_an_incident_follows_none() -> None:
    """The rows of an incident are cut out; what is learned next has no known predecessor."""
    engine = Engine(shop_config())
    rows = recovering(rows=500, faults=((300, 340),))
    for t, x in enumerate(rows):
        engine.step(Frame("shop", float(t), NAMES, x))
    learned, adjacent = engine.baseline.rows()
    gaps = np.flatnonzero(~adjacent)
    assert gaps[0] == 0
    assert len(gaps) == 2
    np.testing.assert_array_equal(rows[: gaps[1]], learned[: gaps[1]])
    assert gaps[1] <= 300


def test_a_policy_is_part_of_the_digest() -> None:
    """Events of an experiment cannot be taken for those of the shipped configuration."""
    chosen = dataclasses.replace(TRIGGER, warmup_rows=TRIGGER.warmup_rows + 1)
    opened = []
    for policy in (TRIGGER, chosen):
        engine = Engine(shop_config(), onset=ONSET, trigger=policy)
        found = (engine.step(Frame("shop", float(t), NAMES, x)) for t, x in enumerate(shop_rows()))
        opened.append(next(events[0] for events in found if events))
    shipped, experiment = opened
    assert shipped.data.config == digest(EngineConfig(), shipped.data.engine, shop_config())
    assert shipped.data.config != experiment.data.config
    assert shipped.id != experiment.id
