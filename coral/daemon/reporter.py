"""What the loop shows of itself: notes taken at every row, and a snapshot of them each second."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from coral.config import SystemConfig
from coral.contract.events import Event, timestamp
from coral.daemon.inbox import Inbox
from coral.daemon.no_data import NoData
from coral.engine import Engine
from coral.http.board import Board
from coral.http.histogram import Stopwatch
from coral.http.row_notes import RowNotes
from coral.http.state import (
    Backlog,
    Brief,
    Checkpointing,
    SinkState,
    Snapshot,
    SystemBase,
    SystemState,
    Totals,
    TriggerReading,
)
from coral.incident.sight import Phase, Sight
from coral.settings import Settings
from detectors.trigger import Trigger
from streams.align.aligner import Aligner
from streams.clock import Clock
from streams.processing.dead_letters import DeadLetters
from streams.processing.loop import Loop
from streams.records import Frame, TopicPartition

__all__ = ["Reporter"]

EVERY_S: Final = 1.0
# A snapshot of many systems takes milliseconds: two are at least so many times that apart.
PACE: Final = 100.0
# What could be noticed is looked at when the phase changes and every so often; a look takes as
# long as a few rows, so no more than some at a time.
LOOK_AGAIN_S: Final = 60.0
LOOKS: Final = 8
_COUNTED: Final = ("late", "duplicate", "future", "refused", "expired", "displaced")
MOST_RETIRED: Final = 200
LATEST: Final = 5
"""Late sources of a system that are named."""
_OPEN: Final = ("diagnosing", "settled")
_NOTHING: Final = Sight("warming", [], [], [], [], None)


class _Followed:
    """What is noted of one system."""

    __slots__ = (
        *("frame", "health_signals", "interval_s", "learned", "looked", "looked_at"),
        *("names", "notes", "phase", "refitted", "retired", "rows", "scale", "sight"),
    )

    def __init__(self, config: SystemConfig) -> None:
        self.interval_s, self.health_signals = config.interval_s, [*config.health_names]
        self.notes = RowNotes(config)
        self.frame: Frame | None = None
        self.names: tuple[str, ...] = ()
        self.retired: tuple[tuple[str, float], ...] = ()  # series that left, and when
        self.rows = 0
        self.phase: Phase = "warming"
        self.learned: float | None = None  # event time of the newest row taken for normal
        self.scale: object = None  # of its base, and ...
        self.refitted: float | None = None  # ... event time at which another one was seen
        self.sight = _NOTHING
        self.looked: Phase | None = None  # phase at the last look ...
        self.looked_at = 0.0  # ... and when that was

    def note_series(self, frame: Frame) -> None:
        """Note which series a frame no longer has."""
        there = set(frame.names)
        left = [(name, frame.time) for name in self.names if name not in there]
        self.retired, self.names = (*self.retired, *left)[-MOST_RETIRED:], frame.names


class Reporter:
    """Takes notes in the loop and publishes them on a board; belongs to the loop's thread.

    Parameters
    ----------
    board : Board
    settings : Settings
    clock : Clock
    sinks : callable, optional
        Returns how those do who are told over HTTP.

    Attributes
    ----------
    decode, tick, publish : Stopwatch
    no_data : NoData
    """

    def __init__(
        self,
        board: Board,
        settings: Settings,
        clock: Clock,
        sinks: Callable[[], tuple[SinkState, ...]] = tuple,
    ) -> None:
        self._board, self._settings, self._clock = board, settings, clock
        self._sinks = sinks
        self.decode, self.tick, self.publish = Stopwatch(), Stopwatch(), Stopwatch()
        self.no_data = NoData(settings.no_data_after_s)
        self._systems: dict[str, _Followed] = {}
        self._last: dict[str, tuple[int, ...]] = {}  # counters of the aligners when last seen
        self._counts = Counter[str]()  # what they add up to since the process began
        self._opened, self._felt = Counter[str](), Counter[str]()
        self._alerts = Counter[str]()  # by what came of them
        self._checkpointing = Checkpointing()
        self._due = clock.monotonic()

    def stepped(
        self,
        frame: Frame,
        phase: Phase,
        now: float,
        seconds: float,
        trigger: Trigger | None = None,
    ) -> None:
        """Note one row.

        Parameters
        ----------
        frame : Frame
        phase : str
            Of its engine, after it.
        now : float
            Reading of the monotonic clock, s.
        seconds : float
            What the engine took.
        trigger : Trigger, optional
            Of its engine, after it.
        """
        self.tick.add(seconds)
        self.no_data.seen(frame.system, now)
        followed = self._followed(frame.system)
        followed.frame, followed.phase = frame, phase
        if frame.names is not followed.names:
            followed.note_series(frame)
        self._board.timelines.note(frame.system, followed.notes.of(frame, trigger))
        followed.rows += 1
        if phase not in _OPEN or followed.learned is None:
            followed.learned = frame.time

    def sent(self, event: Event, encoded: bytes) -> None:
        """Note one event, as it is published."""
        data, before = event.data, self._board.incidents.get(event.subject)
        known = None if before is None else before.brief
        other = known is not None and known.kind != data.kind
        if event.type == "io.coral.incident.opened.v1" or other:
            self._opened[data.kind] += 1
            self._felt[data.kind] += bool(data.felt)
        elif known is not None and data.felt and not known.felt:
            self._felt[data.kind] += 1
        self._board.incidents.take(event, encoded)
        self._board.timelines.follow(data)

    def retired(self, system: str) -> tuple[tuple[str, float], ...]:
        """Return the newest series of a system that left, and when, unix s; from any thread."""
        followed = self._systems.get(system)
        return () if followed is None else followed.retired

    def committed(self, size: int, seconds: float) -> None:
        """Note a checkpoint: stored, and the group has moved on to it."""
        self._checkpointing = Checkpointing(self._clock.time(), size, seconds)

    def restored(self, aligners: Mapping[str, Aligner], systems: Iterable[str]) -> None:
        """Note systems that go on from a checkpoint; what they dropped before is not ours."""
        for system in systems:
            self._last[system] = _counters(aligners[system])
            self.no_data.seen(system, self._clock.monotonic())

    def lost(self, systems: frozenset[str]) -> None:
        """Forget what another member goes on with."""
        self.no_data.forget(systems)
        self._board.incidents.forget_open(systems)
        self._board.timelines.forget(systems)
        for system in systems:
            self._systems.pop(system, None)
            self._last.pop(system, None)

    def polled(
        self,
        loop: Loop,
        engines: Mapping[str, Engine],
        letters: DeadLetters,
        lag: Callable[[], Mapping[TopicPartition, int | None] | None],
        *,
        failed: int,
        inboxes: Sequence[Inbox[Any]] = (),
    ) -> None:
        """Publish a snapshot, if the last one is old enough.

        Parameters
        ----------
        loop : Loop
        engines : mapping
        letters : DeadLetters
        lag : callable
            `lag` of the source.
        failed : int
            Checkpoints that could not be stored.
        inboxes : sequence of Inbox
            Of what comes in beside the metrics.
        """
        now = self._clock.monotonic()
        if now < self._due:
            return
        self.no_data.check(now)
        self._look(engines, now)
        for engine in engines.values():
            self._alerts.update(engine.alerts.outcomes)
            engine.alerts.outcomes.clear()
        aligners, home_of = loop.systems.aligners, loop.systems.home
        self._count(aligners)
        incidents = self._open_incidents()
        states = tuple(
            self._state(name, aligners[name], home, engines.get(name), incidents.get(name))
            for name in sorted(aligners)
            if (home := home_of(name)) is not None
        )
        followed = self._systems.values()
        newest = [each.frame.time for each in followed if each.frame is not None]
        refitted = [each.refitted for each in followed if each.refitted is not None]
        behind = lag()
        taken = {"decode": self.decode, "tick": self.tick, "publish": self.publish}
        self._board.snapshot = Snapshot(
            at=self._clock.time(),
            joined=behind is not None,
            systems=states,
            partitions=tuple(Backlog(*tp, lag) for tp, lag in sorted((behind or {}).items())),
            counted=self._counted(loop, letters, inboxes),
            active=self._active(states, incidents),
            elsewhere={inbox.what: inbox.elsewhere(engines) for inbox in inboxes},
            durations={name: each.taken() for name, each in taken.items()},
            checkpointing=msgspec.structs.replace(self._checkpointing, failed=failed),
            newest=max(newest, default=None),
            refitted=min(refitted, default=None),
            series_limit=self._settings.limits.max_series,
            systems_limit=self._settings.limits.max_systems,
            sinks=self._sinks(),
        )
        self._due = now + max(EVERY_S, PACE * (self._clock.monotonic() - now))

    def _followed(self, system: str) -> _Followed:
        found = self._systems.get(system)
        if found is None:
            found = self._systems[system] = _Followed(self._settings.system(system))
            self._board.timelines.watch(system, found.notes.watched)
        return found

    def _look(self, engines: Mapping[str, Engine], now: float) -> None:
        """Ask some engines what could be noticed: where the phase has changed, and in turn."""
        waiting = [
            (name, each)
            for name, each in self._systems.items()
            if each.looked != each.phase or now - each.looked_at >= LOOK_AGAIN_S
        ]
        waiting.sort(key=lambda item: item[1].looked_at)
        for name, each in waiting[:LOOKS]:
            if name in engines:
                each.sight = engines[name].sight()
            each.looked, each.looked_at = each.phase, now

    def _count(self, aligners: Mapping[str, Aligner]) -> None:
        """Add up what the aligners dropped and forgot since they were last seen."""
        for name, aligner in aligners.items():
            now = _counters(aligner)
            before = self._last.get(name, (0,) * len(_COUNTED))
            if now != before:
                for reason, more in zip(_COUNTED, map(int.__sub__, now, before), strict=True):
                    self._counts[reason] += max(more, 0)
                self._last[name] = now

    def _counted(self, loop: Loop, letters: DeadLetters, inboxes: Sequence[Inbox[Any]]) -> Totals:
        return Totals(
            records=loop.records,
            rows=loop.frames,
            events=loop.messages,
            systems_displaced=loop.systems.displaced,
            suppressed=letters.suppressed,
            dead_letters={str(kind): count for kind, count in letters.by_kind.items()},
            opened=dict(self._opened),
            felt=dict(self._felt),
            alerts=dict(self._alerts),
            messages_refused={inbox.what: inbox.refused for inbox in inboxes},
            **{reason: self._counts[reason] for reason in _COUNTED},
        )

    def _open_incidents(self) -> dict[str, Brief]:
        """Return the open incident of each system that has one."""
        found = self._board.incidents.briefs()
        return {each.system: each for each in found if each.state != "resolved"}

    def _active(
        self, systems: Iterable[SystemState], incidents: Mapping[str, Brief]
    ) -> dict[str, int]:
        """Count open ones; one that an earlier process opened is unknown until it is revised."""
        return Counter(
            incidents[each.system].kind if each.system in incidents else "unknown"
            for each in systems
            if each.phase in _OPEN
        )

    def _state(
        self,
        name: str,
        aligner: Aligner,
        home: TopicPartition,
        engine: Engine | None,
        incident: Brief | None,
    ) -> SystemState:
        followed = self._followed(name)
        frame, sight = followed.frame, followed.sight
        if frame is None and engine is not None:
            followed.phase = engine.phase  # of a checkpoint
        newest = aligner.watermark if frame is None else frame.time
        budgets = sight.budgets
        return SystemState(
            system=name,
            topic=home.topic,
            partition=home.partition,
            phase=followed.phase,
            no_data=name in self.no_data,
            last=timestamp(newest) if math.isfinite(newest) else None,
            rows=followed.rows,
            series=len(aligner.series),
            interval_s=followed.interval_s,
            health_signals=followed.health_signals,
            base=_base(followed, engine, newest),
            incident=None if incident is None else incident.incident,
            needed=sight.needed,
            reach=sight.reach,
            absent_signals=sight.absent_signals,
            absent_entities=sight.absent_entities,
            calls=[*sight.calls],
            pages=None if budgets is None else budgets.pages,
            changes=None if budgets is None else budgets.changes,
            **dict(zip(_COUNTED, _counters(aligner), strict=True)),
            trigger=_reading(engine),
            latest=_latest(aligner),
        )


def _counters(aligner: Aligner) -> tuple[int, ...]:
    return tuple(getattr(aligner, name) for name in _COUNTED)


def _latest(aligner: Aligner) -> dict[str, float]:
    """Return the sources that were latest, and how late, s."""
    worst = sorted(aligner.sources.worst.values(), key=lambda late: (-late.seconds, late.source))
    return {late.source: round(late.seconds, 3) for late in worst[:LATEST]}


def _reading(engine: Engine | None) -> TriggerReading | None:
    """Return what the trigger says of the newest row."""
    trigger = None if engine is None else engine.trigger
    if trigger is None:
        return None
    values = (trigger.statistic, trigger.threshold, trigger.evidence)
    statistic, limit, evidence = (v if math.isfinite(v) else None for v in values)
    return TriggerReading(trigger.statistic_name, statistic, limit, evidence or 0.0)


def _base(followed: _Followed, engine: Engine | None, newest: float) -> SystemBase:
    """Return what is known of the base of a system whose newest row is of this time."""
    if engine is None or engine.trigger is None:  # no row has come yet
        return SystemBase(0, 0.0, None)
    baseline, learned = engine.baseline, followed.learned
    if followed.scale is not baseline.scale:
        if followed.scale is not None:
            followed.refitted = newest
        followed.scale = baseline.scale
    refitted = None if followed.refitted is None else timestamp(followed.refitted)
    return SystemBase(baseline.n_rows, 0.0 if learned is None else newest - learned, refitted)
