"""Change events and the engine: what is told of them, what they support, what they explain."""

from collections.abc import Sequence

import numpy as np
import pytest
from typed import FloatArray

from coral.config import SystemConfig
from coral.contract.changes import ChangeEvent, ChangeKind
from coral.contract.events import Event, Incident, encode
from coral.engine import Engine
from streams.records import Frame

NAMES = ("web:latency_p95", "db:memory_mb", "db:open_fds", "cart:memory_mb", "cart:io", "cart:cpu")
EDGES = (("web", "cart"), ("web", "db"))
ROWS, AT, MINUTE = 300, 200, 60.0
DB, CART = [1, 2], [3, 4]


def normal(seed: int = 0) -> FloatArray:
    """Rows of six series of which the first is a latency of about a tenth of a second."""
    x = np.random.default_rng(seed).normal(size=(ROWS, len(NAMES)))
    x[:, 0] = 0.1 + 0.01 * x[:, 0]
    return x


def done(entity: str | None, row: float, kind: ChangeKind = "deployed") -> ChangeEvent:
    """Something was done to an entity, or to all of the system, in a row."""
    entities = () if entity is None else (entity,)
    time = row * MINUTE
    return ChangeEvent(system="shop", entities=entities, kind=kind, time=time, text="v1.42")


def shop(kpi: tuple[str, ...] = NAMES[:1]) -> Engine:
    """Return the engine of a shop whose health signal is the latency of its web server."""
    return Engine(SystemConfig(name="shop", interval_s=MINUTE, kpi=kpi, edges=EDGES))


def fed(
    engine: Engine,
    x: FloatArray,
    changes: Sequence[ChangeEvent] = (),
    *,
    late: float = 0.0,
    first: int = 0,
) -> list[tuple[int, Event]]:
    """Feed rows, and each change event `late` seconds after its time; return events by row."""
    coming, events = sorted(changes, key=lambda one: one.time), list[tuple[int, Event]]()
    for t, row in enumerate(x, start=first):
        while coming and coming[0].time + late <= t * MINUTE:
            engine.note(coming.pop(0))
        events += [(t, event) for event in engine.step(Frame("shop", t * MINUTE, NAMES, row))]
    return events


def stepped(series: Sequence[int], at: int = AT, by: float = 30.0, seed: int = 0) -> FloatArray:
    """Rows in which some series are at another level from a row on."""
    x = normal(seed)
    x[at:, series] += by
    return x


def last(events: Sequence[tuple[int, Event]]) -> Incident:
    """Return the newest revision."""
    return events[-1][1].data


def test_what_a_change_event_explains_is_no_change() -> None:
    """Memory and files of a database that was restarted, at another level for good."""
    x = stepped(DB)
    (row, opened), *_ = fed(shop(), x)
    assert (row <= AT + 2, opened.data.kind) == (True, "change")
    engine = shop()
    assert fed(engine, x, [done("db", AT, "restarted")]) == []
    assert engine.trigger is not None
    assert engine.trigger.learned_rows > ROWS - 10  # nothing was held back


@pytest.mark.parametrize("shift", [-12.0, 8.0, 60.0])
def test_what_comes_after_it_has_settled_is_judged_again(shift: float) -> None:
    """From its new level, in both directions."""
    x = stepped(DB)
    x[AT + 40 :, DB] += shift
    events = fed(shop(), x, [done("db", AT)])
    assert AT + 40 <= events[0][0] <= AT + 44
    assert events[0][1].data.trigger.series[0] in (NAMES[1], NAMES[2])


def test_it_explains_its_own_component_alone() -> None:
    """What moves elsewhere is a change as ever, and so is what moves long after."""
    elsewhere = fed(shop(), stepped(CART), [done("db", AT)])
    assert elsewhere[0][0] <= AT + 2
    later = fed(shop(), stepped(DB, AT + 12), [done("db", AT)])
    assert AT + 12 <= later[0][0] <= AT + 14


@pytest.mark.parametrize("late", [180.0, 480.0])
def test_told_late_it_ends_the_change_that_it_explains(late: float) -> None:
    """Many pipelines tell a deployment when it is done."""
    engine = shop()
    events = fed(engine, stepped(DB), [done("db", AT)], late=late)
    opened, ended = events[0], events[-1]
    assert opened[1].data.kind == "change"
    assert ended[0] <= AT + 24
    assert (last(events).resolution, last(events).kind) == ("explained", "change")
    assert {event.data.incident for _, event in events} == {last(events).incident}
    assert engine.phase == "watching"


def test_what_a_health_signal_feels_is_explained_away_by_nothing() -> None:
    """It is an incident, of which the deployment is told and supports its entity."""
    x = stepped(DB)
    x[AT + 1 :, 0] += 0.5
    events = fed(shop(), x, [done("db", AT - 0.5)])
    data = last(events)
    assert data.kind == "incident"
    (told,) = data.change_events
    assert (told.entity, told.kind, told.rank, told.supports) == ("db", "deployed", 1, True)
    assert told.before_onset_s == pytest.approx(30.0, abs=MINUTE)
    assert "`db` was deployed" in data.summary
    assert any("`db` was deployed" in said for said in data.causes[0].evidence_for)


def felt_with_both(changes: Sequence[ChangeEvent] = (), share: float = 1.0) -> Incident:
    """Return the answer on a symptom with which two entities moved, one of them less."""
    x = stepped([1], by=24.0 * share)
    x[AT:, 3] += 34.0
    x[AT + 1 :, 0] += 0.5
    return last(fed(shop(), x[: AT + 40], changes))


def test_of_two_that_moved_alike_the_one_that_was_deployed_is_first() -> None:
    """Its score is doubled, and no more than that: it passes none that is far ahead."""
    without = felt_with_both()
    first, second = (cause.entity for cause in without.causes[:2])
    told = felt_with_both([done(second, AT - 0.5)])
    assert [second, first] == [cause.entity for cause in told.causes[:2]]
    assert told.tier == "possible"  # a claim makes nobody sure
    assert felt_with_both([done("db", AT - 0.5)], share=0.1).causes[0].entity == "cart"


def test_a_deployment_before_the_fault_of_another_is_told_and_blamed_for_nothing() -> None:
    """What it did was over when the health signal moved."""
    x = stepped(DB, AT - 15)
    x[AT:, CART] += 40.0
    x[AT + 1 :, 0] += 0.5
    data = last(fed(shop(), x, [done("db", AT - 15)]))
    assert (data.kind, data.causes[0].entity) == ("incident", "cart")
    (told,) = data.change_events
    assert (told.entity, told.supports) == ("db", False)
    assert told.before_onset_s == pytest.approx(15 * MINUTE, abs=2 * MINUTE)


def test_what_was_done_afterwards_is_told_and_supports_nothing() -> None:
    """A rollback twenty minutes into the incident, an environment that somebody modified."""
    x = stepped(DB)
    x[AT + 1 :, 0] += 0.5
    done_to = [done("db", AT + 20, "rolled back"), done(None, AT - 5, "modified")]
    data = last(fed(shop(), x, done_to))
    told = {one.kind: one for one in data.change_events}
    assert told["rolled back"].before_onset_s < -15 * MINUTE
    assert not any(one.supports for one in told.values())
    assert "The system was modified" in data.summary
    assert "rolled back" not in data.summary


def test_without_health_signals_nothing_is_explained_away() -> None:
    """Nobody can say that users feel nothing; the change is told all the same."""
    engine = Engine(SystemConfig(name="shop", interval_s=MINUTE))
    events = fed(engine, stepped(DB), [done("db", AT)])
    assert (events[0][0] <= AT + 2, events[0][1].data.kind) == (True, "incident")
    assert [one.entity for one in last(events).change_events] == ["db"]


def test_missing_change_events_cost_nothing() -> None:
    """Without any near, all events are the same to the byte; with one, the evidence is."""
    x = stepped(DB)
    x[AT + 1 :, 0] += 0.5
    without = [encode(event) for _, event in fed(shop(), x)]
    far = [done("cart", 20, "restarted"), done("nobody", AT - 40), done(None, 3, "modified")]
    assert without == [encode(event) for _, event in fed(shop(), x, far)]
    near = fed(shop(), x, [done("cart", AT - 1, "modified")])
    assert [(row, event.type) for row, event in near] == [
        (row, event.type) for row, event in fed(shop(), x)
    ]
    plain = last(fed(shop(), x))
    evidence = [[(one.entity, one.evidence) for one in of.causes] for of in (plain, last(near))]
    assert evidence[0] == evidence[1]
    assert plain.change_events == []


def test_a_restart_of_the_process_forgets_nothing() -> None:
    """While a component settles, and while an incident is open."""
    x = stepped(DB)
    x[AT + 30 :, 0] += 0.5
    changes = [done("db", AT), done("cart", AT + 29)]
    for cut in (AT + 4, AT + 36):
        whole = shop()
        expected = [encode(event) for row, event in fed(whole, x, changes) if row >= cut]
        before, after = shop(), shop()
        fed(before, x[:cut], changes)
        after.load_state_dict(before.state_dict())
        for change in changes:  # as a daemon reminds it; saying it twice changes nothing
            if change.time < cut * MINUTE:
                after.note(change)
        coming = [change for change in changes if change.time >= cut * MINUTE]
        found = fed(after, x[cut:], coming, first=cut)
        assert expected == [encode(event) for _, event in found]


def test_a_pod_that_restarts_again_and_again_is_a_change() -> None:
    """It settles once in two hours."""
    x = normal()
    restarts = [done("db", AT + 20 * i, "restarted") for i in range(5)]
    for i in range(5):
        x[AT + 20 * i :, DB] += 30.0
    events = fed(shop(), x, restarts)
    assert AT + 20 <= events[0][0] <= AT + 62


def test_a_removed_component_is_missed_by_nobody() -> None:
    """What it sent is gone, and stays so."""
    x = normal()
    x[AT:, DB] = np.nan
    assert fed(shop(), x) != []
    assert fed(shop(), x, [done("db", AT, "removed")]) == []
    assert fed(shop(), x, [done("db", AT, "restarted")]) != []
