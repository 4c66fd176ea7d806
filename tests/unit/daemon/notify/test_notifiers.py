"""Who is told what, by a daemon on the in-memory broker and receivers on real sockets."""

import json
import shutil
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import NAMES, ONSET, shop_rows, unfelt_rows
from receiver import Got, Receiver, Said, receiving
from served import World, settings_of, until
from typed import there

from coral.contract.events import CONTENT_TYPE, HISTORY, decode
from coral.daemon.notify.notifiers import Notifiers, notifying
from streams.clock import SystemClock

PLACE = "T0123456789/B0123456789/abcdefghij"
FULL = np.vstack([shop_rows(), shop_rows(seed=1, rows=ONSET, fault=None)])
BASE = '[systems."*"]\ninterval_s = 1\nkpi = ["web:latency_p95"]\n'
HERE = '[outbound]\nnetworks = ["127.0.0.1/32"]\n'


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def world(home: Path, text: str) -> tuple[World, Notifiers]:
    """A daemon that tells others."""
    settings = settings_of(home, BASE + HERE + text)
    notifiers = Notifiers(settings, SystemClock())
    notifiers.start()
    return World(home, settings, notifiers=notifiers), notifiers


def webhook(receiver: Receiver, *more: str, path: str = "/hook") -> str:
    lines = ["[output.webhooks.hook]", f'url = "{receiver.url}{path}"', *more]
    return "\n".join(lines) + "\n"


def alertmanager(receiver: Receiver, *more: str) -> str:
    return "\n".join(["[output.alertmanager]", f'urls = ["{receiver.url}/am/"]', *more]) + "\n"


def told(got: Receiver) -> list[tuple[str, str]]:
    """Kind and type of each event that came."""
    events = [decode(one.body) for one in got.got]
    return [(event.data.kind, event.type.split(".")[-2]) for event in events]


def firing(got: Got) -> dict[str, bool]:
    """The names of the alerts of a request, and whether each goes on."""
    return {
        alert["labels"]["alertname"]: "resolution" not in alert["annotations"] for alert in got.json
    }


def test_a_webhook_is_told_of_opening_settling_and_end(tmp_path: Path, receiver: Receiver) -> None:
    """Byte by byte as it is published; not of every revision in between."""
    made, notifiers = world(tmp_path, webhook(receiver))
    made.put("shop", NAMES, FULL)
    made.read()
    notifiers.close()
    published = [record.value for record in made.broker.records("coral.incidents.v1")]

    assert [("incident", "opened"), ("incident", "converged"), ("incident", "resolved")] == told(
        receiver
    )
    assert [got.body for got in receiver.got] == [
        value for value in published if decode(value).type.split(".")[-2] != "updated"
    ]
    assert len(published) > 3
    (state,) = notifiers.states()
    assert ("webhooks/hook", 3, 0, 0) == (state.sink, state.taken, state.refused, state.lost)


@pytest.mark.parametrize(
    ("felt_at", "changes", "expected"),
    [
        (None, "false", []),
        (None, "true", ["change opened"]),
        (205, "false", ["incident updated"]),
        (205, "true", ["change opened", "incident updated"]),
        (230, "false", ["incident opened"]),
        (230, "true", ["change opened", "change resolved", "incident opened"]),
    ],
)
def test_what_nobody_felt_is_told_on_request_only(
    tmp_path: Path, receiver: Receiver, felt_at: int | None, changes: str, expected: list[str]
) -> None:
    """When it is felt it is an incident, or there is one in its place, and everybody is told."""
    made, notifiers = world(tmp_path, webhook(receiver, f"changes = {changes}"))
    made.put("shop", NAMES, unfelt_rows(felt_at))
    made.read()
    notifiers.close()
    found = [f"{kind} {what}" for kind, what in told(receiver) if what != "converged"]

    assert expected == found


def test_an_alertmanager_is_told_until_the_end(tmp_path: Path, receiver: Receiver) -> None:
    """With labels and headers of the configuration."""
    more = ('labels = {cluster = "eu"}', 'authorization = "Bearer abc"', "resend_s = 0.05")
    made, notifiers = world(tmp_path, alertmanager(receiver, *more))
    made.put("shop", NAMES, shop_rows())
    made.read()
    until(lambda: len(receiver.got) > 20)
    assert {"CoralIncident": True} == firing(receiver.got[-1])
    made.put("shop", NAMES, FULL[280:], first=280)
    made.read()
    until(lambda: firing(receiver.got[-1]) == {"CoralIncident": False})
    notifiers.close()
    ends = [got for got in receiver.got if not all(firing(got).values())]

    assert 1 == len(ends)
    assert {"/am/api/v2/alerts"} == {got.path for got in receiver.got}
    assert {"Bearer abc"} == {got.headers["authorization"] for got in receiver.got}
    assert {"eu"} == {alert["labels"]["cluster"] for got in receiver.got for alert in got.json}


def test_after_a_restart_an_open_incident_is_told_again(tmp_path: Path, receiver: Receiver) -> None:
    """To Alertmanagers, whose alerts end by themselves; messages are not sent twice."""
    with receiving() as hook:
        text = alertmanager(receiver, "resend_s = 0.4") + webhook(hook)
        made, notifiers = world(tmp_path, text)
        made.put("shop", NAMES, shop_rows())
        until(lambda: _is_stored(made))
        notifiers.close()
        before = receiver.got[-1].json
        receiver.got.clear()
        messages = len(hook.got)

        again, notifiers = world(tmp_path, text)
        again.put("shop", NAMES, shop_rows())  # offsets go on where the checkpoint ends
        again.read()
        until(lambda: receiver.got)
        (alert,) = receiver.got[0].json
        (known,) = before
        assert known["labels"] == alert["labels"]
        assert known["startsAt"] == alert["startsAt"]
        assert "resolution" not in alert["annotations"]

        again.put("shop", NAMES, FULL[280:], first=280)
        again.read()
        until(lambda: firing(receiver.got[-1]) == {"CoralIncident": False})
        notifiers.close()
        assert ["incident.resolved"] == [
            decode(got.body).type.removeprefix("io.coral.").removesuffix(".v1")
            for got in [*hook.got][messages:]
        ]


def _is_stored(made: World) -> bool:
    """Whether a checkpoint of everything is known to be stored."""
    made.read()
    return there(made.board.snapshot).checkpointing.at is not None


def test_a_change_from_before_a_restart_is_told_when_it_is_felt(
    tmp_path: Path, receiver: Receiver
) -> None:
    """Whether anybody was told of it before does not matter."""
    rows = unfelt_rows(felt_at=205)
    made, notifiers = world(tmp_path, webhook(receiver))
    made.put("shop", NAMES, rows[:203])
    until(lambda: _is_stored(made))
    notifiers.close()
    assert [] == told(receiver)

    again, notifiers = world(tmp_path, webhook(receiver))
    again.put("shop", NAMES, rows)
    again.read()
    notifiers.close()
    assert ("incident", "updated") == told(receiver)[0]


def test_what_moves_to_another_member_is_told_by_that_one(
    tmp_path: Path, receiver: Receiver
) -> None:
    made, notifiers = world(tmp_path, alertmanager(receiver, "resend_s = 0.05"))
    made.put("shop", NAMES, shop_rows())
    made.read()
    until(lambda: len(receiver.got) > 20)
    made.broker.leave("coral", made.source._member)
    made.read()
    (state,) = notifiers.states()
    count = len(receiver.got)
    notifiers.close()

    assert len(receiver.got) <= count + 1
    assert 0 == state.waiting


def test_a_receiver_that_hangs_holds_nothing(tmp_path: Path, receiver: Receiver) -> None:
    """All rows are judged and published, another receiver is told, and the metrics say so."""
    receiver.goes_on.clear()
    with receiving() as other:
        made, notifiers = world(tmp_path, alertmanager(other) + webhook(receiver, "queue = 1"))
        made.put("shop", NAMES, FULL)
        made.read()
        until(lambda: firing(other.got[-1]) == {"CoralIncident": False} if other.got else False)
        made.clock.sleep(2.0)
        made.daemon.loop.run_once()
        sinks = {one.sink: one for one in there(made.board.snapshot).sinks}

        assert len(FULL) == made.daemon.loop.records
        assert (0, 2, 1) == (
            sinks["webhooks/hook"].taken,
            sinks["webhooks/hook"].lost,
            sinks["webhooks/hook"].waiting,
        )
        assert sinks[f"alertmanager/127.0.0.1:{other.port}/am"].taken >= 1
        receiver.goes_on.set()
        notifiers.close()


def test_a_receiver_that_fails_is_named_without_its_secrets(
    tmp_path: Path, receiver: Receiver, logged: list[MutableMapping[str, Any]]
) -> None:
    """Once when it begins to fail and once when it is well again; answers may repeat anything."""
    key, secret = "k" * 32, "sign-with-this-secret"
    more = (f'key = "{key}"', f'secret = "{secret}"', 'template = "pagerduty"')
    answer = f"no {receiver.url}/services/{PLACE}, {PLACE.split('/')[2]} nor {key} {secret}"
    receiver.answers += [Said(503, body=answer.encode()), Said(), Said(400, body=answer.encode())]
    made, notifiers = world(tmp_path, webhook(receiver, *more, path=f"/services/{PLACE}"))
    made.put("shop", NAMES, FULL)
    made.read()
    until(lambda: notifiers.states()[0].taken + notifiers.states()[0].refused == 3)
    notifiers.close()
    lines = [line for line in logged if line["event"].startswith("sink_")]

    assert ["sink_failing", "sink_restored", "sink_refused"] == [line["event"] for line in lines]
    assert lines[0]["reason"].startswith("HTTP 503: no ")
    assert not [word for word in (*PLACE.split("/"), key, secret) if word in json.dumps(lines)]
    assert key == receiver.got[0].json["routing_key"]


def test_an_address_that_is_not_allowed_is_never_connected_to(
    tmp_path: Path, receiver: Receiver, logged: list[MutableMapping[str, Any]]
) -> None:
    """The line says which key would allow it."""
    text = BASE + webhook(receiver).replace("127.0.0.1", "localhost")
    settings = settings_of(tmp_path, text)
    with notifying(settings, SystemClock()) as notifiers:
        made = World(tmp_path, settings, notifiers=notifiers)
        made.put("shop", NAMES, shop_rows())
        made.read()
        until(lambda: notifiers.states()[0].failing)
    (line,) = [line for line in logged if line["event"] == "sink_failing"]

    assert "put its network into `outbound.networks`" in line["reason"]
    assert not receiver.got


def test_nobody_to_tell_costs_nothing(tmp_path: Path) -> None:
    """There is nothing to show either."""
    settings = settings_of(tmp_path, BASE)
    made = World(tmp_path, settings)
    made.put("shop", NAMES, FULL)
    made.read()

    assert () == there(made.board.snapshot).sinks


def test_what_ended_since_the_last_checkpoint_does_not_fire_again(
    tmp_path: Path, receiver: Receiver
) -> None:
    """A process that was killed begins with an open incident; the rows since then end it first."""
    text = alertmanager(receiver, "resend_s = 20")
    made, notifiers = world(tmp_path, text)
    made.put("shop", NAMES, shop_rows())
    until(lambda: _is_stored(made))
    killed = tmp_path / "killed"
    shutil.copytree(tmp_path / "state", killed / "state")
    made.put("shop", NAMES, FULL[280:], first=280)
    made.read()
    notifiers.close()
    assert {"CoralIncident": False} == firing(receiver.got[-1])
    receiver.got.clear()

    again, notifiers = world(killed, text)
    again.put("shop", NAMES, FULL)
    again.read()
    notifiers.close()
    assert [{"CoralIncident": False}] == [firing(got) for got in receiver.got]


def test_a_backlog_wakes_nobody(tmp_path: Path, receiver: Receiver) -> None:
    """What began and ended in it is published with the same bytes, and a header says what it is."""
    published = []
    for waited in (0.0, 7200.0):
        home = tmp_path / str(waited)
        home.mkdir()
        with receiving() as hook:
            made, notifiers = world(home, alertmanager(receiver) + webhook(hook))
            made.put("shop", NAMES, FULL)
            made.clock.sleep(waited)
            receiver.got.clear()
            made.read()
            notifiers.close()
            published.append(made.broker.records("coral.incidents.v1"))
            assert bool(waited) == (not hook.got and not receiver.got)
    now, later = published

    assert [record.value for record in now] == [record.value for record in later]
    assert [CONTENT_TYPE] * len(now) == [record.headers for record in now]
    assert [(*CONTENT_TYPE, HISTORY)] * len(now) == [record.headers for record in later]


@pytest.mark.parametrize("restarted", [False, True])
def test_what_is_still_open_in_the_present_is_told_then(
    tmp_path: Path, receiver: Receiver, *, restarted: bool
) -> None:
    """As it stands, and then to its end; a restart in between knows that nobody was told."""
    with receiving() as hook:
        text = alertmanager(receiver, "resend_s = 20") + webhook(hook)
        made, notifiers = world(tmp_path, text)
        made.put("shop", NAMES, shop_rows())
        made.clock.sleep(7200.0)
        until(lambda: _is_stored(made))
        assert [] == [*hook.got, *receiver.got]
        if restarted:
            notifiers.close()
            made, notifiers = world(tmp_path, text)
            made.put("shop", NAMES, shop_rows())  # offsets go on where the checkpoint ends
        made.put("shop", NAMES, FULL[280:282], first=280)
        made.read()
        until(lambda: receiver.got)
        assert [{"CoralIncident": True}] == [firing(got) for got in receiver.got]
        made.put("shop", NAMES, FULL[282:], first=282)
        made.read()
        until(lambda: firing(receiver.got[-1]) == {"CoralIncident": False})
        notifiers.close()

        assert [("incident", "updated"), ("incident", "resolved")] == told(hook)
