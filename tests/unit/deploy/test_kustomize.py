"""Base and overlays of kustomize: the chart's objects, in another dress."""

import json
import re
from pathlib import Path

import kustomize
import pytest
import yaml
from charts import Object, loaded, of_kind, only, pods
from clients import kubectl
from kustomize import BASE, DEPLOY, KUSTOMIZE
from pod_security import careless, unrestricted
from schemas import misfits

OVERLAYS = ("dev", "prod")
# What is only in an overlay.
ADDED = {
    "dev": {"Namespace coral-dev", "Service kafka", "Deployment kafka", "Job coral-topics"},
    "prod": set(),
}
HASH = re.compile(r"^coral-[a-z0-9]{10}$")


def built(folder: Path) -> list[Object]:
    """What `kubectl apply -k` would apply."""
    done = kubectl("kustomize", str(folder))
    assert 0 == done.returncode, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def overlay(name: str) -> list[Object]:
    return built(KUSTOMIZE / "overlays" / name)


def plain(made: Object) -> Object:
    """An object without what Helm or kustomize adds for itself."""
    text = re.sub(r'"coral-[a-z0-9]{10}"', '"coral"', json.dumps(made))
    held: Object = json.loads(text)
    template = held.get("spec", {}).get("template", {})
    for metadata in (held["metadata"], template.get("metadata", {})):
        metadata.pop("namespace", None)
        metadata.get("annotations", {}).pop("checksum/config", None)
        for label in ("app.kubernetes.io/managed-by", "helm.sh/chart"):
            metadata.get("labels", {}).pop(label, None)
    for container in template.get("spec", {}).get("containers", []):
        container.get("env", []).sort(key=lambda each: each["name"])
    if held["kind"] == "ConfigMap":  # which kustomize makes itself, without labels
        held["metadata"].pop("labels", None)
    if not template.get("metadata", {}).get("annotations", True):
        del template["metadata"]["annotations"]
    return held


def by_name(objects: list[Object]) -> dict[str, Object]:
    return {f"{made['kind']} {made['metadata']['name']}": made for made in map(plain, objects)}


def test_the_base_is_made_from_the_chart() -> None:
    """Else `make docs`."""
    assert kustomize.base() == BASE.read_text()


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_is_what_the_chart_makes(name: str) -> None:
    """With the values that lie beside it: one source of truth."""
    ours = by_name(overlay(name))
    added = {key: ours.pop(key) for key in ADDED[name]}
    charts = [*yaml.safe_load_all(kustomize.chart(KUSTOMIZE / "overlays" / name))]
    assert ADDED[name] == added.keys()
    assert by_name([made for made in charts if made]) == ours


@pytest.mark.parametrize("name", OVERLAYS)
def test_objects_are_valid(name: str) -> None:
    """Strictly, in three versions."""
    assert [] == [said for made in overlay(name) for said in misfits(made)]


@pytest.mark.parametrize("name", OVERLAYS)
def test_pods_are_restricted(name: str) -> None:
    """All of ours; the broker's image writes where it likes."""
    found = {
        pod: [*unrestricted(spec), *(() if "kafka" in pod else careless(spec))]
        for pod, spec in pods(overlay(name))
    }
    assert {} == {pod: said for pod, said in found.items() if said}


@pytest.mark.parametrize("name", OVERLAYS)
def test_coral_reads_its_configuration(name: str, tmp_path: Path) -> None:
    """Each event once."""
    assert "exactly-once" == loaded(overlay(name), tmp_path).state.publish


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_change_of_the_configuration_rolls(name: str) -> None:
    """By the name of the ConfigMap, which is that of its content, wherever it is used."""
    objects = overlay(name)
    made = only(objects, "ConfigMap")["metadata"]["name"]
    used = {
        source["configMap"]["name"]
        for _, spec in pods(objects)
        for volume in spec.get("volumes", [])
        for source in (volume, *volume.get("projected", {}).get("sources", []))
        if "configMap" in source
    }
    assert HASH.fullmatch(made)
    assert {made} == used


def test_the_broker_of_dev_is_that_of_compose() -> None:
    """The same image and settings, at the name of its Service."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["kafka"]
    (container,) = only(overlay("dev"), "Deployment")["spec"]["template"]["spec"]["containers"]
    settings = {each["name"]: each["value"] for each in container["env"]}
    expected = {key: str(value) for key, value in compose["environment"].items()}
    address = {"KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://kafka:9092"}
    assert compose["image"] == container["image"]
    assert expected | address == settings


def test_dev_makes_its_topics() -> None:
    """By the same image and configuration."""
    objects = overlay("dev")
    job = only(objects, "Job")["spec"]["template"]["spec"]["containers"][0]
    daemon = only(objects, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    assert daemon["image"] == job["image"]
    assert ["topics", "create"] == job["args"][:2]
    assert 1 == only(objects, "StatefulSet")["spec"]["replicas"]
    assert [] == of_kind(objects, "Secret")
