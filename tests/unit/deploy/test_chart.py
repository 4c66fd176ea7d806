"""The Helm chart: what it makes is valid, restricted, and what CORAL understands."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from charts import (
    BROKERS,
    CASES,
    CHART,
    ROOT,
    SECURE,
    Case,
    RefusedError,
    loaded,
    of_kind,
    only,
    pods,
    rendered,
)
from clients import helm
from pod_security import careless, unrestricted
from schemas import misfits

import coral


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
class TestEveryRendering:
    """What holds whatever is set."""

    def test_objects_are_valid(self, case: Case) -> None:
        """Strictly: an unknown key is an error, in three versions and by operators' definitions."""
        found = {
            f"{made['kind']} {made['metadata']['name']}": [*misfits(made)]
            for made in rendered(case)
        }
        assert {} == {name: said for name, said in found.items() if said}

    def test_pods_are_restricted(self, case: Case) -> None:
        """By the restricted standard, and nothing can be written but what is meant to be."""
        found = {name: [*unrestricted(pod), *careless(pod)] for name, pod in pods(rendered(case))}
        assert {"StatefulSet", "Pod"} == {name.split()[0] for name in found}
        assert {} == {name: said for name, said in found.items() if said}

    def test_coral_reads_its_configuration(self, case: Case, tmp_path: Path) -> None:
        """The file and the variables of a pod are what `coral config check` accepts."""
        held = loaded(rendered(case), tmp_path)
        assert "0.0.0.0" == held.http.host  # noqa: S104 - is compared
        assert "<metadata.name>" == held.state.instance
        assert ("http.token" in case.values.get("secrets", {})) == (held.http.token is not None)

    def test_probes_ask_what_is_served(self, case: Case, tmp_path: Path) -> None:
        """At the port and under the prefix of the configuration."""
        objects = rendered(case)
        http = loaded(objects, tmp_path).http
        (container,) = only(objects, "StatefulSet")["spec"]["template"]["spec"]["containers"]
        asked = {
            container[f"{kind}Probe"]["httpGet"]["path"]
            for kind in ("startup", "liveness", "readiness")
        }
        assert {f"{http.path_prefix}/healthz", f"{http.path_prefix}/readyz"} == asked
        assert [{"name": "http", "containerPort": http.port}] == container["ports"]
        assert http.port == only(objects, "Service")["spec"]["ports"][0]["port"]

    def test_a_service_and_a_policy_choose_the_pods(self, case: Case) -> None:
        """Those of the StatefulSet, and no others."""
        objects = rendered(case)
        labels = only(objects, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
        selectors = [
            only(objects, "Service")["spec"]["selector"],
            only(objects, "StatefulSet")["spec"]["selector"]["matchLabels"],
            only(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
            *(
                made["spec"]["podSelector"]["matchLabels"]
                for made in of_kind(objects, "NetworkPolicy")
            ),
        ]
        tests = [pod["metadata"]["labels"].items() for pod in of_kind(objects, "Pod")]
        assert all(selector.items() <= labels.items() for selector in selectors)
        assert not any(selectors[0].items() <= test for test in tests)

    def test_the_alerts_know_the_job(self, case: Case) -> None:
        """A job is called like the Service, and `CoralDown` asks for jobs named `.*coral.*`."""
        assert re.fullmatch(".*coral.*", only(rendered(case), "Service")["metadata"]["name"])

    def test_no_secret_is_in_it(self, case: Case) -> None:
        """Secrets are named, never made."""
        assert [] == of_kind(rendered(case), "Secret")


def test_helm_has_nothing_against_the_chart(tmp_path: Path) -> None:
    """`helm lint --strict`, with values for all that has to be set."""
    (tmp_path / "coral.toml").write_text(BROKERS)
    words = ["--set-file", f"config={tmp_path / 'coral.toml'}", "--set", "image.repository=coral"]
    done = helm("lint", "--strict", str(CHART), *words)
    assert 0 == done.returncode, done.stdout + done.stderr


def test_versions_are_those_of_the_package() -> None:
    """Chart and image."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (coral.__version__, coral.__version__) == (chart["version"], chart["appVersion"])


@pytest.mark.parametrize(
    ("copied", "source"),
    [("dashboard.json", "grafana/coral.json"), ("alerts.yaml", "prometheus/alerts.yaml")],
)
def test_files_are_those_of_deploy(copied: str, source: str) -> None:
    """Helm reads nothing outside of a chart, hence the copy (else `make docs`)."""
    assert (ROOT / "deploy" / source).read_bytes() == (CHART / "files" / copied).read_bytes()


class TestMistakes:
    """What helm says before anything is made."""

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"replicas": -1}, "at '/replicas': minimum: got -1, want 0"),
            ({"replica": 3}, "additional properties 'replica' not allowed"),
            ({"secrets": {"password": {"name": "a", "key": "b"}}}, "'password'"),
            ({"secrets": {"kafka.sasl_password": {"name": "a"}}}, "missing property 'key'"),
            ({"secrets": {"kafka.sasl_password": "hunter2"}}, "want object"),
            ({"image": {"pullPolicy": "always"}}, "value must be one of 'Always'"),
            ({"persistence": {"size": "1 GB"}}, "does not match pattern"),
            ({"config": ""}, "values.config: the configuration expected"),
            ({"config": "[kafka"}, "values.config: TOML expected, got"),
            ({"config": "[log]\nlevel = 'info'"}, "kafka.bootstrap_servers expected, got nothing"),
            ({"config": BROKERS + "[http]\nenabled = false"}, "http.enabled true expected"),
            ({"image": {"repository": ""}}, "values.image.repository: where the image is expected"),
            ({"ingress": {"host": "a.example"}}, "`http.token` expected with ingress.host"),
            (
                {"networkPolicy": {"enabled": False}},
                "`http.token` expected without a network policy",
            ),
            ({"config": BROKERS + "[state]\nstore = 'file'"}, "values.replicas: 1"),
            (
                {
                    "config": SECURE.replace("SCRAM-SHA-512", "OAUTHBEARER"),
                    "autoscaling": {"enabled": True},
                },
                "values.autoscaling.enabled: false expected",
            ),
        ],
        ids=lambda held: None if isinstance(held, dict) else held[:40],
    )
    def test_is_told_with_its_place(self, values: Mapping[str, Any], said: str) -> None:
        """And what is expected there."""
        with pytest.raises(RefusedError, match=re.escape(said)) as caught:
            rendered(Case(values=values))
        assert "hunter2" not in str(caught.value)
