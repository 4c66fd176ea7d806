"""An incident as a page shows it: whole, printable, and the same words as everywhere."""

import msgspec
import numpy as np
import pytest
from hostile import HOSTILE
from incidents import incident_event
from makers import NAMES, ONSET, run, shop_config, shop_rows
from typed import there

from coral.contract.alerts import Alert
from coral.contract.changes import ChangeEvent
from coral.contract.events import Event, StateSeen, unix
from coral.report.event_log import IncidentHistory
from coral.report.incident_view import IncidentView, incident_view
from coral.report.marks import mark_of, marks
from coral.report.suspects import MOST_NODES, suspects
from coral.text import printable


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """An incident that the engine noticed, and its end."""
    return run(np.vstack([shop_rows(), shop_rows(seed=1, rows=ONSET)]))


def viewed(events: list[Event]) -> IncidentView:
    history = IncidentHistory(events[0])
    for event in events[1:]:
        history.add(event)
    return incident_view(history)


def test_what_is_shown_is_in_the_event(events: list[Event]) -> None:
    """Causes in their order, moments in theirs, the ranks of all revisions."""
    data, view = events[-1].data, viewed(events)
    assert data.summary == view.summary
    assert [cause.entity for cause in data.causes[:5]] == [cause.label for cause in view.causes]
    when = view.moments
    assert when.earliest <= when.onset <= when.latest <= when.alarm <= there(when.settled)
    assert there(when.settled) <= there(when.resolved) == when.now
    assert {event.data.rows for event in events} <= {revision.rows for revision in view.ranks}
    assert ["since", "felt", "how sure", "look at"] == [answer.label for answer in view.answers]


def test_what_others_did_and_said_is_on_the_time_axis() -> None:
    """Change events and alerts by their time, each in words; alerts are an answer of their own."""
    view = incident_view(IncidentHistory(incident_event()))
    onset = view.moments.onset
    assert [
        ("change", -1200.0, None, "system modified", False),
        ("change", -46.0, None, "db deployed", True),
        ("alert", 24.0, 64.0, "alert dbSlow", False),
    ] == [
        (one.kind, one.time - onset, one.ends and one.ends - onset, one.text, one.supports)
        for one in view.marks
    ]
    assert [
        "the system was modified 20 min before the onset: flag db.",
        "`db` was deployed 46 s before the onset: db; it speaks for this cause.",
        "`dbSlow` (page) fired at 12:45:10, until 12:45:50: db is slow.",
    ] == [one.told for one in view.marks]
    (alerts,) = (answer for answer in view.answers if answer.label == "alerts")
    assert ["`dbSlow` (page) fired at 12:45:10, until 12:45:50: db is slow"] == alerts.texts


def test_what_came_and_no_incident_speaks_of_is_marked() -> None:
    """An alert as an incident marks it; of a change, what it was done to."""
    data = incident_event().data
    (told,) = data.alerts
    alert = Alert(
        system="shop",
        key="1",
        name=told.name,
        severity=told.severity,
        text=told.text,
        starts=unix(told.starts),
        ends=unix(there(told.ends)),
    )
    assert marks(data)[-1] == mark_of(alert)
    deployed = mark_of(ChangeEvent(system="shop", time=1.0, kind="deployed", entities=("db",)))
    assert ("change", 1.0, "db deployed", "`db` was deployed.") == (
        deployed.kind,
        deployed.time,
        deployed.text,
        deployed.told,
    )


def test_without_rows_the_courses_of_the_event_are_drawn(events: list[Event]) -> None:
    """The onset lies where the two halves meet."""
    data, view = events[-1].data, viewed(events)
    window, course = there(view.window), there(data.health[0].course)
    assert len(course.before) + len(course.after) == len(window.times)
    assert view.moments.earliest == pytest.approx(window.times[len(course.before)])
    assert [*course.before, *course.after] == window.series[0].low


def test_the_graph_leads_from_the_suspects_to_the_health_signal(events: list[Event]) -> None:
    """Along known edges; the way of the first cause is marked."""
    graph = viewed(events).suspects
    names = [node.label for node in graph.nodes]
    assert ("web", 0, True) == (names[0], graph.nodes[0].layer, graph.nodes[0].health)
    assert 2 == graph.nodes[names.index("db")].layer
    marked = [(names[e.cause], names[e.effect]) for e in graph.edges if e.suspect]
    assert marked[0][0] == "db"
    assert marked[-1][1] == "web"
    assert {"known"} == {edge.kind for edge in graph.edges if edge.suspect}
    assert all("->" in edge.text for edge in graph.edges)


def test_a_graph_of_many_entities_is_bounded(events: list[Event]) -> None:
    """What has no room is left out, whole ways at a time."""
    data = events[-1].data
    causes = [
        msgspec.structs.replace(
            data.causes[0], rank=n + 1, entity=f"e{n}", path=[f"e{n}", f"m{n}", f"o{n}", "web"]
        )
        for n in range(40)
    ]
    graph = suspects(msgspec.structs.replace(data, causes=causes))
    assert len(graph.nodes) <= MOST_NODES
    assert all(max(edge.cause, edge.effect) < len(graph.nodes) for edge in graph.edges)


def test_an_entity_without_a_way_stands_beyond_all_others() -> None:
    """As do all of them where no edge is known."""
    data = run(shop_rows(), config=shop_config(edges=()))[-1].data
    graph = suspects(data)
    layers = {node.label: node.layer for node in graph.nodes}
    assert 0 == layers["web"]
    assert {1} == {layer for name, layer in layers.items() if name != "web"}


def test_an_incident_of_which_little_is_known_is_shown(events: list[Event]) -> None:
    """No causes, no health signals, no course: nothing of it fails."""
    data = msgspec.structs.replace(
        events[-1].data,
        **{name: [] for name in ("causes", "health", "kpi", "graph", "ruled_out", "history")},
        tier="no clear cause",
        state_seen=StateSeen(incident="before", ended="2026-01-01T00:00:00Z", times=2),
    )
    view = viewed([msgspec.structs.replace(events[-1], data=data)])
    assert (None, [], []) == (view.window, view.causes, view.suspects.nodes)
    assert "seen 2 times before" in view.seen_before[0].texts[0]


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:20])
def test_every_name_is_printable(name: str) -> None:
    """In each text of the document but those that feedback is given with."""
    entity = name.replace(":", "")[:200]
    names = tuple(n.replace("db:", f"{entity}:") for n in NAMES)
    edges = (("web", "pay"), ("pay", entity))
    view = viewed(run(shop_rows(), names=names, config=shop_config(edges=edges)))
    kept = {cause.entity for cause in view.causes} | {one.label for one in view.entities}
    assert entity in kept

    def texts(part: object) -> list[str]:
        if isinstance(part, str):
            return [part]
        if isinstance(part, dict):
            return [t for v in part.values() for t in texts(v)]
        return [t for v in part for t in texts(v)] if isinstance(part, list) else []

    for text in texts(msgspec.to_builtins(view)):
        assert text in kept or text == printable(text)
