"""The whole chain of `docs/howto/wire-it-up.md`: each part takes its configuration."""

import subprocess
from pathlib import Path

import pytest
import yaml
from debian import program

from coral.settings import load

WIRED = Path(__file__).parents[3] / "deploy" / "wired"
CHECKS = {
    "prometheus.yaml": ("promtool", "prometheus", "check", "config"),
    "rules.yaml": ("promtool", "prometheus", "check", "rules"),
    "alertmanager.yaml": ("amtool", "prometheus-alertmanager", "check-config"),
}


@pytest.mark.parametrize("name", CHECKS)
def test_each_part_takes_its_configuration(name: str) -> None:
    tool, package, *words = CHECKS[name]
    command = [program(tool, package), *words, str(WIRED / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr


def test_the_parts_are_of_one_chain() -> None:
    """They name each other's addresses, and one label for the system."""
    settings = load(WIRED / "coral.toml").settings
    prometheus = yaml.safe_load((WIRED / "prometheus.yaml").read_text())
    manager = yaml.safe_load((WIRED / "alertmanager.yaml").read_text())
    ((target,),) = [
        static["targets"]
        for one in prometheus["alerting"]["alertmanagers"]
        for static in one["static_configs"]
    ]
    coral, *rest = manager["route"]["routes"]

    assert (f"http://{target}",) == settings.output.alertmanager.urls
    assert settings.http.address() == settings.output.link
    hook = manager["receivers"][1]["webhook_configs"][0]["url"]
    assert f"{settings.http.address()}/api/v1/alerts" == hook
    assert ['source="coral"'] == coral["matchers"]
    assert "people" == coral["receiver"]
    assert not coral.get("continue")
    assert ["coral"] == [route["receiver"] for route in rest]
    assert "system" in prometheus["global"]["external_labels"]
    assert ("{system}",) == settings.input.topics["prometheus"].system
