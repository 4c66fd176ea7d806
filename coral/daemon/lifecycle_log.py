"""What the log says about a daemon: what it owns, learns and publishes, and what it loses."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

import structlog

from coral.checkpoint import Saver
from coral.contract.events import Event, Incident, timestamp
from coral.errors import CheckpointError
from coral.incident.sight import Phase, Sight
from streams.align.aligner import Aligner
from streams.clock import Clock
from streams.kafka import Gap
from streams.processing.dead_letters import DeadLetters
from streams.processing.loop import Loop
from streams.records import Frame, TopicPartition

__all__ = ["LifecycleLog", "gap", "partition_name", "waiting"]

REPORT_S: Final = 60.0
NAMED: Final = 5

Logger = structlog.stdlib.BoundLogger

log: Logger = structlog.stdlib.get_logger()


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
        self._phases: dict[str, Phase] = {}
        self._changes: set[str] = set()  # open ones, while they are no incidents
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

    def stepped(
        self, frame: Frame, phase: Phase, events: Iterable[Event], sight: Callable[[], Sight]
    ) -> None:
        """Log what one frame changed.

        Parameters
        ----------
        frame : Frame
        phase : str
            Of the system's engine, after the frame.
        events : iterable of Event
            What the frame caused.
        sight : callable
            Returns what could be noticed; is asked when the phase has changed.
        """
        for event in events:
            self._published(event)
        if self._phases.get(frame.system) != phase:
            self._phases[frame.system] = phase
            system = {"system": frame.system, "series": len(frame.names)}
            bound = log.bind(**system, at=timestamp(frame.time))
            if phase == "warming":
                bound.info("warming", **_seen(sight()))
            elif phase == "blind":
                bound.warning("blind", **_seen(sight()))
            elif phase == "watching":
                bound.info("watching", **_seen(sight()))

    def _published(self, event: Event) -> None:
        """Log an event; the one of the end says everything about its incident in one line."""
        data = event.data
        bound = log.bind(system=data.system, incident=data.incident, **_answer(data))
        revision = {"rows": data.rows, "revision": data.revision, "at": data.now}
        if data.kind == "incident" and data.incident in self._changes:
            self._changes.discard(data.incident)
            bound.info("change_became_incident", **revision, summary=data.summary)
        match event.type:
            case "io.coral.incident.opened.v1":
                self._opened(data, bound)
            case "io.coral.ranking.updated.v1":
                bound.debug("ranking_updated", **revision)
            case "io.coral.ranking.converged.v1":
                bound.info("ranking_converged", **revision, summary=data.summary)
            case "io.coral.incident.resolved.v1":
                self._resolved(data, bound)

    def _opened(self, data: Incident, bound: Logger) -> None:
        facts = {**_times(data), **_left_out(data), "summary": data.summary}
        if data.kind == "change":
            self._changes.add(data.incident)
            bound.info("change_opened", **facts)
        else:
            bound.info("incident_opened", **facts)

    def _resolved(self, data: Incident, bound: Logger) -> None:
        self._changes.discard(data.incident)
        facts = {
            "resolution": data.resolution,
            **_times(data),
            "resolved": data.now,
            "rows": data.rows,
            "revisions": data.revision,
            "converged_after_rows": data.convergence.rows,
        }
        if data.kind == "change":
            bound.info("change_resolved", **facts)
        else:
            bound.info("incident_resolved", **facts)

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
        slow = [late for aligner in systems for late in aligner.sources.worst.values()]
        if slow:
            slow.sort(key=lambda late: (-late.seconds, late.source))
            facts["latest"] = [
                f"{late.source} {late.seconds:.0f} s (lateness_s {late.lateness_s}, or its clock)"
                for late in slow[:NAMED]
            ]
        fast = [f"{found[0]} {found[1]:.0f} s" for a in systems if (found := a.fast)]
        if fast:
            facts["clocks_ahead"] = fast[:NAMED]
        if refused:
            facts["most_refused"] = [entity for entity, _ in refused.most_common(5)]
        if letters.newest:
            facts["newest"] = letters.newest
        log.warning("dropped_so_far", **facts)


def _answer(data: Incident) -> dict[str, object]:
    felt = [one.signal for one in data.felt]
    causes = [cause.entity for cause in data.causes[:3]]
    facts: dict[str, object] = {"kind": data.kind, "felt": felt}
    if data.alerts:
        facts["alerts"] = [one.name for one in data.alerts]
    return facts | {"tier": data.tier, "causes": causes}


def _times(data: Incident) -> dict[str, str]:
    return {"onset": data.trigger.onset, "opened": data.trigger.time}


def _seen(sight: Sight) -> dict[str, object]:
    """Return what could be noticed, what not, and what was raised so far; without what is empty."""
    lists = {
        "needed": sight.needed,
        "reach": sight.reach,
        "aggregated": sight.aggregated,
        "absent_signals": sight.absent_signals,
        "absent_entities": sight.absent_entities,
        "perhaps_meant": dict(sight.meant),
    }
    facts: dict[str, object] = {name: said for name, said in lists.items() if said}
    held = {} if sight.budgets is None else sight.budgets._asdict()
    for name, budget in held.items():
        if budget is not None:
            facts[name] = budget.alarms
            facts[f"{name}_per_week"] = budget.per_week
            facts[f"{name}_at_most_per_week"] = budget.certified_per_week
    return facts


def _left_out(data: Incident) -> dict[str, object]:
    if data.screened is None:
        return {}
    left_out = data.screened.series - data.screened.in_graph
    return {"series_left_out": left_out, "most_left_out": data.screened.most_left_out}
