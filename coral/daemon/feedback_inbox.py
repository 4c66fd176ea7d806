"""Feedback as it comes in, for the engines of this member and those it may get later."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import structlog

from coral.contract.feedback import Feedback, checked, decode
from coral.daemon.published_incidents import PublishedIncidents
from coral.engine import Engine
from coral.errors import EventError, FeedbackError
from coral.localise.policy import RANKING
from streams.clock import Clock
from streams.errors import BrokerError

__all__ = ["Inbox", "no_feedback"]

log = structlog.stdlib.get_logger()

_REPORT_S: Final = 60.0
_MOST_CLAIMS: Final = 10_000
_MOST_HELD: Final = 2 * RANKING.recall.most_confirmed  # of a system: withdrawals count too


class Inbox:
    """Hands feedback to the engine of its system, when a published incident bears it out.

    Every member reads all feedback, whose it may be: people write little, and a system whose
    partition moves here later is told what its last owner may not have stored. Anybody who can
    write into the topic can claim anything, so the incident must have been published, and must
    have had the entity; what the claim says beyond that is not used.

    Parameters
    ----------
    read : callable
        Returns the messages that came since it was called last.
    published : PublishedIncidents
    clock : Clock
        For the pace of what is logged of refusals.
    max_systems : int
        Feedback on further systems is refused.
    """

    def __init__(
        self,
        read: Callable[[], Iterable[bytes]],
        published: PublishedIncidents,
        clock: Clock,
        max_systems: int,
    ) -> None:
        self._read, self._published = read, published
        self._clock, self._max_systems = clock, max_systems
        self._claims: dict[str, Feedback] = {}  # by incident, until it is read or is not there
        self._held: dict[str, dict[str, Feedback]] = {}
        self._refused = Counter[str]()
        self._reported = -_REPORT_S

    def deliver(self, engines: Mapping[str, Engine]) -> bool:
        """Take what came, and tell the engines that it concerns; return whether any was taken."""
        try:
            self._collect()
            taken = self._judged() if self._claims else []
        except BrokerError as error:
            log.error("feedback_not_read", reason=str(error))
            self._read = tuple
            self._claims.clear()
            return False
        for feedback in taken:
            self._take(feedback, engines)
        _tell(taken)
        self._report()
        return bool(taken)

    def remind(self, system: str, engine: Engine) -> None:
        """Tell a new or restored engine what came before it; saying it twice changes nothing."""
        for feedback in self._held.get(system, {}).values():
            engine.confirm(feedback)

    def _collect(self) -> None:
        """Take what came as claims; the last word on an incident is one."""
        for message in self._read():
            try:
                claim = decode(message)
            except EventError as error:
                self._refused[str(error)] += 1
                continue
            if claim.incident not in self._claims and len(self._claims) >= _MOST_CLAIMS:
                self._refused[f"at most {_MOST_CLAIMS} at a time expected"] += 1
                continue
            self._claims[claim.incident] = claim

    def _judged(self) -> list[Feedback]:
        """Return what is borne out; what is not read yet waits, what is not there is refused."""
        complete = self._published.read_on()
        found = []
        for incident, claim in list(self._claims.items()):
            data = self._published.find(incident)
            if data is None and not complete:
                continue
            del self._claims[incident]
            if data is None:
                self._refused[f"incident `{incident}` is not in the incidents topic"] += 1
                continue
            try:
                found.append(checked(claim, data))
            except FeedbackError as error:
                self._refused[str(error)] += 1
        return found

    def _take(self, feedback: Feedback, engines: Mapping[str, Engine]) -> None:
        if feedback.system not in self._held and len(self._held) >= self._max_systems:
            self._refused[f"at most {self._max_systems} systems expected"] += 1
            return
        held = self._held.setdefault(feedback.system, {})
        held[feedback.incident] = feedback
        if len(held) > _MOST_HELD:
            del held[min(held, key=lambda incident: held[incident].ended)]
        if feedback.system in engines:
            engines[feedback.system].confirm(feedback)

    def _report(self) -> None:
        """Log what was refused, in sum and at most once a minute."""
        now = self._clock.monotonic()
        if not self._refused or now - self._reported < _REPORT_S:
            return
        self._reported = now
        ((reason, _),) = self._refused.most_common(1)
        log.warning("feedback_refused", count=self._refused.total(), reason=reason)
        self._refused.clear()


def no_feedback(clock: Clock) -> Inbox:
    """Return an inbox that nothing comes into."""
    return Inbox(tuple, PublishedIncidents(_Empty), clock, max_systems=0)


class _Empty:
    """A topic without a record."""

    def poll(self, timeout_s: float = 0.0) -> list[bytes]:  # noqa: ARG002 - the port has it
        return []

    def caught_up(self) -> bool:
        return True


def _tell(taken: list[Feedback]) -> None:
    """Log feedback that was taken: one by one as people give it, in sum as a start finds it."""
    if len(taken) > 1:
        given = sum(feedback.cause is not None for feedback in taken)
        systems = sorted({feedback.system for feedback in taken})
        log.info("causes_confirmed", count=given, withdrawn=len(taken) - given, systems=systems)
    for feedback in taken if len(taken) == 1 else ():
        facts = {"system": feedback.system, "incident": feedback.incident}
        if feedback.cause is None:
            log.info("cause_withdrawn", **facts)
        else:
            log.info("cause_confirmed", **facts, cause=feedback.cause)
