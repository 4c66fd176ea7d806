"""A member of a consumer group with everything it needs, and how all of it is closed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from coral.checkpoint import FileStore, Store
from coral.checkpoint.kafka import KafkaStore
from coral.daemon.clients import member, needed, opened_alerts_post, opened_inboxes, publisher
from coral.daemon.daemon import Daemon
from coral.daemon.models import keeping
from coral.daemon.notify.notifiers import notifying
from coral.http.board import Board
from coral.settings import Settings
from streams.clock import Clock
from streams.kafka import KafkaConnection, KafkaSink, require

__all__ = ["opened"]


@contextmanager
def opened(
    settings: Settings,
    board: Board,
    shadow: Settings | None,
    connection: KafkaConnection,
    clock: Clock,
    beat: Callable[[], None],
) -> Iterator[Daemon]:
    """Yield a daemon with everything it needs, and close all of it, come what may.

    Raises
    ------
    UnknownTopicError
        Naming every topic that does not exist.
    RefusedError
        Naming every right that is missing.
    BrokerError
        If no broker answers within 30 s, or refuses the log-in.
    StoreError
        If another process has the state directory.
    """
    output, state = settings.output, settings.state
    in_kafka = state.store == "kafka"
    written = [output.incidents, output.dead_letters, *[state.topic] * in_kafka]
    group = settings.kafka.group_id
    require(connection, needed(settings, written), group)
    with ExitStack() as closing:
        notifiers = closing.enter_context(notifying(settings, clock))  # ends last of all
        store: Store
        if not in_kafka:
            store = FileStore(Path(state.directory), state.keep)
            closing.enter_context(store.lock())
        source = member(settings, connection, group, clock)
        closing.callback(source.close)
        once = state.publish == "exactly-once"
        sink = (
            publisher(settings, connection, source, written, group)
            if once
            else KafkaSink(connection)
        )
        closing.callback(sink.close)
        if in_kafka:
            store = KafkaStore(connection, state.topic, sink if once else None)
            closing.callback(store.close)
        inboxes = closing.enter_context(opened_inboxes(settings, connection, clock, board.say))
        if settings.http.enabled:
            board.take_alerts = closing.enter_context(opened_alerts_post(settings, connection))
            closing.callback(setattr, board, "take_alerts", None)
        parts = (settings, source, sink, store, clock, beat, inboxes, board, notifiers, shadow)
        daemon = Daemon(*parts)
        if settings.http.enabled:
            closing.enter_context(keeping(daemon.models, board))
        yield daemon
