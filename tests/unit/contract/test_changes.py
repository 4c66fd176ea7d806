"""Change events as they come in: forms, names, and what is none."""

import json
from typing import Any

import pytest

from coral.contract.changes import ChangeEvent, Naming, changes_in
from streams.codec import DEFAULT_MAPPINGS, SeriesMapping
from streams.records import Record

AT = "2026-11-22T12:40:00Z"
UNIX = 1795351200.0
ONE = Naming(systems=("shop",))


def read(message: object, naming: Naming = ONE, key: bytes | None = None) -> list[ChangeEvent]:
    """Return the change events of a message of which everything can be used."""
    value = message if isinstance(message, bytes) else json.dumps(message).encode()
    found = changes_in(Record("coral.changes.v1", 0, 0, key, value), naming)
    assert found.problems == []
    return found.changes


def problems(message: object, naming: Naming = ONE) -> list[str]:
    """Return what is wrong with a message."""
    value = message if isinstance(message, bytes) else json.dumps(message).encode()
    return changes_in(Record("coral.changes.v1", 0, 0, None, value), naming).problems


def cdevent(what: str, subject: str = "service/orders", **content: object) -> dict[str, Any]:
    """A CDEvent as version 0.4 of the specification has it."""
    return {
        "context": {
            "version": "0.4.1",
            "id": "271069a8",
            "source": "/ci/main",
            "type": f"dev.cdevents.{what}.0.2.0",
            "timestamp": AT,
        },
        "subject": {"id": subject, "type": what.partition(".")[0], "content": content},
    }


def kubernetes(kind: str, name: str, reason: str, message: str = "", **more: object) -> object:
    """An event of Kubernetes as kubernetes-event-exporter writes it."""
    about = {"kind": kind, "namespace": "shop", "name": name, "labels": {"app": "x"}}
    return {
        "metadata": {"name": f"{name}.17f3", "namespace": "shop", "creationTimestamp": AT},
        "reason": reason,
        "message": message,
        "source": {"component": "deployment-controller"},
        "firstTimestamp": "2026-11-22T12:00:00Z",
        "lastTimestamp": AT,
        "count": 3,
        "type": "Normal",
        "eventTime": None,
        "clusterName": "",
        "involvedObject": about | more,
    }


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("service.deployed", "deployed"),
        ("service.upgraded", "upgraded"),
        ("service.rolledback", "rolled back"),
        ("service.removed", "removed"),
        ("service.published", "published"),
    ],
)
def test_a_cdevent_of_a_service_is_about_it(what: str, kind: str) -> None:
    """By the last part of its id, as the other parts are the producer's own."""
    environment = {"id": "production"}
    (change,) = read(cdevent(what, environment=environment, artifactId="pkg:oci/orders@1.42"))
    assert (change.system, change.entities, change.kind) == ("shop", ("orders",), kind)
    assert (change.time, change.text) == (UNIX, "pkg:oci/orders@1.42")


def test_a_modified_environment_is_all_of_the_system() -> None:
    """It names no part."""
    (change,) = read(cdevent("environment.modified", "production", name="production"))
    assert (change.entities, change.kind, change.text) == ((), "modified", "production")


def test_a_cdevent_comes_in_a_cloudevent_too() -> None:
    """Structured mode: the CDEvent is its data."""
    inner = cdevent("service.deployed", environment={"id": "production"})
    outer = {"specversion": "1.0", "id": "1", "source": "/ci", "type": "x", "data": inner}
    assert read(inner) == read(outer)


def test_other_stages_are_no_change_and_no_error() -> None:
    """A topic of all CDEvents, or of all events of a cluster, may be given."""
    assert read([cdevent("build.started"), cdevent("environment.created")]) == []
    assert read(kubernetes("Pod", "orders-7d9f5c6b8-x2lqv", "Unhealthy", "probe failed")) == []


def test_a_new_replica_set_is_a_deployment_and_more_of_it_is_scaling() -> None:
    """With and without `from`, as clusters of both kinds say it; its last step says nothing."""
    said = {
        "Scaled up replica set orders-7d9f5c6b8 from 0 to 1": "deployed",
        "Scaled up replica set orders-7d9f5c6b8 to 1": "deployed",
        "Scaled up replica set orders-7d9f5c6b8 from 2 to 3": "scaled",
        "Scaled down replica set orders-7d9f5c6b8 from 3 to 2": "scaled",
        "Scaled down replica set orders-5b6c7d8f9 from 1 to 0": None,
        "Scaled down replica set orders-5b6c7d8f9 to 0 from 1": None,
    }
    for message, kind in said.items():
        found = read(kubernetes("Deployment", "orders", "ScalingReplicaSet", message))
        assert [kind] * (kind is not None) == [change.kind for change in found]
    assert [change.time for change in read(kubernetes("Node", "n1", "Rebooted"))] == [UNIX]


def test_a_part_is_named_by_the_template_of_the_metrics() -> None:
    """Of each format; a container that starts belongs to what its pod belongs to."""
    pod = kubernetes(
        "Pod",
        "orders-7d9f5c6b8-x2lqv",
        "Started",
        fieldPath="spec.containers{app}",
    )
    mappings = {
        "{namespace}/{deployment}": "shop/orders",
        "{namespace}/{pod|workload}": "shop/orders",
        "{k8s.namespace.name}/{k8s.deployment.name}": "shop/orders",
        "{pod}": "orders-7d9f5c6b8-x2lqv",
        "{container}": "app",
        "{@job}": "orders",
        "{service}-{nobody}": "orders",
    }
    for template, entity in mappings.items():
        naming = Naming((("metrics", SeriesMapping(entity=(template,))),))
        (change,) = read(pod, naming)
        assert (template, change.entities[0], change.kind) == (template, entity, "restarted")
    (change,) = read(cdevent("service.deployed"), Naming((("m", DEFAULT_MAPPINGS["otlp_json"]),)))
    assert ("orders",) == change.entities


@pytest.mark.parametrize("wrap", ["event", "object", "body"])
def test_what_exporters_put_around_an_event_is_taken_off(wrap: str) -> None:
    """kube-eventer writes it as text, others as an object."""
    bare = kubernetes("StatefulSet", "postgres", "SuccessfulCreate")
    eventer = {
        "EventValue": json.dumps(bare, indent=1),
        "EventTimestamp": AT,
        "EventTags": {"eventID": "1"},
    }
    assert read(bare) == read({wrap: bare, "type": "ADDED"}) == read(eventer)
    assert [change.kind for change in read(bare)] == ["restarted"]


def test_the_newer_events_of_kubernetes_have_other_names() -> None:
    """`events.k8s.io/v1`."""
    message = {
        "regarding": {"kind": "Node", "name": "node-1"},
        "reason": "Rebooted",
        "note": "Node node-1 has been rebooted",
        "deprecatedLastTimestamp": None,
        "eventTime": "2026-11-22T12:00:00.000000Z",
        "series": {"count": 2, "lastObservedTime": AT},
    }
    (change,) = read(message)
    assert (change.entities, change.time) == (("node-1",), UNIX)
    assert change.text == "Node node-1 has been rebooted"


def test_the_own_form_is_short() -> None:
    """A kind and a time are enough; one a line or an array, as with metrics."""
    own = {"kind": "deployed", "timestamp": UNIX}
    named = own | {"entity": "orders", "text": "1.42", "system": "other", "timestamp": AT}
    lines = b"\n".join(json.dumps(one).encode() for one in (own, named))
    changes = read(lines)
    assert changes == read([own, named])
    assert changes == [
        ChangeEvent(system="shop", kind="deployed", time=UNIX),
        ChangeEvent(system="other", entities=("orders",), kind="deployed", time=UNIX, text="1.42"),
    ]


def test_the_system_is_named_by_the_template_or_the_key() -> None:
    """One topic of metrics is one system by default; on a topic of rows the key says which."""
    own = {"kind": "deployed", "timestamp": UNIX, "entity": "orders"}
    topics = (("shop-metrics", SeriesMapping()), ("other", SeriesMapping(system=("{cluster}",))))
    assert [change.system for change in read(own, Naming(topics))] == ["shop-metrics"]
    assert [change.system for change in read(own, Naming(), key=b"web")] == ["web"]
    assert problems(own, Naming()) == [
        "$: a `system`, or the system as key of the record, expected, got none"
    ]


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        (b"junk", "JSON expected"),
        (b"\xff\xfe", "UTF-8 expected"),
        (b"[" * 5000, "nested less deeply"),
        ({"kind": "deployd", "timestamp": 1.0}, "Invalid enum value 'deployd'"),
        ({"kind": "deployed", "timestamp": 1.7e12}, "looks like milliseconds"),
        ({"kind": "deployed", "timestamp": "yesterday"}, "RFC 3339 time with its zone"),
        ({"kind": "deployed", "timestamp": 1.0, "entity": "a:b"}, "name without `:`"),
        ({"kind": "deployed", "timestamp": 1.0, "entity": "x" * 600}, "at most 512 characters"),
        (cdevent("service.deployed", "x" * 600), "at most 512 characters"),
        ({"alerts": [], "status": "firing"}, "got alerts, status"),
        (cdevent("service.deployed") | {"subject": {}}, "missing required field `id`"),
        (kubernetes("Pod", "", "Started"), "involvedObject.name expected"),
    ],
)
def test_an_error_says_the_rule_and_what_came(message: object, rule: str) -> None:
    """In one sentence, and nothing is raised."""
    (told,) = problems(message)
    assert rule in told


def test_what_is_wrong_costs_itself_alone() -> None:
    """The others of the message are used, and the place is told."""
    good = {"kind": "deployed", "timestamp": UNIX}
    value = json.dumps([good, {"kind": "x", "timestamp": 1}, 7, good | {"entity": "db"}]).encode()
    found = changes_in(Record("t", 0, 0, None, value), ONE)
    assert [change.entities for change in found.changes] == [(), ("db",)]
    assert [told.partition(":")[0] for told in found.problems] == ["[2]", "[1]"]
    assert changes_in(Record("t", 0, 0, None, b""), ONE) == ([], [])
