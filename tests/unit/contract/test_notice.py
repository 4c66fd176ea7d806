"""What people and services are told of an event, in texts of a known length."""

import functools

import msgspec
import numpy as np
import pytest
from hostile import HOSTILE
from makers import NAMES, ONSET, run, shop_config, shop_rows, unfelt_rows

from coral.contract.events import Event
from coral.contract.notice import FIELDS, Notice, notice_of

LONGEST = {"title": 140, "summary": 1000, "description": 2400, "felt": 1000}


@functools.cache
def incident() -> list[Event]:
    """An incident from its opening to its end."""
    rows = np.vstack([shop_rows(), shop_rows(seed=1, rows=ONSET, fault=None)])
    return run(rows)


def test_the_notice_of_an_incident() -> None:
    """It says who, what, since when and where to look."""
    event = incident()[0]
    notice = notice_of(event, "https://coral.example/coral/")
    expected = {
        "id": event.id,
        "incident": event.subject,
        "happened": "opened",
        "action": "trigger",
        "kind": "incident",
        "severity": "critical",
        "system": "shop",
        "entity": "db",
        "opened": event.data.trigger.time,
        "resolution": "",
        "link": f"https://coral.example/coral/api/v1/incidents/{event.subject}",
    }

    assert expected == {name: getattr(notice, name) for name in expected}
    assert f"shop: incident, {event.data.tier} cause db" == notice.title
    assert notice.description.startswith(f"1. db ({event.data.causes[0].tier}): ")
    assert "Felt by web:latency_p95" in notice.description


def test_what_happened_follows_from_the_event() -> None:
    """From the opening to the end, and only the end resolves."""
    notices = [notice_of(event) for event in incident()]
    seen = list(dict.fromkeys(notice.happened for notice in notices))

    assert ["opened", "updated", "settled", "resolved"] == sorted(
        seen, key=["opened", "updated", "settled", "resolved"].index
    )
    assert ["opened", "resolved"] == [notices[0].happened, notices[-1].happened]
    assert {"resolved"} == {n.happened for n in notices if n.action == "resolve"}
    assert "shop: incident is over (back to normal)" == notices[-1].title
    assert "back to normal" == notices[-1].resolution
    assert [""] * len(notices) == [notice.link for notice in notices]


def test_a_change_wakes_nobody_until_it_is_felt() -> None:
    """Then it is critical."""
    events = run(unfelt_rows(felt_at=205))
    first = notice_of(events[0])
    felt = next(event for event in events if event.data.kind == "incident")

    assert ("change", "info") == (first.kind, first.severity)
    assert ("incident", "critical", "felt") == (
        notice_of(felt).kind,
        notice_of(felt).severity,
        notice_of(felt, felt=True).happened,
    )


def _with_top(event: Event, *tops: str, converged: bool, corrected: str | None) -> Event:
    """The event with other first causes: of earlier revisions, and last of this one."""
    data = event.data
    cause = msgspec.structs.replace(data.causes[0], entity=tops[-1])
    history = [msgspec.convert({"rows": 1, "top": [top]}, type(data.history[0])) for top in tops]
    stability = msgspec.structs.replace(data.convergence, converged=converged, corrected=corrected)
    return msgspec.structs.replace(
        event,
        data=msgspec.structs.replace(
            data, causes=[cause], history=history[:-1], convergence=stability
        ),
    )


@pytest.mark.parametrize(
    ("tops", "converged", "corrected", "expected"),
    [
        (["a"], False, None, "a"),
        (["a", "b"], False, None, "a"),
        (["a", "b", "c"], True, None, "c"),
        (["a", "b", "c"], True, "b", "b"),
    ],
)
def test_who_is_blamed_does_not_move_with_every_revision(
    tops: list[str], converged: bool, corrected: str | None, expected: str
) -> None:
    """Of the first revision until it settles, and then of that: whoever asks, before a restart or
    after it, is told the same."""
    event = _with_top(incident()[-2], *tops, converged=converged, corrected=corrected)

    assert expected == notice_of(event).entity


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_in_their_place(name: str) -> None:
    """Whatever they hold, texts are as long as they may be, and of one line where they should."""
    names = tuple(
        f"{name}:{metric}" if entity == "db" else f"{entity}:{metric}"
        for entity, metric in (each.split(":") for each in NAMES)
    )
    events = run(shop_rows(rows=ONSET + 8), names=names, config=shop_config(name=name, edges=()))
    assert events
    for event in events:
        notice = notice_of(event)
        for field, longest in LONGEST.items():
            assert len(getattr(notice, field)) <= longest
        for field in ("title", "summary", "felt"):
            assert getattr(notice, field).isprintable()
        assert all(line.isprintable() for line in notice.description.splitlines())


def test_all_of_it_is_text() -> None:
    """So that a template may name any of it."""
    notice = notice_of(incident()[0])

    assert set(FIELDS) == set(msgspec.structs.asdict(notice))
    assert {str} == {type(value) for value in msgspec.structs.asdict(notice).values()}
    assert isinstance(notice, Notice)
