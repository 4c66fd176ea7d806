"""CDEvents of continuous deployment: https://cdevents.dev, service and environment."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from coral.contract.changes.event import ChangeKind
from coral.contract.changes.told import Told, time_at

__all__ = ["from_cdevent"]

_TYPE: Final = re.compile(r"dev\.cdevents\.(\w+)\.(\w+)(?:\.\d.*)?")
_KINDS: Final[Mapping[tuple[str, str], ChangeKind]] = {
    ("service", "deployed"): "deployed",
    ("service", "upgraded"): "upgraded",
    ("service", "rolledback"): "rolled back",
    ("service", "removed"): "removed",
    ("service", "published"): "published",
    ("environment", "modified"): "modified",
}


class _EventContext(msgspec.Struct, frozen=True):
    type: str
    timestamp: str


class _Environment(msgspec.Struct, frozen=True):
    id: str = ""


class _Content(msgspec.Struct, frozen=True):
    environment: _Environment = _Environment()
    artifactId: str = ""  # noqa: N815 - the standard's name


class _Subject(msgspec.Struct, frozen=True):
    id: str
    content: _Content = _Content()


class _CDEvent(msgspec.Struct, frozen=True):
    context: _EventContext
    subject: _Subject


def from_cdevent(tree: Mapping[str, Any]) -> Told | None:
    """Return what a CDEvent tells, None for a build, a test or an incident: a `Reader`."""
    held = msgspec.convert(tree, _CDEvent)
    named = _TYPE.fullmatch(held.context.type)
    kind = _KINDS.get((named[1], named[2])) if named else None
    if kind is None:
        return None
    time = time_at("context.timestamp", held.context.timestamp)
    service = named is not None and named[1] == "service"
    environment = held.subject.content.environment.id if service else held.subject.id
    # `daemonset/myapp`, `namespace/myapp`: what comes before the name is for its own system.
    name = held.subject.id.rpartition("/")[2] if service else ""
    labels = dict.fromkeys(_SERVICE, name) | dict.fromkeys(_ENVIRONMENT, environment)
    return Told(
        kind=kind,
        time=time,
        labels={label: value for label, value in labels.items() if value},
        names=(name,) if name else (),
        text=held.subject.content.artifactId if service else environment,
    )


_SERVICE: Final = ("service.name", "service", "app", "app_kubernetes_io_name", "job")
_ENVIRONMENT: Final = ("environment", "env", "deployment.environment.name")
