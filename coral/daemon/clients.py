"""A process as a member of its consumer group: how it reads, and how it publishes."""

import socket
from collections.abc import Sequence

from coral.daemon import lifecycle_log
from coral.settings import Settings
from streams.kafka import KafkaConnection, KafkaSource, TransactionalSink

__all__ = ["member", "publisher"]


def member(settings: Settings, connection: KafkaConnection, group: str) -> KafkaSource:
    """Return a reader of the input topics, one of `group`.

    Raises
    ------
    BrokerError
        If no broker answers within 30 s, or refuses the log-in.
    """
    session_ms = int(1000 * settings.kafka.session_timeout_s)
    return KafkaSource(
        connection,
        settings.input.topics,
        group,
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
