"""Feedback: what was found to be the cause of an incident, as a CloudEvent."""

from typing import Literal

import msgspec

from coral.contract.events import Incident, Scored
from coral.errors import EventError, FeedbackError

__all__ = ["Feedback", "decode", "encode", "given"]

# Names listed when there is none like the one that was given.
LISTED = 20


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """The confirmed cause of one incident, with what is needed to recognise its like.

    It holds all of it, so that nothing has to be kept for incidents that nobody confirms, and
    feedback on an old incident is as good as on the last one.
    """

    system: str
    incident: str
    cause: str  # entity
    ended: str  # event time of the newest row considered
    signature: list[Scored]  # as in the event of the incident


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """CloudEvents 1.0, structured mode."""

    specversion: Literal["1.0"] = "1.0"
    id: str  # <incident>:<cause>: the same feedback given twice is one
    source: str
    type: Literal["io.coral.feedback.given.v1"] = "io.coral.feedback.given.v1"
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
            f"--cause requires an entity of system `{data.system}`, got `{cause}`; "
            f"by their score there are: {listed or 'none'}{more}."
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


def encode(feedback: Feedback) -> bytes:
    """Serialise feedback as one line of JSON."""
    envelope = _Envelope(
        id=f"{feedback.incident}:{feedback.cause}",
        source=f"/coral/{feedback.system}",
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
        return msgspec.json.decode(line, type=_Envelope).data
    except msgspec.MsgspecError as error:
        raise EventError(f"not feedback: {error}") from error
