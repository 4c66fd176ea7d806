"""Recordings into the topics of a daemon: rows, and what is known beside them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from coral.cli.recordings import Opener, known_beside
from coral.errors import Exit

if TYPE_CHECKING:
    from rich.console import Console

    from coral.replay.beside import Beside
    from coral.settings import Settings
    from streams.kafka import KafkaConnection
    from streams.records import Message

__all__ = ["produce"]

BATCH = 500
WAIT_S = 0.5
FLUSH_S = 30.0


def produce(
    settings: Settings,
    topic: str,
    paths: Sequence[Path],
    opener: Opener,
    speed: float | None,
) -> Exit:
    """Write the rows of recordings into a topic, at their pace or a faster one.

    Change events and alerts go into the topics of the settings, each before the first row that is
    not older; where there is no such topic they are left out.
    """
    from coral.daemon.connection import connection_of
    from coral.report.terminal import console_for
    from streams.clock import SystemClock
    from streams.kafka import KafkaSink
    from streams.recorded import RecordedSource

    console, clock = console_for(), SystemClock()
    connection = connection_of(settings, clock)
    with closing(KafkaSink(connection)) as sink:
        for path in paths:
            recording = opener.open(path, console, console)
            beside = known_beside(recording, console, console)
            beside = _with_topics(beside, settings, connection, console)
            coming = deque(_messages(beside, settings))
            source, rows = RecordedSource(recording, clock, speed), 0
            while not source.exhausted:
                for row in source.poll(BATCH, WAIT_S):
                    while coming and 1000.0 * coming[0][0] <= row.timestamp_ms:
                        _, word = coming.popleft()
                        sink.send(word.topic, word.key, word.value)
                    sink.send(topic, row.key, row.value)
                    rows += 1
                sink.flush(FLUSH_S)
            for _, word in coming:
                sink.send(word.topic, word.key, word.value)
            sink.flush(FLUSH_S)
            console.print(f"{path}: {rows} rows to {topic}", highlight=False)
    return Exit.OK


def _with_topics(
    beside: Beside, settings: Settings, connection: KafkaConnection, console: Console
) -> Beside:
    """Return what there are topics for; what there are none for is told."""
    from streams.errors import UnknownTopicError
    from streams.kafka import require

    topics = {"changes": settings.input.changes, "alerts": settings.alerts.topic}
    for what, topic in topics.items():
        try:
            require(connection, {topic: {"WRITE"}} if getattr(beside, what) else {})
        except UnknownTopicError as error:
            console.print(f"  {what} are left out: {error}", highlight=False)
            beside = beside._replace(**{what: ()})
    return beside


def _messages(beside: Beside, settings: Settings) -> Iterator[tuple[float, Message]]:
    """Yield what is to be sent when, unix s."""
    from coral.contract import alerts, changes
    from streams.records import Message

    for time, word in beside.told():
        key = word.system.encode()
        if isinstance(word, alerts.Alert):
            yield time, Message(settings.alerts.topic, key, alerts.encode(word))
        else:
            yield time, Message(settings.input.changes, key, changes.encode(word))
