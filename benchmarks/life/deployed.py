"""What a pipeline and a cluster tell of a life: deployments and restarts, those of faults too."""

from collections.abc import Iterator

import numpy as np

from coral.contract.changes import ChangeEvent, ChangeKind
from life.benign import BenignKind
from life.series import EPOCH
from life.topology import SERVICES, STATIONS
from life.world import SYSTEM, World

__all__ = ["change_events"]

_TOLD: dict[BenignKind, ChangeKind] = {
    "deployment": "deployed",
    "new service": "published",
    "retired service": "removed",
}


def change_events(world: World, share: float = 1.0) -> list[ChangeEvent]:
    """Return the change events of a life by their time, as a cluster would write them.

    Deployments, bad ones as well, services that come and go, and every start of a process: after
    a deployment, in a crash loop, and when memory has run out. Of a share below 1 the others are
    missing, drawn at random from one seed.
    """
    events = sorted(_events(world), key=lambda one: one.time)
    told = np.random.default_rng(0).random(len(events)) < share
    return [event for event, is_told in zip(events, told, strict=True) if is_told]


def _events(world: World) -> Iterator[ChangeEvent]:
    for event in world.benign:
        if event.kind in _TOLD:
            yield _told(event.entity, _TOLD[event.kind], event.start)
    for fault in world.faults:
        for part in fault.parts:
            if part.kind == "bad deployment":
                yield _told(part.target, "deployed", part.start)
    for name in SERVICES:
        restarts = world.life.restarts[:, STATIONS.index(name)]
        for time in world.times[np.diff(restarts, prepend=0.0) > 0.0]:
            yield _told(name, "restarted", float(time))


def _told(entity: str, kind: ChangeKind, start: float) -> ChangeEvent:
    return ChangeEvent(system=SYSTEM, entities=(entity,), kind=kind, time=EPOCH + start)
