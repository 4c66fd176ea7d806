"""Events read back: each incident with its revisions, oldest first."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from coral.contract.events import Event, Incident, Kind, Product, Revision, State, Tier, decode
from coral.errors import EventError, IncidentError
from coral.text import quoted

__all__ = ["EventLog", "IncidentHistory", "RevisionSummary", "find", "identified", "read"]

_SERIESLESS: Final = ("told", "detector")  # sources of an alarm that may name no series
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
            event = _sound(decode(line))
        except EventError as error:
            problems.append(f"line {number}: {error}")
            continue
        known = incidents.get(event.data.incident)
        if known is None:
            incidents[event.data.incident] = IncidentHistory(event)
        else:
            known.add(event)
    return EventLog(incidents, problems)


def _sound(event: Event) -> Event:
    """Return an event of which a case can be told; anybody may have written it.

    Raises
    ------
    EventError
        Naming what is there beside what is expected.
    """
    data, trigger = event.data, event.data.trigger
    for time in (trigger.time, trigger.onset, *trigger.onset_interval, data.now):
        try:
            known = dt.datetime.fromisoformat(time).tzinfo is not None
        except ValueError:
            known = False
        if not known:
            raise EventError(f"not a CORAL event: RFC 3339 time expected, got {quoted(time)}")
    drawn = [metric.course for cause in data.causes for metric in cause.metrics]
    drawn += [metric.course for metric in data.health]
    rows = [data.rows, *(revision.rows for revision in data.history)]
    rows += [course.rows for course in drawn if course is not None]
    limits = [cause.changed_after_kpi_interval_s for cause in data.causes]
    spans = [span for span in limits if span is not None]
    for rule, holds in (
        ("rows >= 1", min(rows) >= 1),
        ("two times as `onset_interval`", len(trigger.onset_interval) == 2),
        ("metrics of each cause", all(cause.metrics for cause in data.causes)),
        ("two numbers as `changed_after_kpi_interval_s`", all(len(span) == 2 for span in spans)),
        ("a series that raised the alarm", bool(trigger.series) or trigger.source in _SERIESLESS),
    ):
        if not holds:
            raise EventError(f"not a CORAL event: {rule} expected, got none in {quoted(event.id)}")
    return event


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
