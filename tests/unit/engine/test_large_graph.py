"""A graph too large for the row that opens an incident: its edges come with the next one."""

from dataclasses import replace

import numpy as np

from coral.config import SystemConfig
from coral.contract.events import Event, encode
from coral.engine import Engine
from coral.incident.policy import VERDICT
from coral.localise.convergence import revision_due
from streams.records import Frame

SERIES, ONSET = 120, 300
NAMES = tuple(f"e{i // 4}:m{i % 4}" for i in range(SERIES))
SYSTEM = SystemConfig(
    name="s",
    interval_s=1.0,
    kpi=("e0:m0",),
    edges=(("e1", "e0"), ("e29", "e0")),
    forbidden_edges=(("e5", "e4"), ("e4", "e5")),
)
AT_ONCE = replace(VERDICT, opening=replace(VERDICT.opening, graph_at_once=SERIES))


def frames() -> list[Frame]:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(ONSET + 40, SERIES))
    rows[1:, 1:] += 0.7 * rows[:-1, :-1]
    rows[ONSET:, 5] += 20.0
    return [Frame("s", float(t), NAMES, x) for t, x in enumerate(rows)]


def events(engine: Engine, some: list[Frame]) -> list[Event]:
    return [event for frame in some for event in engine.step(frame)]


def test_the_answer_is_whole_with_the_next_row() -> None:
    """And the same as that of a graph that is solved at once."""
    some = frames()
    found = events(Engine(SYSTEM, onset=ONSET), some)
    expected = events(Engine(SYSTEM, onset=ONSET, verdict=AT_ONCE), some)
    assert expected[0].data.graph
    assert expected[0].data.contradicted
    assert [[], []] == [found[0].data.graph, found[0].data.contradicted]
    assert expected[0].data.causes == found[0].data.causes
    for one, other in zip(expected[1:], found[1:], strict=True):
        assert one.time == other.time
        for name in ("graph", "contradicted", "causes", "summary", "state_seen", "history"):
            assert getattr(one.data, name) == getattr(other.data, name)


def test_edges_do_not_wait_for_a_ranking() -> None:
    """Late in an incident rankings are rows apart."""
    some, rows = frames(), 34
    engine = Engine(SYSTEM, onset=1e9)
    assert not events(engine, some[: ONSET + rows])
    [opened] = engine._begin_given("told", float(ONSET))
    assert not revision_due(opened.data.rows + 1)
    [told] = engine.step(some[ONSET + rows])
    assert [opened.data.rows, opened.data.entities] == [told.data.rows, told.data.entities]
    assert told.data.graph
    assert told.data.contradicted


def test_a_checkpoint_between_the_two_rows_changes_nothing() -> None:
    """What is left to do is stored."""
    some = frames()
    engine, twin = Engine(SYSTEM, onset=ONSET), Engine(SYSTEM, onset=ONSET)
    events(engine, some[: ONSET + 1])
    twin.load_state_dict(engine.state_dict())
    expected, found = (events(each, some[ONSET + 1 :]) for each in (engine, twin))
    assert [encode(event) for event in expected] == [encode(event) for event in found]
    assert expected[0].data.graph


def test_whoever_asks_is_told_all_of_it() -> None:
    """There is no next row for them."""
    engine = Engine(SYSTEM)
    events(engine, frames()[: ONSET + 2])
    answer = engine.ask(float(ONSET))
    assert answer is not None
    assert answer.data.graph
