"""An event in short texts, for whoever is told of it: what alerts and templates are made of."""

from typing import Final, Literal

import msgspec

from coral.contract.events import Event, Incident
from coral.text import named, printable

__all__ = ["FIELDS", "Happened", "Notice", "notice_of"]

Happened = Literal["opened", "felt", "updated", "settled", "resolved"]

MOST_CAUSES: Final = 3
LONGEST_SUMMARY: Final = 1000
"""Characters; the longest that PagerDuty takes is 1,024."""
LONGEST_DESCRIPTION: Final = 2400
LONGEST_TITLE: Final = 140
"""Characters; the longest header of Slack has 150."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of one incident, all of it text.

    Parameters
    ----------
    id : str
        Of the event, `<incident>:<revision>`: the same when it is sent again.
    incident : str
        Identifier.
    happened : str
        `opened`; `felt`, a change that a health signal has felt and that is an incident from now
        on; `updated`; `settled`, the ranking has converged; `resolved`.
    action : str
        `trigger`, or `resolve` when it is over.
    kind : str
        `incident`, or `change`: what no health signal has felt.
    severity : str
        `critical` of an incident, `info` of a change.
    system : str
        Name.
    entity : str
        What is blamed: the first of the ranking when it settled, until then of the first revision;
        it does not move with every revision. Empty if nothing stands out.
    tier : str
        How sure that is: `likely`, `possible`, `no clear cause`.
    title : str
        At most 140 characters.
    summary : str
        The answer, at most 1,000 characters.
    description : str
        The first three causes with their evidence, a line each.
    felt : str
        Health signals that say that something is wrong, strongest first.
    onset, opened, now : str
        RFC 3339: first row of the new state, row of the alarm, newest row.
    resolution : str
        Why it is over; empty before that.
    link : str
        Where the whole event is; empty without `output.link`.
    """

    id: str
    incident: str
    happened: Happened
    action: Literal["trigger", "resolve"]
    kind: str
    severity: Literal["critical", "info"]
    system: str
    entity: str
    tier: str
    title: str
    summary: str
    description: str
    felt: str
    onset: str
    opened: str
    now: str
    resolution: str
    link: str


FIELDS: Final = Notice.__struct_fields__
"""Names of all of it."""

_HAPPENED: Final[dict[str, Happened]] = {
    "io.coral.incident.opened.v1": "opened",
    "io.coral.ranking.updated.v1": "updated",
    "io.coral.ranking.converged.v1": "settled",
    "io.coral.incident.resolved.v1": "resolved",
}


def notice_of(event: Event, link: str = "", *, felt: bool = False) -> Notice:
    """Return an event in short texts.

    Parameters
    ----------
    event : Event
    link : str
        Address of the HTTP API up to and with its prefix; empty: there is none.
    felt : bool
        Whether it was a change until now, and has become an incident.
    """
    data = event.data
    return Notice(
        id=event.id,
        incident=data.incident,
        happened="felt" if felt else _HAPPENED[event.type],
        action="trigger" if data.resolution is None else "resolve",
        kind=data.kind,
        severity="critical" if data.kind == "incident" else "info",
        system=data.system,
        entity=_blamed(data),
        tier=data.tier,
        title=cut(_title(data), LONGEST_TITLE),
        summary=cut(printable(data.summary), LONGEST_SUMMARY),
        description=cut(_description(data), LONGEST_DESCRIPTION),
        felt=cut(", ".join(named(one.signal) for one in data.felt), LONGEST_SUMMARY),
        onset=data.trigger.onset,
        opened=data.trigger.time,
        now=data.now,
        resolution=data.resolution or "",
        link=f"{link.rstrip('/')}/api/v1/incidents/{data.incident}" if link else "",
    )


def cut(text: str, longest: int) -> str:
    """Return a text of at most so many characters.

    Examples
    --------
    >>> cut("a long story", 8), cut("short", 8)
    ('a lon...', 'short')
    """
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _blamed(data: Incident) -> str:
    """Return the entity that stays while revisions come and go, whoever asks and when."""
    if data.convergence.corrected is not None:
        return data.convergence.corrected
    if not data.convergence.converged and data.history and data.history[0].top:
        return data.history[0].top[0]
    return data.causes[0].entity if data.causes else ""


def _title(data: Incident) -> str:
    system = named(data.system)
    if data.resolution is not None:
        return f"{system}: {data.kind} is over ({data.resolution})"
    if not data.causes or data.tier == "no clear cause":
        return f"{system}: {data.kind}, no clear cause"
    return f"{system}: {data.kind}, {data.tier} cause {named(data.causes[0].entity)}"


def _description(data: Incident) -> str:
    causes = data.causes[:MOST_CAUSES]
    lines = [
        f"{one.rank}. {named(one.entity)} ({one.tier}): {printable(one.text)}" for one in causes
    ]
    if data.felt:
        lines.append("Felt by " + ", ".join(named(one.signal) for one in data.felt))
    return "\n".join(lines)
