"""What the log says about a daemon: what it owns, learns and publishes, and what it loses."""

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

import structlog

from coral.checkpoint import Saver
from coral.contract.events import Event, Incident, timestamp
from coral.errors import CheckpointError
from streams.align.aligner import Aligner
from streams.clock import Clock
from streams.kafka import Gap
from streams.processing.dead_letters import DeadLetters
from streams.processing.loop import Loop
from streams.records import Frame, TopicPartition

__all__ = ["LifecycleLog", "gap", "partition_name", "waiting"]

REPORT_S: Final = 60.0

log = structlog.stdlib.get_logger()


def partition_name(partition: TopicPartition) -> str:
    """Return a partition as the log names it: ``topic[0]``."""
    return f"{partition.topic}[{partition.partition}]"


def gap(found: Gap) -> None:
    """Log that records were deleted before they were read."""
    log.warning(
        "gap",
        partition=partition_name(found.partition),
        wanted=found.wanted,
        next=found.start,
        lost=max(found.start - found.wanted, 0),
    )


def waiting(partitions: Iterable[TopicPartition]) -> None:
    """Log that the brokers do not say where partitions go on."""
    log.warning("waiting_for_committed_offsets", partitions=sorted(map(partition_name, partitions)))


class LifecycleLog:
    """Logs changes as they happen, and what is dropped at most once a minute.

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

    def gained(self, offset: int, found: dict[str, Any] | None) -> None:
        """Log where the partition of the context goes on, and with which systems."""
        if found is None:
            log.info("gained_without_checkpoint", offset=offset)
        else:
            log.info("restored_from_checkpoint", offset=offset, systems=sorted(found["systems"]))

    def lost(self, systems: Iterable[str]) -> None:
        """Forget the phases of systems that went away."""
        for system in systems:
            self._phases.pop(system, None)

    def refused(self, entry: str, error: CheckpointError) -> None:
        """Log that a checkpoint, or a system in it, was not usable."""
        kind = type(error).__name__
        log.warning("checkpoint_refused", entry=entry, kind=kind, reason=str(error))

    def saved(self, saver: Saver) -> bool:
        """Return whether the last checkpoint could be stored; log when that changes."""
        if saver.error is not None:
            log.error("checkpoint_not_stored", reason=str(saver.error))
        elif saver.failed > self._failed:
            log.info("checkpoints_stored_again")
            self._failed = saver.failed
        return saver.error is None

    def committed(self, offsets: Mapping[TopicPartition, int], size: int, seconds: float) -> None:
        """Log the one line of a checkpoint: stored, and the group has moved on to it.

        At level debug: there is one every few seconds, and only a missing one is news.
        """
        partitions = {partition_name(tp): offset for tp, offset in sorted(offsets.items())}
        log.debug(
            "checkpoint_committed", partitions=partitions, bytes=size, seconds=round(seconds, 3)
        )

    def stepped(self, frame: Frame, phase: str, events: Iterable[Event]) -> None:
        """Log what one frame changed."""
        for event in events:
            _published(event)
        if self._phases.get(frame.system) != phase:
            self._phases[frame.system] = phase
            facts = {"system": frame.system, "series": len(frame.names)}
            if phase == "warming":
                log.info("warming", **facts, at=timestamp(frame.time))
            elif phase == "watching":
                log.info("watching", **facts, at=timestamp(frame.time))

    def polled(
        self, owned: frozenset[TopicPartition], loop: Loop, dead_letters: DeadLetters
    ) -> None:
        """Log changes of the assignment, and what was dropped since the last time."""
        if owned != self._owned:
            gone = sorted(map(partition_name, self._owned - owned))
            if gone:
                log.info("partitions_lost", partitions=gone)
            log.info("assigned", partitions=sorted(map(partition_name, owned)))
            self._owned = owned
        if self._clock.monotonic() - self._last_report >= REPORT_S:
            self.report(loop.systems.aligners.values(), dead_letters)

    def report(self, aligners: Iterable[Aligner], letters: DeadLetters) -> None:
        """Log what was dropped so far, if anything was since the last time."""
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
        log.warning("dropped_so_far", **facts)


def _published(event: Event) -> None:
    """Log an event; the one of the end says everything about its incident in one line."""
    data = event.data
    bound = log.bind(system=data.system, incident=data.incident, **_answer(data))
    revision = {"rows": data.rows, "revision": data.revision, "at": data.now}
    times = {"onset": data.trigger.onset, "opened": data.trigger.time}
    match event.type:
        case "io.coral.incident.opened.v1":
            bound.info("incident_opened", **times, **_left_out(data), summary=data.summary)
        case "io.coral.ranking.updated.v1":
            bound.debug("ranking_updated", **revision)
        case "io.coral.ranking.converged.v1":
            bound.info("ranking_converged", **revision, summary=data.summary)
        case "io.coral.incident.resolved.v1":
            bound.info(
                "incident_resolved",
                resolution=data.resolution,
                **times,
                resolved=data.now,
                rows=data.rows,
                revisions=data.revision,
                converged_after_rows=data.convergence.rows,
            )


def _answer(data: Incident) -> dict[str, object]:
    return {"tier": data.tier, "causes": [cause.entity for cause in data.causes[:3]]}


def _left_out(data: Incident) -> dict[str, object]:
    if data.screened is None:
        return {}
    left_out = data.screened.series - data.screened.in_graph
    return {"series_left_out": left_out, "most_left_out": data.screened.most_left_out}
