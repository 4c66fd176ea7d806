"""Commands that talk to a Kafka: watch, rekey, make and check topics, fill one, record one."""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from typing import Protocol
from uuid import uuid4

import structlog
from rich.console import Console

from coral import __version__
from coral.contract.events import CONTENT_TYPE
from coral.contract.feedback import Feedback, encode
from coral.daemon import daemon, rekey
from coral.daemon.connection import connection_of
from coral.daemon.log import configure
from coral.daemon.reload import Reload
from coral.daemon.signals import Stop
from coral.daemon.warmup import warm
from coral.errors import CoralError, Exit
from coral.replay.record import capture, write
from coral.settings import Settings, SettingsError, load
from streams.clock import Clock, SystemClock
from streams.errors import StreamsError, UnknownTopicError
from streams.kafka import KafkaConnection, KafkaSink, KafkaSource, KafkaTail, topics
from streams.processing.watchdog import Watchdog
from streams.recorded import RecordedSource, Recording

__all__ = [
    "incidents",
    "produce",
    "run_daemon",
    "run_record",
    "run_rekey",
    "run_topics",
    "send_feedback",
]

log = structlog.stdlib.get_logger()

BATCH = 500
WAIT_S = 0.5
FLUSH_S = 30.0
# Longer than any honest step: a checkpoint is read for at most 75 s, the brokers are waited for
# at most 45 s.
HUNG_S = 120.0


class Runs(Protocol):
    """What goes on until somebody stops it."""

    def run(self, stop: Callable[[], bool]) -> None:
        """Run; everything done is durable when this returns."""


Opened = Callable[[KafkaConnection, Clock, Callable[[], None]], AbstractContextManager[Runs]]


def run_daemon(options: argparse.Namespace) -> int:
    """Watch the input topics until a signal; whatever fails is logged in one line."""
    read = partial(_read, options)
    settings = read()
    facts = {"store": settings.state.store, "publish": settings.state.publish}
    run = partial(daemon.opened, settings)
    return _serve(settings, Reload(read, settings), run, prepare=_compile, **facts)


def run_rekey(options: argparse.Namespace) -> int:
    """Copy the input topics into one that is keyed by system, until a signal."""
    read = partial(_read, options)
    settings = read()
    run = partial(rekey.opened, settings, options.to)
    return _serve(settings, Reload(read, settings), run, to=options.to)


def _read(options: argparse.Namespace) -> Settings:
    return load(options.config, os.environ, options.set).settings


def _compile() -> None:
    """Compile the kernels before the group waits for this member."""
    start = time.monotonic()
    warm()
    log.info("kernels_compiled", seconds=round(time.monotonic() - start, 1))


def _serve(
    settings: Settings,
    reload: Reload,
    opened: Opened,
    prepare: Callable[[], None] | None = None,
    **facts: object,
) -> int:
    """Run what `opened` yields under watchdog and signals, and return its exit code."""
    configure(settings.log.level, settings.log.format)
    clock = SystemClock()
    connection = connection_of(settings.kafka, clock)
    with reload:
        log.info(
            "starting",
            version=__version__,
            brokers=connection.bootstrap,
            group=settings.kafka.group_id,
            topics=list(settings.input.topics),
            **facts,
        )
        if prepare is not None:
            prepare()
        return _run(opened, connection, clock, reload)


def _run(opened: Opened, connection: KafkaConnection, clock: Clock, reload: Reload) -> int:
    """Run until a signal; whatever ends it otherwise is logged in one line."""
    try:
        with Stop() as stop, Watchdog(HUNG_S) as watchdog:

            def beat() -> None:
                watchdog.beat()
                reload.poll()

            with opened(connection, clock, beat) as service:
                stop.begun = True
                log.info("joining_group")
                service.run(stop)
    except (SettingsError, UnknownTopicError) as error:
        log.error("cannot_start", reason=str(error))
        return Exit.INVALID
    except (CoralError, StreamsError) as error:
        log.error("failed", kind=type(error).__name__, reason=str(error))
        return Exit.FAILURE
    except Exception:  # a defect is told in the same log as everything else
        log.critical("crashed", exc_info=True)
        return Exit.FAILURE
    log.info("stopped")
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


def produce(options: argparse.Namespace) -> int:
    """Write the rows of recordings into a topic, at their pace or a faster one."""
    console = Console()
    with closing(KafkaSink(_connection(_settings(options)))) as sink:
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
    settings = _settings(options, *_recorded(options))
    name = options.system
    names = [options.topic] if options.topic else list(settings.input.topics)
    codecs = {topic: settings.codec(topic) for topic in names}
    with _source(settings, names, options.since) as source, console.status("") as status:
        frames = capture(
            source,
            lambda record: codecs[record.topic].decode(record),
            name,
            settings.grid(name),
            options.seconds,
            observe=lambda n: status.update(f"recording {name}: {n} rows"),
        )
    meta = write(options.out, frames, settings.system(name))
    Console().print(
        f"{options.out}: {meta.n_rows} rows of {meta.n_metrics} series", highlight=False
    )
    return Exit.OK


def _settings(options: argparse.Namespace, *flags: str) -> Settings:
    """Return the settings of a command whose --kafka is short for the address."""
    address = [f"kafka.bootstrap_servers={options.kafka}"] if options.kafka else []
    return load(options.config, os.environ, [*options.set, *flags, *address]).settings


def _connection(settings: Settings) -> KafkaConnection:
    return connection_of(settings.kafka, SystemClock())


def _recorded(options: argparse.Namespace) -> Iterator[str]:
    """Yield what --interval and --kpi say of the system, as settings."""
    system = f"systems.{json.dumps(options.system)}"
    if options.interval is not None:
        yield f"{system}.interval_s={options.interval}"
    if options.kpi:
        yield f"{system}.kpi={json.dumps(options.kpi)}"


@contextmanager
def _source(settings: Settings, names: list[str], since: float | None) -> Iterator[KafkaSource]:
    """Yield a reader of the topics' ends, or of `since` seconds before now; commits nothing."""
    source = KafkaSource(_connection(settings), names, f"coral-record-{uuid4()}", reset="latest")
    with closing(source):
        while not source.assignment():
            source.poll(1, WAIT_S)
        if since:
            _go_back(source, time.time() - since)
        yield source


def _go_back(source: KafkaSource, moment: float) -> None:
    for partition in source.assignment():
        offset = source.offset_at(partition, moment)
        if offset is not None:
            source.seek(partition, offset)
