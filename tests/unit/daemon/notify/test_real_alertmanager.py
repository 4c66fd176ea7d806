"""A real Alertmanager: it shows our alert, silences it, forwards it, and resolves it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from alertmanager import Alertmanager, alertmanager
from hostile import HOSTILE
from makers import NAMES, ONSET, run, shop_rows, unfelt_rows
from receiver import Receiver, receiving
from served import World, settings_of, until
from typed import FloatArray, there

from coral.contract.notice import notice_of
from coral.daemon.notify.alert_table import AlertTable
from coral.daemon.notify.notifiers import notifying
from streams.clock import SystemClock
from streams.http.client import Client
from streams.http.reach import Reach

FULL = np.vstack([shop_rows(), shop_rows(seed=1, rows=ONSET, fault=None)])
OPEN = 280
CONFIG = """
[systems."*"]
interval_s = 1
kpi = ["web:latency_p95"]
[output]
link = "http://coral.example"
[output.alertmanager]
urls = ["{url}"]
labels = {{cluster = "eu"}}
resend_s = {resend_s}
changes = {changes}
[outbound]
networks = ["127.0.0.1/32"]
"""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Whoever Alertmanager tells."""
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Alertmanager]:
    with alertmanager(tmp_path_factory.mktemp("alertmanager"), receiver.url) as made:
        yield made


class Shop:
    """A daemon that watches a shop of its own, and what Alertmanager knows of that."""

    def __init__(self, home: Path, manager: Alertmanager, name: str, **settings: Any) -> None:
        facts = {"resend_s": 60, "changes": "false"} | settings
        self.settings = settings_of(home, CONFIG.format(url=manager.url, **facts))
        self.home, self.manager, self.name = home, manager, name

    @contextmanager
    def read(self, rows: FloatArray) -> Iterator[None]:
        """A process that reads rows, from the last checkpoint on, and ends with the context."""
        with notifying(self.settings, SystemClock()) as notifiers:
            made = World(self.home, self.settings, notifiers=notifiers)
            made.put(self.name, NAMES, rows)
            until(lambda: _is_stored(made) or not made.daemon.loop.records)
            yield

    @property
    def alerts(self) -> list[Any]:
        """What is shown now."""
        return self.manager.alerts(filter=f'system="{self.name}"')


def _is_stored(made: World) -> bool:
    made.read()
    return there(made.board.snapshot).checkpointing.at is not None


def forwarded(receiver: Receiver, system: str) -> list[tuple[str, str]]:
    """Status of each notification on a system, and of whom it is."""
    found = []
    for got in [*receiver.got]:
        held = got.json
        if held["commonLabels"].get("system") == system:
            found.append((held["status"], held["commonLabels"]["alertname"]))
    return found


def test_an_alert_is_shown_silenced_and_resolved(
    tmp_path: Path, manager: Alertmanager, receiver: Receiver
) -> None:
    """From the opening to the end, over a restart; and forwarded by the user's own route."""
    shop = Shop(tmp_path, manager, "first", resend_s=4)
    with shop.read(FULL[:OPEN]):
        (alert,) = shop.alerts
        expected = {
            "alertname": "CoralIncident",
            "source": "coral",
            "severity": "critical",
            "system": "first",
            "entity": "db",
            "cluster": "eu",
            "incident": alert["labels"]["incident"],
        }
        assert expected == alert["labels"]
        assert "active" == alert["status"]["state"]
        assert alert["annotations"]["summary"].startswith("first: incident, ")
        assert 1 == alert["annotations"]["description"].count("\n1. db (")
        assert alert["generatorURL"].endswith(f"/api/v1/incidents/{alert['labels']['incident']}")
        until(lambda: forwarded(receiver, "first") == [("firing", "CoralIncident")])
        silence = manager.silence(source="coral", system="first")
        until(lambda: shop.alerts[0]["status"]["state"] == "suppressed")
        assert [silence] == shop.alerts[0]["status"]["silencedBy"]
        manager.unsilence(silence)

    stopped = shop.alerts[0]["updatedAt"]
    with shop.read(FULL[:OPEN]):  # a restart: nothing is new, and the incident is still open
        until(lambda: shop.alerts[0]["updatedAt"] > stopped)
        (again,) = shop.alerts
        assert (alert["startsAt"], alert["fingerprint"]) == (
            again["startsAt"],
            again["fingerprint"],
        )

    with shop.read(FULL):
        until(lambda: shop.alerts == [])
        until(lambda: ("resolved", "CoralIncident") in forwarded(receiver, "first"))
    (resolved,) = [
        alert
        for got in [*receiver.got]
        for alert in got.json["alerts"]
        if alert["status"] == "resolved" and alert["labels"]["system"] == "first"
    ]
    assert "back to normal" == resolved["annotations"]["resolution"]


def test_a_change_that_is_felt_is_another_alert(tmp_path: Path, manager: Alertmanager) -> None:
    """The change ends in the same breath in which the incident begins."""
    shop, rows = Shop(tmp_path, manager, "second", changes="true"), unfelt_rows(felt_at=205)
    with shop.read(rows[:203]):
        until(lambda: shop.alerts)
        (alert,) = shop.alerts
    assert ("CoralChange", "info") == (alert["labels"]["alertname"], alert["labels"]["severity"])
    with shop.read(rows):
        until(lambda: [a["labels"]["alertname"] for a in shop.alerts] == ["CoralIncident"])


def test_an_alert_that_nobody_sends_again_ends(
    tmp_path: Path, manager: Alertmanager, receiver: Receiver
) -> None:
    """A daemon that is gone for good leaves nothing that fires for ever."""
    shop = Shop(tmp_path, manager, "third", resend_s=0.3)
    with shop.read(FULL[:OPEN]):
        until(lambda: ("firing", "CoralIncident") in forwarded(receiver, "third"))
    until(lambda: ("resolved", "CoralIncident") in forwarded(receiver, "third"))

    assert [] == shop.alerts


def test_no_name_is_refused(manager: Alertmanager) -> None:
    """All hostile names in one letter, which is taken as a whole and shown as it was sent."""
    table = AlertTable(SystemClock(), 60.0, {}, {"Content-Type": "application/json"})
    notice = notice_of(run(shop_rows())[0])
    for number, name in enumerate(HOSTILE):
        names = {"system": name, "entity": name, "incident": f"hostile-{number}"}
        table.put(msgspec.structs.replace(notice, **names))
    letter = there(table.next())
    client = Client(Reach((), (ip_network("127.0.0.1/32"),)), None, 20.0)
    answer = client.post(f"{manager.url}/api/v2/alerts", letter.body, letter.headers)
    shown = {
        alert["labels"]["system"]
        for alert in manager.alerts()
        if alert["labels"]["incident"].startswith("hostile-")
    }

    assert 200 == answer.status, answer.text
    assert len(HOSTILE) == len(json.loads(letter.body))
    assert set(HOSTILE) == shown
