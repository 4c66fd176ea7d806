"""The daemon: one member of a consumer group, from the input topics to the incidents topic.

It puts parts together and keeps what belongs to a partition together: decoder, systems, offset.
What is computed is `Engine.step`; how it is driven is `streams.processing.loop`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars

from coral import __version__, checkpoint
from coral.checkpoint import Saver, Store
from coral.checkpoint.snapshot import State
from coral.config import digest
from coral.contract.events import encode, message_of, timestamp
from coral.daemon.inbox import Inbox
from coral.daemon.left_out_log import LeftOutLog
from coral.daemon.lifecycle_log import LifecycleLog, partition_name
from coral.daemon.measured_sink import MeasuredSink
from coral.daemon.models import Models
from coral.daemon.notify.message_queue import GIVE_UP_S
from coral.daemon.notify.notifiers import Notifiers
from coral.daemon.questions import Questions
from coral.daemon.reporter import Reporter
from coral.daemon.shadow import Shadow
from coral.engine import Engine
from coral.errors import CheckpointError
from coral.http.board import Board
from coral.settings import Settings
from streams.align.aligner import Aligner
from streams.base import Sink, Source
from streams.clock import Clock
from streams.codec import LabelledCodec, NativeCodec
from streams.errors import CommitFailedError, DecodeError
from streams.kafka import TransactionalSink
from streams.processing.dead_letters import DeadLetterPolicy, DeadLetters
from streams.processing.loop import Loop, LoopPolicy, Offsets
from streams.records import Decoded, Frame, Message, Record, TopicPartition

__all__ = ["Daemon"]

log = structlog.stdlib.get_logger()

Codec = NativeCodec | LabelledCodec

# A checkpoint is due by time; this only bounds the work repeated after a crash while catching up.
COMMIT_RECORDS = 50_000
# Checkpoints that the loop waits for take at most this share of its time.
CHECKPOINT_SHARE = 0.05
# Longest outage of the brokers that is waited out while there is something to publish.
FLUSH_S = 45.0


class Daemon:
    """State of one member, and the loop over it.

    Parameters
    ----------
    settings : Settings
    source, sink : Source, Sink
    store : Store
        Of checkpoints. With a `TransactionalSink` it writes through that sink.
    clock : Clock
        For the pace of commits and reports; events depend on event time alone.
    beat : callable
        Is called at every step that may take long: the process is getting on.
    inboxes : sequence of Inbox
        Of what comes in beside the metrics.
    board : Board, optional
        Gets what others may see.
    notifiers : Notifiers, optional
        Gets every event as soon as it is sent.
    shadow : Settings, optional
        A second configuration that judges the same frames, and publishes nothing.
    """

    def __init__(
        self,
        settings: Settings,
        source: Source,
        sink: Sink,
        store: Store,
        clock: Clock,
        beat: Callable[[], None],
        inboxes: Sequence[Inbox[Any]] = (),
        board: Board | None = None,
        notifiers: Notifiers | None = None,
        shadow: Settings | None = None,
    ) -> None:
        self._notifiers = notifiers or Notifiers(Settings(), clock)
        self._inboxes = inboxes
        self._settings, self._source, self._store, self._beat = settings, source, store, beat
        self._engines: dict[str, Engine] = {}
        self._codecs: dict[TopicPartition, Codec] = {}
        self._written: dict[TopicPartition, float] = {}  # when the newest record was, unix s
        self._saved: dict[TopicPartition, int] = {}
        self._saving: Offsets = {}
        self._taken = self._took = 0.0  # when the newest checkpoint was, how long it took, s, ...
        self._size = self._records = 0  # ... its bytes, and after how many records it was
        self._due = False
        # What a restart must have in common with this process to repeat what it did.
        self._shaped_by = _shape(settings)
        self._once = once = isinstance(sink, TransactionalSink)
        # In a transaction a checkpoint must be stored before the commit, otherwise beside the loop.
        self._saver = None if once else Saver(store)
        self._dead_letters = _dead_letters(settings, clock)
        self._clock, self._log, self._left_out = clock, LifecycleLog(clock), LeftOutLog(clock)
        board = board or Board(clock, 0)
        self._reporter = Reporter(board, settings, clock, self._notifiers.states)
        self._questions = board.answer = Questions(settings)
        self.models = board.model = Models(self._questions, self._reporter.retired)
        self._shadow = None if shadow is None else Shadow(shadow, board, self._tell_again)
        self.loop = Loop(
            source,
            MeasuredSink(sink, clock, self._reporter.publish.add),
            self._decode,
            self._handle,
            self._aligner,
            clock,
            dead_letters=self._dead_letters,
            policy=_policy(settings, once=once),
            checkpoint=self._checkpoint,
            commit=self._committing(sink) if isinstance(sink, TransactionalSink) else _commit_later,
            restore=self._restore,
            lost=self._lose,
            progress=self._progress,
            caught_up=self._caught_up,
        )

    def run(self, stop: Callable[[], bool]) -> None:
        """Run until `stop` says so; everything processed is durable when this returns."""

        def stopping() -> bool:
            told = stop()
            self._due |= told  # the last commit has a checkpoint
            return told

        self.loop.run(stopping)
        if self._saver is not None:
            self._settle(self._saver)
            self._saver.close()
        self._log.report(self.loop.systems.aligners.values(), self._dead_letters)
        self._left_out.report(self.loop.left_out)
        log.info("drained", records=self.loop.records, events=self.loop.messages)

    def status(self) -> dict[str, object]:
        """Return what is owned, in which phases its systems are, and what was done so far."""
        owned = sorted(self._source.assignment())
        phases = Counter(engine.phase for engine in self._engines.values())
        letters = self._dead_letters.written + self._dead_letters.suppressed
        return {
            "partitions": {partition_name(tp): self._source.position(tp) for tp in owned},
            "systems": dict(sorted(phases.items())),
            "records": self.loop.records,
            "events": self.loop.messages,
            "dead_letters": letters,
            "seconds_since_checkpoint": round(self._clock.monotonic() - self._taken, 1),
        }

    def _decode(self, record: Record) -> Decoded:
        self._written[record.topic_partition] = record.timestamp_ms / 1e3
        codec = self._codecs.get(record.topic_partition)
        if codec is None:
            codec = self._codecs[record.topic_partition] = self._settings.codec(record.topic)
        begun = self._clock.monotonic()
        try:
            samples = codec.decode(record)
        except DecodeError:
            raise
        except Exception:
            # The line of the crash says which record did it.
            where = partition_name(record.topic_partition)
            bind_contextvars(partition=where, offset=record.offset)
            raise
        self._reporter.decode.add(self._clock.monotonic() - begun)
        return samples

    def _aligner(self, system: str) -> Aligner:
        grid = self._settings.grid(system)
        return Aligner(grid.interval_s, grid.lateness_s, self._settings.limits.max_series)

    def _engine(self, system: str) -> Engine:
        return Engine(self._settings.system(system), self._settings.engine)

    def _handle(self, frame: Frame) -> list[Message]:
        self._beat()
        engine = self._engines.get(frame.system)
        if engine is None:
            engine = self._engines[frame.system] = self._engine(frame.system)
            if self.loop.systems.home(frame.system) not in self.loop.repeating:
                self._remind([frame.system])
        begun = self._clock.monotonic()
        try:
            events = engine.step(frame)
        except Exception:
            # The line of the crash says whose row did it.
            bind_contextvars(system=frame.system, at=timestamp(frame.time))
            raise
        now, phase = self._clock.monotonic(), engine.phase
        self._reporter.stepped(frame, phase, now, now - begun, engine.trigger)
        self._log.stepped(frame, phase, events, engine.sight)
        topic, history = self._settings.output.incidents, self._is_history(frame.system)
        messages = [message_of(event, topic, history=history) for event in events]
        for event, message in zip(events, messages, strict=True):
            self._reporter.sent(event, message.value)
            # Also while records are repeated: what waited to be told went with the process before.
            self._notifiers.told(event, message.value, history=history)
        if not history and self._notifiers.untold({frame.system}):
            standing = engine.standing()
            if standing is not None:
                self._notifiers.told(standing, encode(standing))
        if self._shadow is not None:
            self._shadow.step(frame, events)
        return messages

    def _is_history(self, system: str) -> bool:
        """Whether the rows of a system were written so long ago that they should wake nobody.

        The stamps of the records say so, not those of the rows: a recording that is played into a
        topic is of the present.
        """
        home = self.loop.systems.home(system)
        written = 0.0 if home is None else self._written.get(home, 0.0)
        return 0.0 < written < self._clock.time() - GIVE_UP_S

    def _checkpoint(self, offsets: Offsets) -> None:
        """Store the state of every partition that has moved since it was last stored.

        In a transaction that is left for later when it was done of late: until then the offsets
        that are committed with the events say what a restart has to repeat (`Loop.repeat`).
        """
        moved = {tp: offset for tp, offset in offsets.items() if self._saved.get(tp) != offset}
        if self._once and not self._is_due():
            moved = {tp: offset for tp, offset in moved.items() if tp not in self._saved}
        decoders = {
            tp: codec.state_dict()
            for tp, codec in self._codecs.items()
            if tp in moved and isinstance(codec, LabelledCodec)
        }
        taken = checkpoint.capture(moved, self.loop.systems, self._engines, decoders)
        for snapshot in taken.values():
            snapshot["shaped_by"] = self._shaped_by
            snapshot["untold"] = self._notifiers.untold(snapshot["systems"].keys())
            if self._shadow is not None:
                self._shadow.keep(snapshot["systems"])
        self._saved |= moved
        begun = self._clock.monotonic()
        if self._saver is None:
            size = 0
            for partition, snapshot in taken.items():
                self._beat()
                size += checkpoint.save(self._store, {partition: snapshot})
            if moved:
                self._taken, self._size = self._clock.monotonic(), size
                self._took, self._records, self._due = self._taken - begun, self.loop.records, False
                self._reporter.committed(size, self._took)
            return
        self._taken, self._size = begun, 0
        self._settle(self._saver)
        self._saver.submit(taken)
        self._saving = moved

    def _is_due(self) -> bool:
        """Whether it is time for a checkpoint that the loop waits for."""
        since = self._clock.monotonic() - self._taken
        long = since >= self._settings.state.interval_s
        much = self.loop.records - self._records >= COMMIT_RECORDS
        return self._due or ((long or much) and since * CHECKPOINT_SHARE >= self._took)

    def _settle(self, saver: Saver) -> None:
        """Wait for the checkpoint being stored, and let the group move on to it.

        The group never moves beyond what is stored: a process killed before its first checkpoint
        would leave its successor a start in the middle, with nothing known of what came before.
        """
        if not self._saving:
            return
        saver.wait()
        moved, self._saving = self._saving, {}
        if not self._log.saved(saver):
            self._saved.clear()  # what could not be stored is taken anew by the next checkpoint
            return
        kept = {tp: moved[tp] for tp in moved.keys() & self._source.assignment()}
        if kept:
            with suppress(CommitFailedError):  # made up for by the next one, or by the next owner
                self._source.commit(kept)
                self._committed(kept, saver.size)
                self._reporter.committed(saver.size, self._clock.monotonic() - self._taken)

    def _committing(self, sink: TransactionalSink) -> Callable[[Offsets], None]:
        def commit(offsets: Offsets) -> None:
            sink.commit(offsets)
            self._committed(offsets, self._size)

        return commit

    def _committed(self, offsets: Offsets, size: int) -> None:
        self._log.committed(offsets, size, self._clock.monotonic() - self._taken)

    def _restore(self, partitions: frozenset[TopicPartition]) -> None:
        """Go on from the newest valid checkpoint of each partition, before its first record."""
        if self._saver is not None:
            self._settle(self._saver)
        for partition in sorted(partitions):
            self._beat()
            self._codecs.pop(partition, None)
            self._saved.pop(partition, None)
            with bound_contextvars(partition=partition_name(partition)):
                found = checkpoint.load(self._store, partition, self._log.refused)
                if found is not None:
                    self._continue(partition, found)
                self._log.gained(self._source.position(partition), found)

    def _continue(self, partition: TopicPartition, found: State) -> None:
        systems, refused = self.loop.systems, self._log.refused
        restored = checkpoint.restore(partition, found, systems, self._engine, refused)
        self._engines |= restored
        untold = found.get("untold", ())  # older checkpoints have none
        for event in filter(None, (engine.standing() for engine in restored.values())):
            self._notifiers.restored(event, told=event.data.system not in untold)
        self._reporter.restored(systems.aligners, restored)
        if self._shadow is not None:
            held = found["systems"]
            self._shadow.restore({name: held[name] for name in restored})
        published = self._source.committed(partition) if self._once else None
        same = found.get("shaped_by") == self._shaped_by
        if published is not None and published > found["offset"] and same:
            self.loop.repeat(partition, published)
        else:
            self._remind(restored)
        if found["decoder"] is not None:
            self._codecs[partition] = self._restored_codec(partition, found["decoder"])
        self._source.seek(partition, found["offset"])
        if self._saver is not None:
            # Stored by a process that died before it could tell the group.
            with suppress(CommitFailedError):
                self._source.commit({partition: found["offset"]})

    def _caught_up(self, partition: TopicPartition) -> None:
        """Tell the systems of a partition what the process before could not have known."""
        home = self.loop.systems.home
        self._remind(name for name in self._engines if home(name) == partition)

    def _remind(self, systems: Iterable[str]) -> None:
        """Tell engines what came for them before."""
        for system in systems:
            self._tell_again(system, self._engines[system])

    def _tell_again(self, system: str, engine: Engine) -> None:
        for inbox in self._inboxes:
            inbox.remind(system, engine)

    def _restored_codec(self, partition: TopicPartition, state: dict[str, Any]) -> Codec:
        codec = self._settings.codec(partition.topic)
        try:
            if isinstance(codec, LabelledCodec):
                codec.load_state_dict(state)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # The format or the mapping was changed; it starts anew, which costs each rate a point.
            self._log.refused(f"decoder of {partition}", CheckpointError(str(error)))
            return self._settings.codec(partition.topic)
        return codec

    def _lose(self, systems: frozenset[str]) -> None:
        """Forget what another member goes on with, or what made room for others."""
        for system in systems:
            self._engines.pop(system, None)
        self._log.lost(systems)
        self._reporter.lost(systems)
        self._notifiers.lost(systems)
        if self._shadow is not None:
            self._shadow.lose(systems)

    def _progress(self, loop: Loop) -> None:
        self._beat()
        # What was told is part of the state before anything that follows from it is committed.
        home, repeating = loop.systems.home, loop.repeating
        told = self._engines
        if repeating:
            told = {name: one for name, one in told.items() if home(name) not in repeating}
        for inbox in self._inboxes:
            if inbox.deliver(told):
                self._due = True
                if self._shadow is not None:
                    self._shadow.remind()
        if self._saver is not None and self._saving and not self._saver.busy:
            self._settle(self._saver)
        owned = self._source.assignment()
        for partition in self._codecs.keys() - owned:
            del self._codecs[partition]
        self._log.polled(owned, loop, self._dead_letters)
        self._left_out.polled(loop.left_out)
        self.show()

    def show(self) -> None:
        """Answer what was asked; publish what holds, if the last time was long enough ago."""
        self._questions.serve(self._engines, self.loop.systems.aligners)
        failed = 0 if self._saver is None else self._saver.failed
        self._reporter.polled(
            self.loop,
            self._engines,
            self._dead_letters,
            self._source.lag,
            failed=failed,
            inboxes=self._inboxes,
        )


def _shape(settings: Settings) -> str:
    """Return a fingerprint of all that shapes state and events, apart from the data."""
    held = {"input": settings.input, "systems": settings.systems, "limits": settings.limits}
    return digest(settings.engine, __version__, policies=held)


def _dead_letters(settings: Settings, clock: Clock) -> DeadLetters:
    output = settings.output
    return DeadLetters(DeadLetterPolicy(output.dead_letters, output.dead_letters_per_minute), clock)


def _policy(settings: Settings, *, once: bool) -> LoopPolicy:
    return LoopPolicy(
        commit_records=COMMIT_RECORDS,
        commit_interval_s=settings.state.interval_s,
        flush_timeout_s=FLUSH_S,
        max_systems=settings.limits.max_systems,
        configured=frozenset(settings.systems),
        commit_after_send=once,
    )


def _commit_later(_: Offsets) -> None:
    """Leave step 4 to `Daemon._settle`, when the checkpoint of step 3 is stored."""
