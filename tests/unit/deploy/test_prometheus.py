"""Alerts and dashboard: sound, documented, and true of a real daemon behind a real Prometheus."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prometheus
import pytest
import yaml
from debian import program
from makers import NAMES, shop_rows
from prometheus import Prometheus
from prometheus_client.parser import text_string_to_metric_families
from receiver import receiving
from served import World, served, settings_of, until

from coral.daemon.notify.notifiers import notifying
from streams.clock import SystemClock

ROOT = Path(__file__).parents[3]
RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "coral.json").read_text())
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
METRIC = re.compile(r"\bcoral_[a-z_]+")


class Seen:
    """A daemon that has found an incident, and the Prometheus that has scraped it for a while."""

    def __init__(self, server: Prometheus, text: str) -> None:
        self.server = server
        self.names = {
            sample.name
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        self.families = set(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    home = tmp_path_factory.mktemp("seen")
    with receiving() as receiver:
        told = [f"output.alertmanager.urls={receiver.url}", "outbound.networks=127.0.0.1/32"]
        settings = settings_of(home, flags=["state.interval_s=0.2", *told])
        with notifying(settings, SystemClock()) as notifiers:
            world = World(home, settings, SystemClock(), notifiers=notifiers)
            world.put("shop", NAMES, shop_rows())
            yield from watched(home, world)


def watched(home: Path, world: World) -> Iterator[Seen]:
    """The daemon as a Prometheus sees it."""
    with (
        served(world.board) as ask,
        world.running(),
        prometheus.scraping(home, ask.port, RULES) as server,
    ):
        until(lambda: "coral_checkpoint_last" in ask("/metrics").body.decode())
        until(lambda: len(server.query("coral_checkpoint_last_success_timestamp_seconds[1m]")) > 0)
        last = "count_over_time(coral_checkpoint_last_success_timestamp_seconds[1m]) > 3"
        until(lambda: server.query(last))
        until(lambda: evaluated(server))
        yield Seen(server, ask("/metrics").body.decode())


def evaluated(server: Prometheus) -> bool:
    """Whether every rule was looked at."""
    rules = [rule for group in server.get("rules")["groups"] for rule in group["rules"]]
    return len(rules) == len(ALERTS) and all(rule["health"] != "unknown" for rule in rules)


def test_the_rules_are_tested() -> None:
    """Each fires in a test of promtool, where it should and nowhere else."""
    tests = RULES.with_name("alerts_test.yaml")
    done = subprocess.run(
        [program("promtool", "prometheus"), "test", "rules", str(tests)],
        capture_output=True,
        text=True,
        check=False,
    )
    fired = {
        case["alertname"]
        for test in yaml.safe_load(tests.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }

    assert 0 == done.returncode, done.stdout + done.stderr
    assert {alert["alert"] for alert in ALERTS} == fired


def test_the_example_of_a_configuration_is_sound() -> None:
    """With the rules beside it."""
    config = RULES.with_name("prometheus.yaml")
    command = [program("promtool", "prometheus"), "check", "config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_has_a_page(alert: dict[str, Any]) -> None:
    """Its annotation leads to a section of its own."""
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / page).read_text(), re.MULTILINE)

    assert alert["alert"] in headings
    assert alert["alert"].lower() == anchor


def test_alerts_and_dashboard_ask_for_what_there_is(seen: Seen) -> None:
    """Every metric they name is one of a running daemon."""
    asked = {name for rule in ALERTS for name in METRIC.findall(rule["expr"])}
    asked |= {name for query in QUERIES for name in METRIC.findall(query)}
    assert set() == asked - seen.names


def test_every_metric_is_documented(seen: Seen) -> None:
    """With its full name."""
    page = (ROOT / "docs" / "reference" / "http.md").read_text()
    ours = {name for name in seen.families if name.startswith("coral_")}
    assert set() == {name for name in ours if f"`{name}" not in page}


def test_a_real_prometheus_understands_the_rules(seen: Seen) -> None:
    """And finds nothing to say of a daemon that is well."""
    rules = [rule for group in seen.server.get("rules")["groups"] for rule in group["rules"]]
    assert {"ok"} == {rule["health"] for rule in rules}
    assert set() == {rule["name"] for rule in rules if rule["state"] == "firing"}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_dashboard_has_an_answer(seen: Seen, query: str) -> None:
    """From the daemon that is there, with the variables as Grafana fills them."""
    for variable, value in {"$__rate_interval": "1m", "$job": ".*", "$instance": ".*"}.items():
        query = query.replace(variable, value)
    assert "$" not in query
    assert seen.server.query(query)


def test_panels_do_not_overlap() -> None:
    """Each has an identifier and a place of its own, a unit, and words that say what it is."""
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    identifiers = [panel["id"] for panel in DASHBOARD["panels"]]

    assert len(set(cells)) == len(cells)
    assert 24 > max(x for x, _ in cells)
    assert len(set(identifiers)) == len(identifiers)
    assert all(panel["description"] for panel in PANELS)
