"""A process that serves until it is told to stop: log, watchdog, signals and exit code."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Protocol

from coral.daemon import log
from coral.daemon.connection import connection_of
from coral.daemon.signals import Stop
from coral.errors import CoralError, Exit
from coral.settings import Settings, SettingsError
from streams.clock import Clock, SystemClock
from streams.errors import StreamsError, UnknownTopicError
from streams.kafka import KafkaConnection
from streams.processing.watchdog import Watchdog

__all__ = ["HUNG_S", "serve"]

# Longer than any honest step: a checkpoint is read for at most 75 s, the brokers are waited for
# at most 45 s.
HUNG_S: Final = 120.0


class Runs(Protocol):
    """What goes on until somebody stops it."""

    def run(self, stop: Callable[[], bool]) -> None:
        """Run; everything done is durable when this returns."""


Opened = Callable[[KafkaConnection, Clock, Callable[[], None]], AbstractContextManager[Runs]]


def serve(
    settings: Settings,
    opened: Opened,
    prepare: Callable[[], object] | None = None,
    **facts: object,
) -> Exit:
    """Run what `opened` yields; whatever fails is told in one line of the log.

    Parameters
    ----------
    settings : Settings
    opened : callable
        Gets connection, clock and the watchdog's `beat`.
    prepare : callable, optional
        Compiles the kernels, before the group waits for this member.
    **facts : object
        Stand in the first line of the log.
    """
    log.setup(settings.log.level, settings.log.format)
    clock = SystemClock()
    connection = connection_of(settings.kafka, clock)
    log.tell(
        "starting",
        logging.INFO,
        brokers=connection.bootstrap,
        group=settings.kafka.group_id,
        topics=list(settings.input.topics),
        **facts,
    )
    if prepare is not None:
        prepare()
        log.tell("kernels compiled")
    try:
        with (
            Stop() as stop,
            Watchdog(HUNG_S) as watchdog,
            opened(connection, clock, watchdog.beat) as service,
        ):
            stop.begun = True
            log.tell("joining the group")
            service.run(stop)
    except (SettingsError, UnknownTopicError) as error:
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
