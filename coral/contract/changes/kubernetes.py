"""Events of Kubernetes, as kubernetes-event-exporter, kube-eventer and others write them."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from coral.contract.changes.event import ChangeKind
from coral.contract.changes.told import Told, time_at
from streams.codec.labelled.readable import workload

__all__ = ["from_kubernetes"]

# What of all that a cluster reports is a change, by the kind of the object and the reason; what
# only follows from one (pulled, created, scheduled) or is a symptom (unhealthy, back-off) is none.
_KINDS: Final[Mapping[tuple[str, str], ChangeKind]] = {
    ("Deployment", "ScalingReplicaSet"): "scaled",
    ("Deployment", "DeploymentRollback"): "rolled back",
    ("StatefulSet", "SuccessfulCreate"): "restarted",
    ("DaemonSet", "SuccessfulCreate"): "restarted",
    ("Pod", "Started"): "restarted",
    ("Node", "Rebooted"): "restarted",
}
# A replica set that comes up from nothing is a new version; clusters before 1.26 leave `from` out.
_NEW: Final = re.compile(r"Scaled up replica set \S+ (?:from 0 to \d+|to 1)")
# The last step of a rollout is no change of its own.
_LAST: Final = re.compile(r"Scaled down replica set \S+ (?:from \d+ )?to 0(?: from \d+)?")
_CONTAINER: Final = re.compile(r"spec\.(?:initC|c)ontainers\{([^}]+)\}")
_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "Deployment": ("deployment", "k8s.deployment.name"),
    "StatefulSet": ("statefulset", "k8s.statefulset.name"),
    "DaemonSet": ("daemonset", "k8s.daemonset.name"),
    "Pod": ("pod", "k8s.pod.name"),
    "Node": ("node", "k8s.node.name", "host.name", "host", "instance"),
}
_SERVICE: Final = ("service.name", "service", "app", "app_kubernetes_io_name", "job")


class _Object(msgspec.Struct, frozen=True):
    kind: str = ""
    name: str = ""
    namespace: str | None = None
    fieldPath: str | None = None  # noqa: N815 - the names of Kubernetes, here and below


class _Meta(msgspec.Struct, frozen=True):
    creationTimestamp: str | None = None  # noqa: N815


class _Series(msgspec.Struct, frozen=True):
    lastObservedTime: str | None = None  # noqa: N815


class _KubernetesEvent(msgspec.Struct, frozen=True):
    """Of `v1` and of `events.k8s.io/v1`, which has other names for some."""

    reason: str
    involvedObject: _Object | None = None  # noqa: N815
    regarding: _Object | None = None
    message: str | None = None
    note: str | None = None
    lastTimestamp: str | None = None  # noqa: N815
    firstTimestamp: str | None = None  # noqa: N815
    eventTime: str | None = None  # noqa: N815
    deprecatedLastTimestamp: str | None = None  # noqa: N815
    series: _Series | None = None
    metadata: _Meta = _Meta()
    clusterName: str | None = None  # noqa: N815


def from_kubernetes(tree: Mapping[str, Any]) -> Told | None:
    """Return what an event of Kubernetes tells, None for one that is no change: a `Reader`."""
    held = msgspec.convert(tree, _KubernetesEvent)
    about = held.involvedObject or held.regarding or _Object()
    message = held.message or held.note or ""
    kind = _KINDS.get((about.kind, held.reason))
    if kind is None or _LAST.match(message):
        return None
    if kind == "scaled" and _NEW.match(message):
        kind = "deployed"
    if not about.name:
        raise ValueError("involvedObject.name expected, got none")
    name = workload(about.name) if about.kind == "Pod" else about.name
    return Told(
        kind=kind,
        time=_time(held),
        labels=_labels(held, about, name),
        names=(name,),
        text=message,
    )


def _labels(held: _KubernetesEvent, about: _Object, name: str) -> dict[str, str]:
    """Return the labels that metrics of the object may have."""
    labels = dict.fromkeys(_PLACES[about.kind], about.name)
    if about.kind == "Node":
        return labels
    labels |= dict.fromkeys(_SERVICE, name)
    if about.kind == "Pod":  # whose metrics may be named after what it belongs to
        labels |= dict.fromkeys(_PLACES["Deployment"], name)
        if container := _CONTAINER.fullmatch(about.fieldPath or ""):
            labels |= dict.fromkeys(("container", "container_name"), container[1])
    spaces = {"namespace": about.namespace, "k8s.namespace.name": about.namespace}
    clusters = {"cluster": held.clusterName, "k8s.cluster.name": held.clusterName}
    return labels | {label: value for label, value in (spaces | clusters).items() if value}


def _time(held: _KubernetesEvent) -> float:
    """Return when it happened last, unix s."""
    newest = held.series.lastObservedTime if held.series else None
    known = (
        newest,
        held.lastTimestamp,
        held.deprecatedLastTimestamp,
        held.eventTime,
        held.firstTimestamp,
        held.metadata.creationTimestamp,
    )
    text = next(filter(None, known), "")
    return time_at("lastTimestamp or eventTime", text)
