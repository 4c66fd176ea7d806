"""Copies input topics into one topic whose keys are the systems, each record exactly once.

For producers that do not key by the system: one system's records then lie in several partitions,
and `coral run` takes a system from one partition only.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Final

import structlog

from coral.daemon.clients import member, needed, publisher
from coral.settings import Settings, SettingsError, SettingsProblem
from streams.clock import Clock
from streams.errors import DecodeError
from streams.kafka import KafkaConnection, KafkaSource, TransactionalSink, require
from streams.processing.dead_letters import DeadLetterPolicy, DeadLetters
from streams.records import Record, TopicPartition

__all__ = ["Rekeyer", "opened"]

log = structlog.stdlib.get_logger()

POLL_RECORDS: Final = 2000
POLL_S: Final = 0.5
FLUSH_S: Final = 45.0
REPORT_S: Final = 60.0
# What a topic takes by default, less some room for what Kafka adds.
MAX_BYTES: Final = 1_000_000


class Rekeyer:
    """One member of the group that copies; partitions of the input may move between members.

    The records of a poll, their dead letters and their offsets are one transaction. There is no
    other state, so a process that dies at any instant leaves nothing half done to its successor.

    Parameters
    ----------
    settings : Settings
        Its input topics, all of one format.
    source : KafkaSource
    sink : TransactionalSink
    topic : str
        Gets the records.
    clock : Clock
    beat : callable
        Is called at every poll: the process is getting on.
    """

    def __init__(
        self,
        settings: Settings,
        source: KafkaSource,
        sink: TransactionalSink,
        topic: str,
        clock: Clock,
        beat: Callable[[], None],
    ) -> None:
        self._source, self._sink, self._topic = source, sink, topic
        self._clock, self._beat = clock, beat
        self._codecs = {name: settings.codec(name) for name in settings.input.topics}
        output = settings.output
        policy = DeadLetterPolicy(output.dead_letters, output.dead_letters_per_minute)
        self._letters = DeadLetters(policy, clock)
        self._counts = {"written": 0, "without_values": 0}
        self._reported = clock.monotonic()

    def run(self, stop: Callable[[], bool]) -> None:
        """Copy until `stop` says so.

        Raises
        ------
        SinkError
            If a transaction failed; nothing of it is visible, and a new process repeats it.
        """
        while not stop():
            self._beat()
            offsets = {}
            for record in _merged(self._source.poll(POLL_RECORDS, POLL_S)):
                self._copy(record)
                offsets[record.topic_partition] = record.offset + 1
            if offsets:
                self._sink.flush(FLUSH_S)
                self._sink.commit(offsets)
            if self._clock.monotonic() - self._reported >= REPORT_S:
                self._report()
        self._report()

    def status(self) -> dict[str, object]:
        """Return what was done so far."""
        letters = self._letters
        return {
            **self._counts,
            "dead_letters": letters.written,
            "dead_letters_suppressed": letters.suppressed,
        }

    def _copy(self, record: Record) -> None:
        try:
            systems = self._systems(record)
        except DecodeError as error:
            letter = self._letters.letter(record, [error.problem()])
            if letter is not None:
                self._sink.send(letter.topic, letter.key, letter.value, letter.headers)
            return
        for system in systems:
            stamp = record.timestamp_ms if record.timestamp_ms >= 0 else None
            key = system.encode()
            self._sink.send(self._topic, key, record.value, record.headers, timestamp_ms=stamp)
        self._counts["written" if systems else "without_values"] += 1

    def _systems(self, record: Record) -> frozenset[str]:
        """Return the one system that a record belongs to, none if it has no values.

        Raises
        ------
        DecodeError
            If it belongs to several, or cannot be copied.
        """
        if record.unread:
            raise DecodeError.of(record, record.unread)
        size = len(record.value) + sum(len(n) + len(v) for n, v in record.headers)
        if size > MAX_BYTES:
            reason = f"at most {MAX_BYTES} bytes with headers expected, got {size}"
            raise DecodeError.of(record, reason, kind="limit")
        systems = self._codecs[record.topic].systems(record)
        if len(systems) > 1:
            names = ", ".join(sorted(systems)[:3])
            reason = f"one system in a record expected, got {len(systems)}: {names}"
            raise DecodeError.of(record, reason, "system", "system")
        return systems

    def _report(self) -> None:
        """Log what was done so far."""
        self._reported = self._clock.monotonic()
        facts = self.status()
        if self._letters.newest:
            facts["newest"] = self._letters.newest
        log.info("rekeyed_so_far", **facts)


def _merged(records: list[Record]) -> Iterable[Record]:
    """Return records in the order of their time stamps, as far as their partitions keep it."""
    lanes: dict[TopicPartition, list[Record]] = {}
    for record in records:
        lanes.setdefault(record.topic_partition, []).append(record)
    return heapq.merge(*lanes.values(), key=lambda record: record.timestamp_ms)


@contextmanager
def opened(
    settings: Settings,
    topic: str,
    connection: KafkaConnection,
    clock: Clock,
    beat: Callable[[], None],
) -> Iterator[Rekeyer]:
    """Yield a `Rekeyer` with everything it needs, and close all of it, come what may.

    Raises
    ------
    SettingsError
        If the input topics differ in format or mapping, or the output is one of them.
    UnknownTopicError
        Naming every topic that does not exist.
    BrokerError
        If no broker answers within 30 s, or refuses the log-in.
    """
    _check(settings, topic)
    written = [topic, settings.output.dead_letters]
    group = f"{settings.kafka.group_id}.rekey"
    require(connection, needed(settings, written), group)
    with (
        closing(member(settings, connection, group, clock)) as source,
        closing(publisher(settings, connection, source, written, group)) as sink,
    ):
        yield Rekeyer(settings, source, sink, topic, clock, beat)


def _check(settings: Settings, topic: str) -> None:
    """Refuse what would make a topic that no one configuration can read, or that feeds itself."""
    kinds = {repr(held) for held in settings.input.topics.values()}
    if len(kinds) > 1:
        rule = "topics of one format and mapping expected, as they become one topic"
        raise SettingsError([SettingsProblem("input.topics", rule, f"{len(kinds)} kinds")])
    if topic in (*settings.input.topics, settings.output.dead_letters):
        rule = "topic other than those of `input.topics` and `output.dead_letters` expected"
        raise SettingsError([SettingsProblem("--to", rule, repr(topic))])
