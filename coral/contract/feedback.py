"""Feedback, as a CloudEvent: what the cause of an incident was, or that this was wrong."""

from typing import Final, Literal, TypeAlias

import msgspec

from coral.contract.events import Incident, Scored, source_of
from coral.errors import EventError, FeedbackError
from coral.text import hint, quoted

__all__ = ["Feedback", "checked", "decode", "encode", "given", "withdrawn"]

_Kind: TypeAlias = Literal["io.coral.feedback.given.v1", "io.coral.feedback.withdrawn.v1"]
_GIVEN: Final = "io.coral.feedback.given.v1"
_WITHDRAWN: Final = "io.coral.feedback.withdrawn.v1"

# Names listed when there is none like the one that was given.
LISTED = 20


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """The confirmed cause of one incident, with what is needed to recognise its like.

    It holds all of it, so that nothing has to be kept for incidents that nobody confirms, and
    feedback on an old incident is as good as on the last one.
    """

    system: str
    incident: str
    cause: str | None  # entity; None: what was said before of this incident is withdrawn
    ended: str  # event time of the newest row considered
    signature: list[Scored]  # as in the event of the incident

    @property
    def key(self) -> str:
        """What it is about: the last word on an incident holds."""
        return self.incident

    @property
    def since(self) -> str:
        """When that was."""
        return self.ended


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """CloudEvents 1.0, structured mode."""

    specversion: Literal["1.0"] = "1.0"
    id: str  # <incident>:<cause>: the same feedback given twice is one
    source: str
    type: _Kind
    subject: str  # the incident
    datacontenttype: Literal["application/json"] = "application/json"
    data: Feedback


def given(data: Incident, cause: str) -> Feedback:
    """Return the feedback that `cause` was the cause of an incident.

    Parameters
    ----------
    data : Incident
        Its newest event.
    cause : str
        Entity.

    Raises
    ------
    FeedbackError
        If the system has no such entity, or the event lacks the signature.
    """
    known = [entity.name for entity in data.entities]
    if cause not in known:
        more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
        listed = ", ".join(f"`{name}`" for name in known[:LISTED])
        raise FeedbackError(
            f"--cause requires an entity of system {quoted(data.system)}, got {quoted(cause)}"
            f"{hint(cause, known) or ';'} by their score there are: {listed or 'none'}{more}."
        )
    if not data.signature:
        raise FeedbackError(
            f"incident `{data.incident}` has no signature: nothing moved in it, or an older "
            "version published it; replay it with this one."
        )
    return Feedback(
        system=data.system,
        incident=data.incident,
        cause=cause,
        ended=data.now,
        signature=data.signature,
    )


def withdrawn(data: Incident) -> Feedback:
    """Return the feedback that nothing is known of the cause of an incident after all."""
    return Feedback(
        system=data.system, incident=data.incident, cause=None, ended=data.now, signature=[]
    )


def checked(claim: Feedback, data: Incident) -> Feedback:
    """Return what is believed of feedback that anybody may have written.

    Of the claim that is the entity alone, and only if the incident had it; everything else is
    taken from the published event.

    Parameters
    ----------
    claim : Feedback
    data : Incident
        Newest event of the incident that it names.

    Raises
    ------
    FeedbackError
        If the incident is that of another system, or as `given`.
    """
    if claim.system != data.system:
        raise FeedbackError(
            f"incident `{data.incident}` is one of system `{data.system}`, got `{claim.system}`"
        )
    return withdrawn(data) if claim.cause is None else given(data, claim.cause)


def encode(feedback: Feedback) -> bytes:
    """Serialise feedback as one line of JSON."""
    envelope = _Envelope(
        id=f"{feedback.incident}:{feedback.cause or 'withdrawn'}",
        source=source_of(feedback.system),
        type=_WITHDRAWN if feedback.cause is None else _GIVEN,
        subject=feedback.incident,
        data=feedback,
    )
    return msgspec.json.encode(envelope)


def decode(line: bytes) -> Feedback:
    """Parse feedback.

    Raises
    ------
    EventError
        Naming the path and the rule.
    """
    try:
        found = msgspec.json.decode(line, type=_Envelope)
    except (ValueError, RecursionError) as error:
        raise EventError(f"not feedback: {error}") from error
    if (found.data.cause is None) != (found.type == _WITHDRAWN):
        raise EventError(f"not feedback: `{found.type}` with cause {found.data.cause!r}")
    return found.data
