"""Events read back: each incident with its revisions, oldest first."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from coral.contract.events import Event, Incident, Kind, Product, Revision, State, Tier, decode
from coral.errors import EventError, IncidentError

__all__ = ["EventLog", "IncidentHistory", "RevisionSummary", "find", "identified", "read"]

TOP = 5  # entities of a summary, as in `Revision`


class RevisionSummary(msgspec.Struct, frozen=True):
    """One revision in short."""

    revision: int
    type: Kind
    time: str
    state: State
    tier: Tier
    rows: int
    top: list[str]
    kind: Product
    felt: list[str]  # health signals


class IncidentHistory:
    """One incident: its newest revision in full, all others in short."""

    def __init__(self, event: Event) -> None:
        self.newest = event
        self._revisions: dict[int, RevisionSummary] = {}
        self.add(event)

    def add(self, event: Event) -> None:
        """Take one revision; of a repeated one the last counts."""
        if event.data.revision >= self.newest.data.revision:
            self.newest = event
        data = event.data
        top = [cause.entity for cause in data.causes[:TOP]]
        summary = RevisionSummary(
            revision=data.revision,
            type=event.type,
            time=event.time,
            state=data.state,
            tier=data.tier,
            rows=data.rows,
            top=top,
            kind=data.kind,
            felt=[one.signal for one in data.felt],
        )
        self._revisions[data.revision] = summary

    @property
    def data(self) -> Incident:
        """The newest revision."""
        return self.newest.data

    @property
    def revisions(self) -> list[RevisionSummary]:
        """All revisions that were read, oldest first."""
        return [self._revisions[revision] for revision in sorted(self._revisions)]

    @property
    def felt_by(self) -> list[str]:
        """Health signals that have felt it, in the order in which they did."""
        return list(dict.fromkeys(name for one in self.revisions for name in one.felt))

    @property
    def promoted(self) -> bool:
        """Whether it was a change before a health signal felt it, as far as was read."""
        return self.data.kind == "incident" and self.revisions[0].kind == "change"

    @property
    def rank_history(self) -> list[Revision]:
        """The first five entities over the rows, oldest first.

        The newest revision repeats the last ones, so that it alone says how the ranking came
        about; what was read of older ones is added.
        """
        known = {revision.rows: revision for revision in self.data.history}
        known |= {
            summary.rows: Revision(rows=summary.rows, top=summary.top) for summary in self.revisions
        }
        return [known[rows] for rows in sorted(known)]


class EventLog(NamedTuple):
    """The events of a file, by incident."""

    incidents: dict[str, IncidentHistory]  # by identifier, in the order of their first line
    problems: list[str]  # lines that are no events, in words


def read(lines: Iterable[bytes]) -> EventLog:
    """Read events, one a line, as `coral replay --json` writes them.

    Memory grows with the number of revisions, not with their size. Lines may be in any order and
    may repeat; empty ones are skipped, and one that is no event, such as the torn last line of a
    file that is being written, does not stop the others.
    """
    incidents: dict[str, IncidentHistory] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            event = decode(line)
        except EventError as error:
            problems.append(f"line {number}: {error}")
            continue
        known = incidents.get(event.data.incident)
        if known is None:
            incidents[event.data.incident] = IncidentHistory(event)
        else:
            known.add(event)
    return EventLog(incidents, problems)


def find(log: EventLog, prefix: str) -> IncidentHistory:
    """Return the one incident whose identifier begins with `prefix`.

    Raises
    ------
    IncidentError
        If there is none, or more than one.
    """
    return log.incidents[identified(list(log.incidents), prefix)]


def identified(names: Sequence[str], prefix: str) -> str:
    """Return the one identifier that begins with `prefix`.

    Raises
    ------
    IncidentError
        If there is none, or more than one.
    """
    found = [prefix] if prefix in names else [name for name in names if name.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join((found or names)[:TOP]) or "none"
    if found:
        raise IncidentError(f"`{prefix}` is the beginning of {len(found)} incidents: {listed}.")
    raise IncidentError(f"there is no incident `{prefix}`; there are: {listed}.")
