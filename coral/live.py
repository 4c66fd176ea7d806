"""Commands that talk to a Kafka: watch it, make and check topics, fill one, record one."""

import argparse
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from rich.console import Console

from coral import log
from coral.capture import capture, write
from coral.connection import connection_of
from coral.daemon import opened
from coral.errors import CoralError, Exit
from coral.feedback import Feedback, encode
from coral.replay import CONTENT_TYPE
from coral.settings import Settings, load
from coral.stopping import Stop
from coral.warm import warm
from streams.clock import SystemClock
from streams.errors import StreamsError, UnknownTopicError
from streams.kafka import KafkaConnection, KafkaSink, KafkaSource, KafkaTail, topics
from streams.recorded import RecordedSource, Recording
from streams.watchdog import Watchdog

__all__ = ["incidents", "produce", "run_daemon", "run_record", "run_topics", "send_feedback"]

BATCH = 500
WAIT_S = 0.5
FLUSH_S = 30.0
# Longer than any honest step: a checkpoint is read for at most 75 s, the brokers are waited for
# at most 45 s.
HUNG_S = 120.0


def run_daemon(options: argparse.Namespace) -> int:
    """Watch the input topics until a signal; whatever fails is told in one line of the log."""
    settings = load(options.config, os.environ, options.set).settings
    log.setup(settings.log.level, settings.log.format)
    clock = SystemClock()
    connection = connection_of(settings.kafka, clock)
    log.tell(
        "starting",
        brokers=connection.bootstrap,
        group=settings.kafka.group_id,
        topics=list(settings.input.topics),
        store=settings.state.store,
        publish=settings.state.publish,
    )
    warm()  # before the group waits for this member
    log.tell("kernels compiled")
    try:
        with (
            Stop() as stop,
            Watchdog(HUNG_S) as watchdog,
            opened(settings, connection, clock, watchdog.beat) as daemon,
        ):
            stop.begun = True
            log.tell("joining the group")
            daemon.run(stop)
    except UnknownTopicError as error:
        log.tell("cannot start", logging.ERROR, reason=str(error))
        return Exit.INVALID
    except (CoralError, StreamsError) as error:
        log.tell("failed", logging.ERROR, kind=type(error).__name__, reason=str(error))
        return Exit.FAILURE
    except Exception:  # noqa: BLE001 - a defect is told in the same log as everything else
        log.tell("crashed", logging.CRITICAL)
        return Exit.FAILURE
    log.tell("stopped")
    return Exit.OK


def run_topics(options: argparse.Namespace) -> int:
    """Create the topics CORAL uses, or say what is wrong with them."""
    settings = _settings(options)
    console, connection = Console(), connection_of(settings.kafka, SystemClock())
    specs = (
        *(topics.metrics_topic(name, options.partitions) for name in settings.input.topics),
        topics.incidents_topic(settings.output.incidents, options.partitions),
        topics.dead_letter_topic(settings.output.dead_letters),
        topics.feedback_topic(settings.input.feedback),
        topics.state_topic(settings.state.topic, options.partitions),
    )
    if options.action == "create":
        for name in topics.create(connection, specs, options.replicas):
            console.print(f"created {name}", highlight=False)
    problems = topics.check(connection, specs)
    for problem in problems:
        console.print(problem, highlight=False, soft_wrap=True)
    if problems:
        return Exit.INVALID
    console.print(f"{len(specs)} topics are as they should be.", highlight=False)
    return Exit.OK


def incidents(options: argparse.Namespace) -> Iterator[bytes]:
    """Yield all events of the incidents topic."""
    settings = _settings(options)
    tail = KafkaTail(connection_of(settings.kafka, SystemClock()), settings.output.incidents)
    try:
        yield from tail.existing()
    finally:
        tail.close()


def send_feedback(options: argparse.Namespace, feedback: Feedback) -> str:
    """Write feedback into its topic, and return where that is."""
    settings = _settings(options)
    topic, connection = settings.input.feedback, connection_of(settings.kafka, SystemClock())
    if topics.missing(connection, [topic]):
        raise UnknownTopicError(f"there is no topic {topic}; coral topics create")
    sink = KafkaSink(connection)
    try:
        sink.send(topic, feedback.incident.encode(), encode(feedback), CONTENT_TYPE)
        sink.flush(FLUSH_S)
    finally:
        sink.close()
    return f"topic {topic}"


def _settings(options: argparse.Namespace) -> Settings:
    """Return the configuration; `--kafka` is short for its brokers."""
    shorthand = [f"kafka.bootstrap_servers={options.kafka}"] if options.kafka else []
    return load(options.config, os.environ, [*options.set, *shorthand]).settings


def produce(options: argparse.Namespace) -> int:
    """Write the rows of recordings into a topic, at their pace or a faster one."""
    console = Console()
    with _sink(options) as sink:
        for path in options.paths:
            recording = Recording.open(path, options.kpi, options.interval)
            source = RecordedSource(recording, SystemClock(), options.speed)
            rows = 0
            while not source.exhausted:
                for row in source.poll(BATCH, WAIT_S):
                    sink.send(options.topic, row.key, row.value)
                    rows += 1
                sink.flush(FLUSH_S)
            console.print(f"{path}: {rows} rows to {options.topic}", highlight=False)
    return Exit.OK


def run_record(options: argparse.Namespace) -> int:
    """Record a window of a live topic as an incident folder."""
    console = Console(stderr=True)
    if options.out.exists():
        raise CoralError(f"{options.out} exists already; name a folder that does not.")
    with _source(options) as source, console.status(f"recording {options.system}") as status:
        frames = capture(
            source,
            options.system,
            options.interval,
            options.seconds,
            observe=lambda n: status.update(f"recording {options.system}: {n} rows"),
        )
    meta = write(options.out, frames, options.system, options.interval, options.kpi)
    Console().print(
        f"{options.out}: {meta.n_rows} rows of {meta.n_metrics} series", highlight=False
    )
    return Exit.OK


@contextmanager
def _sink(options: argparse.Namespace) -> Iterator[KafkaSink]:
    sink = KafkaSink(KafkaConnection(options.kafka))
    try:
        yield sink
    finally:
        sink.close()


@contextmanager
def _source(options: argparse.Namespace) -> Iterator[KafkaSource]:
    """Yield a reader of the topic's end, or of `since` seconds before now; commits nothing."""
    source = KafkaSource(
        KafkaConnection(options.kafka),
        [options.topic],
        f"coral-record-{uuid4()}",
        reset="latest",
    )
    try:
        while not source.assignment():
            source.poll(1, WAIT_S)
        if options.since:
            _go_back(source, time.time() - options.since)
        yield source
    finally:
        source.close()


def _go_back(source: KafkaSource, moment: float) -> None:
    for partition in source.assignment():
        offset = source.offset_at(partition, moment)
        if offset is not None:
            source.seek(partition, offset)
