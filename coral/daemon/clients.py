"""A process as a member of its consumer group: how it reads, and how it publishes."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import structlog

from coral.contract.feedback import Feedback
from coral.daemon import lifecycle_log
from coral.daemon.alerts_inbox import AlertsPost, addresses_of, alerts_inbox
from coral.daemon.change_inbox import SINCE_S, change_inbox
from coral.daemon.feedback_inbox import feedback_inbox
from coral.daemon.inbox import Inbox
from coral.daemon.published_incidents import PublishedIncidents
from coral.settings import Settings
from coral.settings.start import start_of
from streams.clock import Clock
from streams.errors import RefusedError, UnknownTopicError
from streams.kafka import (
    KafkaConnection,
    KafkaSink,
    KafkaSource,
    KafkaTail,
    TransactionalSink,
    require,
)

__all__ = ["member", "needed", "opened_alerts_post", "opened_inboxes", "publisher"]

log = structlog.stdlib.get_logger()

LOOK_BACK_S = 86_400.0
"""How old a message beside the metrics may be, by its time stamp, for a start to read it, s."""


def needed(settings: Settings, written: Sequence[str]) -> dict[str, set[str]]:
    """Return the rights on topics that a member needs, by topic.

    Parameters
    ----------
    settings : Settings
    written : sequence of str
        Topics that it writes to.
    """
    rights: dict[str, set[str]] = {topic: {"READ"} for topic in settings.input.topics}
    for topic in written:
        rights.setdefault(topic, set()).add("WRITE")
    if settings.state.topic in written:
        rights[settings.state.topic].add("READ")
    return rights


def member(
    settings: Settings, connection: KafkaConnection, group: str, clock: Clock
) -> KafkaSource:
    """Return a reader of the input topics, one of `group`; `clock` is for `input.start`.

    Raises
    ------
    BrokerError
        If no broker answers within 30 s, or refuses the log-in.
    """
    session_ms = int(1000 * settings.kafka.session_timeout_s)
    log.info("joining_group", group=group, topics=list(settings.input.topics))
    return KafkaSource(
        connection,
        settings.input.topics,
        group,
        reset=start_of(settings.input.start, clock.time()),
        on_gap=lifecycle_log.gap,
        on_wait=lifecycle_log.waiting,
        overrides={
            "session_timeout_ms": session_ms,
            "heartbeat_interval_ms": min(3_000, session_ms // 5),
        },
    )


def publisher(
    settings: Settings,
    connection: KafkaConnection,
    source: KafkaSource,
    topics: Sequence[str],
    group: str,
) -> TransactionalSink:
    """Return a writer of transactions to `topics` under a name that its successor has too.

    Raises
    ------
    BrokerError
        As `member`; or if the transaction of the process before cannot be ended in time.
    """
    # Two members on one host would put each other out; the one who starts anew takes over.
    name = settings.state.instance or socket.gethostname()
    return TransactionalSink(connection, source, topics, f"{group}-{name}")


@contextmanager
def opened_inboxes(
    settings: Settings,
    connection: KafkaConnection,
    clock: Clock,
    tell: Callable[[Feedback], None],
) -> Iterator[list[Inbox[Any]]]:
    """Yield the inboxes of the topics beside the metrics, of those that can be read.

    `tell` gets all feedback that is believed.
    """
    feedback, incidents = settings.input.feedback, settings.output.incidents
    changes = settings.input.changes
    most, found = settings.limits.max_systems, list[Inbox[Any]]()
    with ExitStack() as stack:

        def tail(topic: str, since: float | None = None) -> KafkaTail:
            made = KafkaTail(connection, topic, since)
            stack.callback(made.close)
            return made

        if _readable("feedback", connection, feedback, incidents):
            published = PublishedIncidents(lambda: tail(incidents))
            found.append(feedback_inbox(tail(feedback).poll, published, clock, most, tell))
        alerts = settings.alerts.topic
        if _readable("alerts", connection, alerts):
            read = tail(alerts, clock.time() - LOOK_BACK_S).poll
            found.append(alerts_inbox(read, addresses_of(settings), clock, most))
        if _readable("change_events", connection, changes):
            records = tail(changes, clock.time() - SINCE_S).records
            found.append(change_inbox(records, settings.naming, clock, most))
        yield found


@contextmanager
def opened_alerts_post(
    settings: Settings, connection: KafkaConnection
) -> Iterator[AlertsPost | None]:
    """Yield what writes alerts of HTTP into their topic; None where there is none, or no right."""
    topic = settings.alerts.topic
    try:
        require(connection, {topic: {"WRITE"}})
    except UnknownTopicError:  # the inbox says so
        yield None
    except RefusedError as error:
        log.error("alerts_not_written", reason=str(error))
        yield None
    else:
        with closing(KafkaSink(connection)) as sink:
            yield AlertsPost(sink, topic, addresses_of(settings))


def _readable(what: str, connection: KafkaConnection, *topics: str) -> bool:
    """Whether there are the topics of an inbox; if not, a line of the log says why."""
    absent, refused = f"no_{what}_topic", f"{what}_not_read"
    try:
        require(connection, {topic: {"READ"} for topic in topics})
    except UnknownTopicError:
        log.info(absent, topic=topics[0])
    except RefusedError as error:
        log.error(refused, reason=str(error))
    else:
        return True
    return False
