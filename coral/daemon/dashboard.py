"""The dashboard: a process without state that follows the incidents of any number of replicas."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final

import structlog

from coral.contract.events import decode
from coral.contract.feedback import checked
from coral.contract.feedback import decode as decode_feedback
from coral.daemon.published_incidents import Tail
from coral.errors import EventError, FeedbackError
from coral.http.board import Board
from coral.http.state import Totals, nothing_watched
from coral.settings import Settings
from streams.clock import Clock
from streams.kafka import KafkaConnection, KafkaTail, require, topics

__all__ = ["Dashboard", "followed"]

log = structlog.stdlib.get_logger()

WAIT_S: Final = 0.25
EVERY_S: Final = 1.0


class Dashboard:
    """Puts what the incidents topic says on a board, from its beginning on.

    Parameters
    ----------
    board : Board
    incidents : Tail
    feedback : Tail or None
        None: there is no such topic.
    clock : Clock
    beat : callable
        Is called at every step: the process is getting on.
    """

    def __init__(
        self,
        board: Board,
        incidents: Tail,
        feedback: Tail | None,
        clock: Clock,
        beat: Callable[[], None],
    ) -> None:
        self._board, self._clock, self._beat = board, clock, beat
        self._incidents, self._feedback = incidents, feedback
        self._events = self._refused = 0
        self._complete = False
        self._due = clock.monotonic()

    def run(self, stop: Callable[[], bool]) -> None:
        """Follow until `stop` says so."""
        while not stop():
            self.step()

    def step(self) -> None:
        """Take what came; publish a snapshot, if the last one is old enough."""
        self._beat()
        for value in self._incidents.poll(WAIT_S):
            self._take(value)
        self._complete = self._complete or self._incidents.caught_up()
        # What was said is judged by the incidents: they are read first.
        if self._complete and self._feedback is not None:
            for value in self._feedback.poll():
                self._hear(value)
        now = self._clock.monotonic()
        if self._complete and now >= self._due:
            self._due = now + EVERY_S
            # Systems are seen by their own processes.
            counted = Totals(events=self._events)
            self._board.snapshot = nothing_watched(self._clock.time(), counted)

    def status(self) -> Mapping[str, object]:
        """Return what was followed, for one line of the log."""
        return {"events": self._events, "refused": self._refused}

    def _take(self, value: bytes) -> None:
        try:
            event = decode(value)
        except EventError as error:
            self._refused += 1
            if self._refused == 1:
                log.warning("event_refused", reason=str(error))
            return
        self._events += 1
        known = self._board.incidents.get(event.subject)
        # After a restart a replica may send again what it sent before.
        if known is None or known.brief.revision <= event.data.revision:
            self._board.incidents.take(event, value)

    def _hear(self, value: bytes) -> None:
        try:
            claim = decode_feedback(value)
            known = self._board.incidents.get(claim.incident)
            if known is not None:
                self._board.say(checked(claim, decode(known.event).data))
        except (EventError, FeedbackError) as error:
            log.info("feedback_refused", reason=str(error))


@contextmanager
def followed(
    settings: Settings,
    board: Board,
    connection: KafkaConnection,
    clock: Clock,
    beat: Callable[[], None],
) -> Iterator[Dashboard]:
    """Yield a dashboard over the topics of a configuration.

    Raises
    ------
    UnknownTopicError
        If there is no incidents topic.
    RefusedError
        If reading it is not allowed.
    BrokerError
        If no broker answers within 30 s.
    """
    incidents, feedback = settings.output.incidents, settings.input.feedback
    require(connection, {incidents: {"READ"}})
    with ExitStack() as closing:

        def tail(topic: str) -> KafkaTail:
            made = KafkaTail(connection, topic)
            closing.callback(made.close)
            return made

        said = None if topics.missing(connection, [feedback]) else tail(feedback)
        yield Dashboard(board, tail(incidents), said, clock, beat)
