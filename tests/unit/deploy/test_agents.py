"""Alertmanager, a real one, with the configurations that the pages on alerts show."""

from pathlib import Path
from typing import Any

import yaml
from alertmanager import alertmanager
from receiver import receiving
from served import until
from shown import run_by

THIS = "tests/unit/deploy/test_agents.py"
TEAM = {"alertname": "CoralIncident", "source": "coral", "system": "shop", "incident": "1"}


def given(page: str) -> list[Any]:
    """What a page shows, as Alertmanager reads it."""
    return [yaml.safe_load(text) for text in run_by(THIS, page)]


def test_alerts_that_page_are_sent_to_coral(tmp_path: Path) -> None:
    """With the token, to the address of the page; others are not, and go on to who had them."""
    (shown,) = given("docs/howto/let-alerts-in.md")
    (tmp_path / "token").write_text("secret")
    with receiving() as receiver:
        (hook,) = shown["receivers"][0]["webhook_configs"]
        hook["url"] = hook["url"].replace("http://coral:8080", receiver.url)
        held = hook["http_config"]["authorization"]
        held["credentials_file"] = str(tmp_path / "token")
        shown["route"] |= {"receiver": "people", "group_wait": "0s", "group_by": ["alertname"]}
        shown["receivers"].append({"name": "people"})
        with alertmanager(tmp_path, config=shown) as manager:
            manager.fire({"alertname": "Quiet", "severity": "info"})
            manager.fire({"alertname": "Slow", "severity": "page"})
            until(lambda: receiver.got)
        (got,) = receiver.got

    assert "/api/v1/alerts" == got.path
    assert "Bearer secret" == got.headers["authorization"]
    assert ["Slow"] == [alert["labels"]["alertname"] for alert in got.json["alerts"]]


def test_alerts_of_coral_are_routed_and_inhibit(tmp_path: Path) -> None:
    """By the entity that is blamed; warnings of the same system are left to them."""
    routes, inhibition = given("docs/howto/be-told.md")
    (team,) = [route["receiver"] for route in routes["route"]["routes"]]
    routes["route"]["receiver"] = "people"
    config = {**routes, **inhibition, "receivers": [{"name": "people"}, {"name": team}]}
    with alertmanager(tmp_path, config=config) as manager:
        for entity in ("orders", "cart"):
            manager.fire({**TEAM, "severity": "critical", "entity": entity})
        for system in ("shop", "other"):
            manager.fire({"alertname": "Busy", "severity": "warning", "system": system})
        until(lambda: any(alert["status"]["inhibitedBy"] for alert in manager.alerts()))
        alerts = manager.alerts()

    receivers = {
        alert["labels"]["entity"]: [one["name"] for one in alert["receivers"]]
        for alert in alerts
        if "entity" in alert["labels"]
    }
    assert {"orders": [team], "cart": ["people"]} == receivers
    inhibited = {
        alert["labels"]["system"]: bool(alert["status"]["inhibitedBy"])
        for alert in alerts
        if alert["labels"]["alertname"] == "Busy"
    }
    assert {"shop": True, "other": False} == inhibited
