"""What the log says about a daemon: joined, gained, restored, watching, opened, lost."""

import logging
from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any, Final

from coral.checkpoint import Saver
from coral.contract.events import Event, timestamp
from coral.daemon.log import tell
from coral.errors import CheckpointError
from streams.align.aligner import Aligner
from streams.clock import Clock
from streams.kafka import Gap
from streams.processing.dead_letters import DeadLetters
from streams.processing.loop import Loop
from streams.records import Frame, TopicPartition

__all__ = ["Logbook", "gap", "waiting"]

REPORT_S: Final = 60.0
_PREFIX: Final = "io.coral."


def gap(found: Gap) -> None:
    """Tell that records were deleted before they were read."""
    lost = max(found.start - found.wanted, 0)
    where = _name(found.partition)
    tell("gap", logging.WARNING, partition=where, wanted=found.wanted, next=found.start, lost=lost)


def waiting(partitions: Iterable[TopicPartition]) -> None:
    """Tell that the brokers do not say where partitions go on."""
    names = sorted(map(_name, partitions))
    tell("waiting for committed offsets", logging.WARNING, partitions=names)


class Logbook:
    """Tells changes as they happen, and what is dropped at most once a minute.

    Parameters
    ----------
    clock : Clock
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._phases: dict[str, str] = {}
        self._owned: AbstractSet[TopicPartition] = frozenset()
        self._dropped: dict[str, int] = {}
        self._last_report = -REPORT_S
        self._failed = 0

    def gained(self, partition: TopicPartition, offset: int, found: dict[str, Any] | None) -> None:
        """Tell where a partition goes on, and with which systems."""
        where = _name(partition)
        if found is None:
            tell("partition gained without a checkpoint", partition=where, offset=offset)
        else:
            systems = sorted(found["systems"])
            tell("restored from checkpoint", partition=where, offset=offset, systems=systems)

    def lost(self, systems: Iterable[str]) -> None:
        """Forget the phases of systems that went away."""
        for system in systems:
            self._phases.pop(system, None)

    def refused(self, entry: str, error: CheckpointError) -> None:
        """Tell that a checkpoint, or a system in it, was not usable."""
        kind = type(error).__name__
        tell("checkpoint refused", logging.WARNING, entry=entry, kind=kind, reason=str(error))

    def saved(self, saver: Saver) -> bool:
        """Return whether the last checkpoint could be stored; tell when that changes."""
        if saver.error is not None:
            tell("checkpoint not stored", logging.ERROR, reason=str(saver.error))
        elif saver.failed > self._failed:
            tell("checkpoints are stored again")
            self._failed = saver.failed
        return saver.error is None

    def stepped(self, frame: Frame, phase: str, events: Iterable[Event]) -> None:
        """Tell what one frame changed."""
        for event in events:
            self._published(event)
        if self._phases.get(frame.system) != phase:
            self._phases[frame.system] = phase
            if phase in ("warming", "watching"):
                tell(phase, system=frame.system, series=len(frame.names), at=timestamp(frame.time))

    def polled(
        self, owned: frozenset[TopicPartition], loop: Loop, dead_letters: DeadLetters
    ) -> None:
        """Tell changes of the assignment, and what was dropped since this was told last."""
        if owned != self._owned:
            gone = sorted(map(_name, self._owned - owned))
            if gone:
                tell("partitions lost", partitions=gone)
            tell("assigned", partitions=sorted(map(_name, owned)))
            self._owned = owned
        if self._clock.monotonic() - self._last_report >= REPORT_S:
            self.report(loop.systems.aligners.values(), dead_letters)

    def report(self, aligners: Iterable[Aligner], letters: DeadLetters) -> None:
        """Tell what was dropped so far, if anything was since this was told last."""
        systems, refused = list(aligners), Counter[str]()
        dropped = {"dead_letters": letters.written, "dead_letters_suppressed": letters.suppressed}
        for name in ("late", "future", "refused"):
            dropped[name] = sum(getattr(aligner, name) for aligner in systems)
        if all(count == self._dropped.get(name, 0) for name, count in dropped.items()):
            return
        self._last_report = self._clock.monotonic()
        self._dropped = dropped
        facts: dict[str, object] = {name: count for name, count in dropped.items() if count}
        for aligner in systems:
            refused.update(dict(aligner.series.top_refused()))
        if refused:
            facts["most_refused"] = [entity for entity, _ in refused.most_common(5)]
        if letters.newest is not None:
            facts["newest"] = str(letters.newest)
        tell("dropped so far", logging.WARNING, **facts)

    def _published(self, event: Event) -> None:
        data = event.data
        facts: dict[str, object] = {"system": data.system, "incident": data.incident}
        facts |= {"revision": data.revision, "at": data.now}
        kind = event.type.removeprefix(_PREFIX).removesuffix(".v1")
        if data.causes:
            facts |= {"tier": data.tier, "causes": [cause.entity for cause in data.causes[:3]]}
        if kind in ("incident.opened", "ranking.converged"):
            facts["summary"] = data.summary
        if kind == "incident.opened" and data.screened is not None:
            facts["series_left_out"] = data.screened.series - data.screened.in_graph
            facts["most_left_out"] = data.screened.most_left_out
        level = logging.DEBUG if kind == "ranking.updated" else logging.INFO
        tell(kind, level, **facts)


def _name(partition: TopicPartition) -> str:
    return f"{partition.topic}[{partition.partition}]"
