"""Feedback, as a CloudEvent: what caused an incident, or did not, or that this is taken back."""

from typing import Literal, TypeAlias

import msgspec

from coral.contract.events import Incident, Scored, source_of
from coral.errors import EventError, FeedbackError
from coral.text import hint, quoted

__all__ = ["Feedback", "checked", "decode", "encode", "given", "rejected", "said", "withdrawn"]

_Kind: TypeAlias = Literal[
    "io.coral.feedback.given.v1",
    "io.coral.feedback.rejected.v1",
    "io.coral.feedback.withdrawn.v1",
]

# Names listed when there is none like the one that was given.
LISTED = 20


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of the cause of one incident, with what is needed to recognise its like.

    It holds all of it, so that nothing has to be kept for incidents that nobody confirms, and
    feedback on an old incident is as good as on the last one.
    """

    system: str
    incident: str
    cause: str | None  # entity
    ended: str  # event time of the newest row considered
    signature: list[Scored]  # as in the event of the incident
    # Entity that was ranked first and was not the cause, whatever that was. With neither of the
    # two, what was said before of this incident is withdrawn.
    rejected: str | None = None

    @property
    def entity(self) -> str | None:
        """Of which it speaks; None: nothing is said any more."""
        return self.rejected if self.cause is None else self.cause

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
    id: str  # <incident>:<what is said>: the same feedback given twice is one
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
    return _recognisable(data, cause=cause, rejected=None)


def rejected(data: Incident, entity: str | None = None) -> Feedback:
    """Return the feedback that what an incident had first was not its cause.

    Parameters
    ----------
    data : Incident
        Its newest event.
    entity : str, optional
        What was first when somebody looked; without it what is first now.

    Raises
    ------
    FeedbackError
        If it was first at no revision that the event tells of, or the event lacks the signature.
    """
    first = [one.name for one in data.entities[:1] if one.score > 0]
    first += [name for revision in data.history for name in revision.top[:1] if name not in first]
    if not first:
        raise FeedbackError(f"incident `{data.incident}` has no answer that could be wrong.")
    if entity is not None and entity not in first:
        listed = ", ".join(map(quoted, first))
        raise FeedbackError(
            f"only what incident `{data.incident}` had first can be wrong, {listed}, "
            f"got {quoted(entity)}."
        )
    return _recognisable(data, cause=None, rejected=entity or first[0])


def _recognisable(data: Incident, cause: str | None, rejected: str | None) -> Feedback:
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
        rejected=rejected,
    )


def withdrawn(data: Incident) -> Feedback:
    """Return the feedback that nothing is known of the cause of an incident after all."""
    return Feedback(
        system=data.system, incident=data.incident, cause=None, ended=data.now, signature=[]
    )


def said(data: Incident, cause: str | None, wrong: str | None) -> Feedback:
    """Return the feedback that an entity was the cause, was not, or that nothing is known.

    Parameters
    ----------
    data : Incident
        Newest event of the incident.
    cause, wrong : str or None
        As of `given` and `rejected`, at most one of the two; without any it is `withdrawn`.

    Raises
    ------
    FeedbackError
        If there are both, or as `given` and `rejected`.
    """
    if cause is not None and wrong is not None:
        raise FeedbackError(
            f"either a cause or what was not the cause expected, got {quoted(cause)} and "
            f"{quoted(wrong)}"
        )
    if cause is not None:
        return given(data, cause)
    return withdrawn(data) if wrong is None else rejected(data, wrong)


def checked(claim: Feedback, data: Incident) -> Feedback:
    """Return what is believed of feedback that anybody may have written.

    Of the claim that is the entity alone, and only if the incident had it, or had it first where it
    is said to be wrong; everything else is taken from the published event.

    Parameters
    ----------
    claim : Feedback
    data : Incident
        Newest event of the incident that it names.

    Raises
    ------
    FeedbackError
        If the incident is that of another system, or as `said`.
    """
    if claim.system != data.system:
        raise FeedbackError(
            f"incident `{data.incident}` is one of system `{data.system}`, got `{claim.system}`"
        )
    return said(data, claim.cause, claim.rejected)


def encode(feedback: Feedback) -> bytes:
    """Serialise feedback as one line of JSON."""
    kind, said = _kind(feedback)
    envelope = _Envelope(
        id=f"{feedback.incident}:{said}",
        source=source_of(feedback.system),
        type=kind,
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
    cause, wrong = found.data.cause, found.data.rejected
    if found.type != _kind(found.data)[0] or None not in (cause, wrong):
        told = f"`{found.type}` with cause {cause!r} and rejected {wrong!r}"
        raise EventError(f"not feedback: {told}")
    return found.data


def _kind(feedback: Feedback) -> tuple[_Kind, str]:
    """Return the type of feedback, and what it says in short."""
    if feedback.cause is not None:
        return "io.coral.feedback.given.v1", feedback.cause
    if feedback.rejected is not None:
        return "io.coral.feedback.rejected.v1", f"not {feedback.rejected}"
    return "io.coral.feedback.withdrawn.v1", "withdrawn"
