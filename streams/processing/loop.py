"""The one loop that drives a stream: poll, decode, align, handle, send, flush, commit."""

from collections.abc import Callable, Container, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from streams.align.aligner import Aligner
from streams.base import Sink, Source
from streams.clock import Clock
from streams.errors import CommitFailedError, DecodeError
from streams.processing.dead_letters import DeadLetters
from streams.processing.left_out import LeftOut
from streams.processing.systems import Systems
from streams.records import UNWRITTEN, Decoded, Frame, Message, Problem, Record, TopicPartition

Offsets = Mapping[TopicPartition, int]


@dataclass(frozen=True)
class LoopPolicy:
    """How much at a time, and how often to commit.

    Parameters
    ----------
    max_poll_records : int
        Most records taken by one poll, >= 1.
    poll_timeout_s : float
        Longest wait for records, and so for the loop to notice that it should stop.
    commit_records : int
        Commit when so many records were processed since the last commit, >= 1 ...
    commit_interval_s : float
        ... or so many seconds passed on the clock, whichever comes first.
    flush_timeout_s : float
        Longest wait for the sink to store everything.
    max_systems : int
        Records of further systems are dead letters, until others have been silent for long.
    configured : container of str
        Systems beyond that number.
    commit_after_send : bool
        Commit before the next poll whenever a message was sent. Transactions need it: none may
        stay open over a poll, and nobody sees their messages before the commit.
    """

    max_poll_records: int = 500
    poll_timeout_s: float = 0.5
    commit_records: int = 10_000
    commit_interval_s: float = 5.0
    flush_timeout_s: float = 30.0
    max_systems: int = 1000
    configured: Container[str] = frozenset()
    commit_after_send: bool = False


class Loop:
    """Drives frames from a source through a handler to a sink, at least once.

    Parameters
    ----------
    source : Source
    sink : Sink
    decode : callable
        Record to samples and problems; raises `DecodeError` and nothing else.
    handler : callable
        Frame to the messages that follow from it; pure but for its own state.
    aligner : callable
        System id to a new `Aligner` for it.
    clock : Clock
        Measures the time between commits.
    dead_letters : DeadLetters, optional
        Without it records that cannot be used are only counted.
    policy : LoopPolicy
    checkpoint : callable, optional
        Gets the offsets about to be committed; must have stored them, the handler's state and
        `systems.state_dict()` of this loop when it returns, or hold a copy of all three that is
        stored later: a restart continues from what is stored, whatever was committed.
    commit : callable, optional
        Takes the place of ``source.commit``; one that commits a transaction makes the messages,
        the checkpoint and the offsets visible all at once.
    restore : callable, optional
        Gets the partitions that came to this member, before any of their records: loads the
        state of their systems (`systems.load_state_dict`) and seeks the source to its offsets.
    lost : callable, optional
        Gets the systems whose partition went to another member, or that made room for others;
        their state here is gone.
    progress : callable, optional
        Gets this loop after every poll; for progress bars and health checks.
    caught_up : callable, optional
        Gets a partition whose records are new again after `repeat`, before the first of them.

    Attributes
    ----------
    records, frames, messages, bad, commits : int
        Processed, handled, sent, not usable in whole or in part, and made, so far.
    left_out : LeftOut
        What was not usable in them, by reason and metric.
    systems : Systems
        Aligners, their counters and their state.

    Examples
    --------
    >>> loop = Loop(source, sink, codec.decode, handler, aligner, clock)  # doctest: +SKIP
    >>> loop.run(stop=lambda: stopping.is_set())  # doctest: +SKIP
    """

    def __init__(
        self,
        source: Source,
        sink: Sink,
        decode: Callable[[Record], Decoded],
        handler: Callable[[Frame], Iterable[Message]],
        aligner: Callable[[str], Aligner],
        clock: Clock,
        *,
        dead_letters: DeadLetters | None = None,
        policy: LoopPolicy | None = None,
        checkpoint: Callable[[Offsets], None] | None = None,
        commit: Callable[[Offsets], None] | None = None,
        restore: Callable[[frozenset[TopicPartition]], None] | None = None,
        lost: Callable[[frozenset[str]], None] | None = None,
        progress: Callable[["Loop"], None] | None = None,
        caught_up: Callable[[TopicPartition], None] | None = None,
    ) -> None:
        self._source = source
        self._sink = sink
        self._decode = decode
        self._handler = handler
        self._clock = clock
        self._dead_letters = dead_letters
        self._policy = policy or LoopPolicy()
        self._checkpoint = checkpoint
        self._commit = commit or source.commit
        self._restore = restore
        self._lost = lost
        self._progress = progress
        self._caught_up = caught_up
        self._repeated: dict[TopicPartition, int] = {}
        self._silent = False  # whether what is processed now was sent by the process before
        self.systems = Systems(
            aligner, self._policy.max_systems, self._policy.configured, self._forget
        )
        self.left_out = LeftOut()
        self._offsets: dict[TopicPartition, int] = {}
        self._owned: frozenset[TopicPartition] = frozenset()
        self._uncommitted = 0
        self._unflushed = 0
        self._last_commit = clock.monotonic()
        self.records = self.frames = self.messages = self.bad = self.commits = 0

    def run(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Poll until the source is exhausted or `stop` says so, then commit what was processed.

        At the end of an exhausted source the open ticks are closed; on `stop` they stay open, to
        be continued from the checkpoint. An exception of any part ends the loop without a commit.
        """
        self._follow_assignment()
        while not stop():
            if self._source.exhausted:
                self._silent = False
                self._handle(self.systems.flush())
                self._uncommitted += 1  # what followed from the last frames must be flushed too
                break
            self.run_once(stop)
        self._uncommitted += bool(self._offsets)  # what follows may hold more than the last commit
        self.commit()

    def run_once(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Poll once, process what came, and commit if it is time to.

        When `stop` says so in between, the rest of what came is left for the next start.
        """
        policy = self._policy
        self._follow_assignment()  # of a source that has one before its first poll
        records = self._source.poll(policy.max_poll_records, policy.poll_timeout_s)
        self._follow_assignment()
        for record in records:
            if stop():
                break
            self._process(record)
        if self._is_time_to_commit():
            self.commit()
        if self._progress is not None:
            self._progress(self)

    def repeat(self, partition: TopicPartition, end: int) -> None:
        """Process the records of a partition before `end` for the state that follows from them.

        What is sent because of them was sent, and committed, by the process before.
        """
        self._repeated[partition] = end

    @property
    def repeating(self) -> AbstractSet[TopicPartition]:
        """Partitions whose records were processed by the process before, so far."""
        return self._repeated.keys()

    def commit(self) -> None:
        """Make everything up to here durable; does nothing if nothing was processed."""
        self._last_commit = self._clock.monotonic()
        if not self._uncommitted:
            return
        offsets = dict(self._offsets)
        # Step 1, send, was done while processing. Step 2: all messages are stored.
        self._sink.flush(self._policy.flush_timeout_s)
        self._unflushed = 0
        # Step 3: so is the state that follows from the same records.
        if self._checkpoint is not None:
            self._checkpoint(offsets)
        # Step 4: only now may the group move on. A refusal means another member owns a partition
        # by now; the next poll says which, and its owner reads from the last commit. It never
        # moves back behind what was sent.
        reached = {tp: max(at, self._repeated.get(tp, at)) for tp, at in offsets.items()}
        try:
            self._commit(reached)
        except CommitFailedError:
            return
        self._uncommitted = 0
        self.commits += 1

    def _is_time_to_commit(self) -> bool:
        policy = self._policy
        if policy.commit_after_send and self._unflushed:
            return True
        waited = self._clock.monotonic() - self._last_commit
        return self._uncommitted >= policy.commit_records or waited >= policy.commit_interval_s

    def _process(self, record: Record) -> None:
        partition = record.topic_partition
        if record.offset >= self._repeated.get(partition, record.offset + 1):
            del self._repeated[partition]
            if self._caught_up is not None:
                self._caught_up(partition)
        self._silent = partition in self._repeated
        try:
            if record.unread:
                raise DecodeError.of(record, record.unread)
            samples, found = self._decode(record)
        except DecodeError as error:
            samples, found = [], [error.problem()]
        problems = [*found] if found else []
        for part in samples:
            try:
                frames = self.systems.push(part, record)
            except DecodeError as error:
                problems.append(error.problem())
            else:
                self._handle(frames)
        if problems:
            self._bury(record, problems)
        self._offsets[partition] = record.offset + 1
        self._uncommitted += 1
        self.records += 1

    def _handle(self, frames: list[Frame]) -> None:
        for frame in frames:
            self.frames += 1
            for message in self._handler(frame):
                self._send(message)

    def _send(self, message: Message) -> None:
        if self._silent:
            return
        self._sink.send(message.topic, message.key, message.value, message.headers)
        self.messages += 1
        self._unflushed += 1

    def _bury(self, record: Record, problems: list[Problem]) -> None:
        """Count what was left out; what can be looked at goes to the dead letters."""
        self.left_out.count(problems)
        told = [problem for problem in problems if problem.kind not in UNWRITTEN]
        if not told:
            return
        self.bad += 1
        letter = self._dead_letters and self._dead_letters.letter(record, told)
        if letter:
            self._send(letter)

    def _forget(self, system: str) -> None:
        """Drop a system that made room for another."""
        if self._lost is not None:
            self._lost(frozenset({system}))

    def _follow_assignment(self) -> None:
        """Drop the state of partitions the last poll gave away, restore that of new ones."""
        owned = self._source.assignment()
        lost, new = self._owned - owned, owned - self._owned
        self._owned = owned
        for partition in lost:
            self._offsets.pop(partition, None)
            self._repeated.pop(partition, None)
        gone = self.systems.forget(lost)
        if gone and self._lost is not None:
            self._lost(gone)
        if new and self._restore is not None:
            self._restore(new)
