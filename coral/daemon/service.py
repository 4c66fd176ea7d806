"""A process that serves until it is told to stop: log, watchdog, signals and exit code."""

import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Final, Protocol

import structlog

from coral import __version__
from coral.daemon.connection import connection_of
from coral.daemon.feedback_outbox import sent
from coral.daemon.log import configure
from coral.daemon.outside import shown
from coral.daemon.reload import Reload
from coral.daemon.signals import Asked, Stop
from coral.errors import CoralError, Exit, ListenError
from coral.http.board import Board
from coral.settings import Settings, SettingsError
from streams.clock import Clock, SystemClock
from streams.errors import RefusedError, StreamsError, UnknownTopicError
from streams.kafka import KafkaConnection
from streams.processing.watchdog import Watchdog

__all__ = ["HUNG_S", "serve"]

log = structlog.stdlib.get_logger()

# Longer than any honest step: a checkpoint is read for at most 75 s, the brokers are waited for
# at most 45 s.
HUNG_S: Final = 120.0


class Runs(Protocol):
    """What goes on until somebody stops it."""

    def run(self, stop: Callable[[], bool]) -> None:
        """Run; everything done is durable when this returns."""

    def status(self) -> Mapping[str, object]:
        """Return what is going on, for one line of the log."""


Opened = Callable[[KafkaConnection, Clock, Callable[[], None]], AbstractContextManager[Runs]]


def serve(
    settings: Settings,
    reload: Reload,
    stop: Stop,
    opened: Opened,
    prepare: Callable[[], object] | None = None,
    board: Board | None = None,
    **facts: object,
) -> Exit:
    """Run what `opened` yields; whatever fails is logged in one line.

    Parameters
    ----------
    settings : Settings
    reload : Reload
    stop : Stop
        Entered as early as there is a process to stop.
    opened : callable
        Gets connection, clock, and what to call at every step: the process is getting on.
    prepare : callable, optional
        Compiles the kernels, before the group waits for this member.
    board : Board, optional
        What is on it is shown over HTTP, from before the kernels are compiled.
    **facts : object
        Stand in the first line of the log.
    """
    configure(settings.log.level, settings.log.format)
    clock = SystemClock()
    connection = connection_of(settings, clock)
    with reload:
        log.info(
            "starting",
            version=__version__,
            brokers=connection.bootstrap,
            **facts,
        )
        try:
            give = partial(sent, settings, connection)
            with shown(settings.http, board, give) if board is not None else nullcontext():
                if prepare is not None:
                    start = time.monotonic()
                    prepare()
                    log.info("kernels_compiled", seconds=round(time.monotonic() - start, 1))
                if stop():  # the interrupt was lost inside of the compiler
                    return Exit.INTERRUPTED
                return _run(partial(opened, connection, clock), reload, stop, board)
        except ListenError as error:
            log.error("cannot_start", reason=str(error))
            return Exit.INVALID


def _run(
    opened: Callable[[Callable[[], None]], AbstractContextManager[Runs]],
    reload: Reload,
    stop: Stop,
    board: Board | None,
) -> Exit:
    """Run until a signal; whatever ends it otherwise is logged in one line."""
    try:
        with Watchdog(HUNG_S) as watchdog, Asked(signal.SIGUSR1) as asked:
            running: list[Runs] = []

            def beat() -> None:
                watchdog.beat()
                accepted = reload.poll()
                if board is not None:
                    board.beat()
                    if accepted is not None:
                        board.reloaded(accepted=accepted)
                if asked.take() and running:
                    log.info("status", **running[0].status())

            with opened(beat) as service:
                stop.begun = True
                if board is not None:
                    board.stopping = stop
                running.append(service)
                service.run(stop)
    except (SettingsError, UnknownTopicError, RefusedError) as error:
        if stop.begun:
            log.error("cannot_go_on", reason=str(error))
        else:
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
