"""Feedback as it comes in: a claim, until a published incident bears it out."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from coral.contract.feedback import Feedback, checked, decode
from coral.daemon.inbox import Inbox, Refuse
from coral.daemon.published_incidents import PublishedIncidents
from coral.engine import Engine
from coral.errors import EventError, FeedbackError
from coral.localise.policy import RANKING
from streams.clock import Clock
from streams.errors import BrokerError

__all__ = ["feedback_inbox"]

log = structlog.stdlib.get_logger()

_MOST_CLAIMS: Final = 10_000
_MOST_HELD: Final = 2 * RANKING.recall.most_confirmed  # of a system: withdrawals count too


def feedback_inbox(
    read: Callable[[], Iterable[bytes]],
    published: PublishedIncidents,
    clock: Clock,
    max_systems: int,
    tell: Callable[[Feedback], None] = lambda _: None,
) -> Inbox[Feedback]:
    """Return the inbox of feedback.

    Parameters
    ----------
    read : callable
        Returns the messages that came since it was called last.
    published : PublishedIncidents
    clock : Clock
    max_systems : int
        Feedback on further systems is refused.
    tell : callable
        Gets all that is believed.
    """

    def believed(taken: Sequence[Feedback]) -> None:
        _log(taken)
        for feedback in taken:
            tell(feedback)

    return Inbox(
        "feedback",
        _Claims(read, published).judged,
        Engine.confirm,
        believed,
        clock,
        max_systems=max_systems,
        max_held=_MOST_HELD,
    )


class _Claims:
    """What was claimed of incidents that are not read yet.

    Anybody who can write into the topic can claim anything, so the incident must have been
    published, and must have had the entity, first if it is rejected; what the claim says beyond
    that is not used.
    """

    def __init__(self, read: Callable[[], Iterable[bytes]], published: PublishedIncidents) -> None:
        self._read, self._published = read, published
        self._claims: dict[str, Feedback] = {}  # by incident, until it is read or is not there

    def judged(self, refuse: Refuse) -> list[Feedback]:
        """Return what is borne out by now; an unreadable topic ends the claims that wait."""
        try:
            self._collect(refuse)
            return self._borne_out(refuse) if self._claims else []
        except BrokerError:
            self._claims.clear()
            raise

    def _collect(self, refuse: Refuse) -> None:
        """Take what came as claims; the last word on an incident is one."""
        for message in self._read():
            try:
                claim = decode(message)
            except EventError as error:
                refuse(str(error))
                continue
            if claim.incident not in self._claims and len(self._claims) >= _MOST_CLAIMS:
                refuse(f"at most {_MOST_CLAIMS} at a time expected")
                continue
            self._claims[claim.incident] = claim

    def _borne_out(self, refuse: Refuse) -> list[Feedback]:
        """Return what is borne out; what is not read yet waits, what is not there is refused."""
        complete = self._published.read_on()
        found = []
        for incident, claim in list(self._claims.items()):
            data = self._published.find(incident)
            if data is None and not complete:
                continue
            del self._claims[incident]
            if data is None:
                refuse(f"incident `{incident}` is not in the incidents topic")
                continue
            try:
                found.append(checked(claim, data))
            except FeedbackError as error:
                refuse(str(error))
        return found


def _log(taken: Sequence[Feedback]) -> None:
    """Log feedback that was taken: one by one as people give it, in sum as a start finds it."""
    if len(taken) > 1:
        counted = {
            "count": sum(feedback.cause is not None for feedback in taken),
            "rejected": sum(feedback.rejected is not None for feedback in taken),
            "withdrawn": sum(feedback.entity is None for feedback in taken),
        }
        systems = sorted({feedback.system for feedback in taken})
        log.info("causes_confirmed", **counted, systems=systems)
    for feedback in taken if len(taken) == 1 else ():
        facts = {"system": feedback.system, "incident": feedback.incident}
        if feedback.cause is not None:
            log.info("cause_confirmed", **facts, cause=feedback.cause)
        elif feedback.rejected is not None:
            log.info("cause_rejected", **facts, cause=feedback.rejected)
        else:
            log.info("cause_withdrawn", **facts)
