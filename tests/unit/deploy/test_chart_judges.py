"""What judges the renderings of the Helm chart: a rule that is never broken may be no rule."""

import copy

import pytest
from charts import CASES, OPERATORS, Object, only, rendered
from pod_security import unrestricted
from schemas import KUBERNETES, is_foreign, misfits


@pytest.fixture
def pod() -> Object:
    made = only(rendered(CASES["least"]), "StatefulSet")["spec"]["template"]["spec"]
    return copy.deepcopy(made)


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}, "volume host"),
        ({"securityContext": {}}, "coral: runAsNonRoot"),
        ({"securityContext": {"runAsNonRoot": True}}, "coral: seccompProfile"),
        ({"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}}, "sysctl kernel.msgmax"),
    ],
    ids=lambda held: held if isinstance(held, str) else None,
)
def test_a_pod(pod: Object, change: Object, broken: str) -> None:
    assert broken in [*unrestricted({**pod, **change})]


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"privileged": True}, "privileged"),
        ({"allowPrivilegeEscalation": True}, "allowPrivilegeEscalation"),
        ({"capabilities": {"drop": ["NET_RAW"]}}, "capabilities.drop"),
        ({"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}, "capabilities.add"),
        ({"runAsUser": 0}, "runAsUser"),
        ({"runAsNonRoot": False}, "runAsNonRoot"),
        ({"seccompProfile": {"type": "Unconfined"}}, "seccompProfile"),
        ({"appArmorProfile": {"type": "Unconfined"}}, "appArmorProfile"),
        ({"seLinuxOptions": {"type": "spc_t"}}, "seLinuxOptions"),
        ({"procMount": "Unmasked"}, "procMount"),
    ],
    ids=lambda held: held if isinstance(held, str) else None,
)
def test_a_container(pod: Object, change: Object, broken: str) -> None:
    pod["containers"][0]["securityContext"] |= change
    assert [f"coral: {broken}"] == [*unrestricted(pod)]


def test_a_misspelt_key() -> None:
    """Of Kubernetes and of an operator."""
    made = copy.deepcopy(only(rendered(CASES["least"]), "StatefulSet"))
    made["spec"]["podManagmentPolicy"] = "Parallel"
    assert len(KUBERNETES) == len([said for said in misfits(made) if "podManagmentPolicy" in said])
    scaled = copy.deepcopy(only(rendered(CASES["scaled"]), "ScaledObject"))
    scaled["spec"]["maxReplicas"] = 3
    scaled["spec"]["triggers"][0]["metadata"]["lagThreshold"] = 5000
    said = " ".join(misfits(scaled))
    assert "maxReplicas" in said
    assert "5000 is not of type 'string'" in said


def test_what_the_newer_api_of_an_operator_requires() -> None:
    """And the older one does not."""
    made = copy.deepcopy(only(rendered(CASES["topics and user of Strimzi 1"]), "KafkaUser"))
    del made["spec"]["authorization"]["acls"][0]["operations"]
    assert "'operations' is a required property" in " ".join(misfits(made))
    made["apiVersion"] = "kafka.strimzi.io/v1beta2"
    assert [] == [*misfits(made)]


def test_the_operators_are_those_whose_kinds_are_asked_for() -> None:
    """Every kind of an operator in any rendering has a definition, and is judged by it."""
    asked = {
        made["apiVersion"].split("/")[0]
        for case in CASES.values()
        for made in rendered(case)
        if is_foreign(made)
    }
    assert {*(api.split("/")[0] for api in OPERATORS), "kafka.strimzi.io"} == asked
