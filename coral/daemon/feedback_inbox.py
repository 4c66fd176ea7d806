"""Feedback as it comes in, for the engines of this member and those it may get later."""

from collections.abc import Callable, Iterable, Mapping

import structlog

from coral.contract.feedback import Feedback, decode
from coral.engine import Engine
from coral.errors import EventError
from coral.localise.past_incidents import PastIncidents
from streams.errors import BrokerError

__all__ = ["Inbox"]

log = structlog.stdlib.get_logger()


class Inbox:
    """Hands feedback to the engine of its system.

    Every member reads all feedback, whose it may be: people write little, and a system whose
    partition moves here later is told what its last owner may not have stored.

    Parameters
    ----------
    read : callable
        Returns the messages that came since it was called last.
    max_systems : int
        Feedback on further systems is refused.
    """

    def __init__(self, read: Callable[[], Iterable[bytes]], max_systems: int) -> None:
        self._read = read
        self._max_systems = max_systems
        self._held: dict[str, PastIncidents] = {}

    def deliver(self, engines: Mapping[str, Engine]) -> bool:
        """Take what came, and tell the engines that it concerns; return whether anything came."""
        try:
            messages = list(self._read())
        except BrokerError as error:
            log.error("feedback_not_read", reason=str(error))
            self._read = tuple
            return False
        for message in messages:
            try:
                feedback = decode(message)
            except EventError as error:
                log.warning("feedback_refused", reason=str(error))
                continue
            self._take(feedback, engines)
        return bool(messages)

    def remind(self, system: str, engine: Engine) -> None:
        """Tell a new or restored engine what came before it; saying it twice changes nothing."""
        for feedback in self._held.get(system, ()):
            engine.confirm(feedback)

    def _take(self, feedback: Feedback, engines: Mapping[str, Engine]) -> None:
        if feedback.system not in self._held and len(self._held) >= self._max_systems:
            reason = f"at most {self._max_systems} systems expected"
            log.warning("feedback_refused", system=feedback.system, reason=reason)
            return
        self._held.setdefault(feedback.system, PastIncidents()).confirm(feedback)
        if feedback.system in engines:
            engines[feedback.system].confirm(feedback)
        log.info(
            "cause_confirmed",
            system=feedback.system,
            incident=feedback.incident,
            cause=feedback.cause,
        )
