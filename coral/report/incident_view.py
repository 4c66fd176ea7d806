"""An incident as the page shows it: everything in words, all names printable, nothing to decide.

What draws it, in the page and in a report, is a pure function of this document. It says what
`coral explain` says, with the same sentences.
"""

from typing import Final

import msgspec

from coral.contract.events import Cause, Course, Incident, MetricFinding, Product, State, Tier, unix
from coral.report.event_log import IncidentHistory
from coral.report.explain import CAUSES, answers, origin, successor, timing
from coral.report.incident_window import (
    IncidentWindow,
    first_row,
    spacing,
    window_of_courses,
)
from coral.report.marks import Mark, marks
from coral.report.onset_text import (
    began,
    data_quality,
    detection,
    false_alarms,
    other_alarms,
)
from coral.report.series_text import size, what_changed
from coral.report.suspects import Suspects, suspects
from coral.text import named, printable, quoted, relative, unit_of

__all__ = ["IncidentView", "incident_view"]

MOST_RANKED: Final = 200  # revisions of the rank history
MOST_CHOICES: Final = 300  # entities that a person chooses from


class Passage(msgspec.Struct, frozen=True):
    """A label, and one or more things to say under it; names stand between backticks."""

    label: str
    texts: list[str]


class Milestones(msgspec.Struct, frozen=True):
    """When what happened, unix s."""

    onset: float
    earliest: float  # likely onset
    latest: float
    alarm: float
    now: float  # of the newest row considered
    settled: float | None
    resolved: float | None


class SeriesView(msgspec.Struct, frozen=True):
    """One series: how it changed, and its course around the onset."""

    label: str
    text: str
    unit: str  # of the course, as `unit_of` names it
    course: Course | None


class CauseView(msgspec.Struct, frozen=True):
    """One candidate."""

    rank: int
    entity: str  # as it is, to give feedback with
    label: str
    tier: Tier
    score: float
    text: str
    relative: str  # its onset beside that of the health signal; empty: not known
    told: list[Passage]
    evidence_for: list[str]
    evidence_against: list[str]
    series: list[SeriesView]


class Ranked(msgspec.Struct, frozen=True):
    """The first entities at a revision."""

    rows: int
    top: list[str]


class IncidentView(msgspec.Struct, frozen=True):
    """All that a page on one incident shows."""

    incident: str
    system: str
    kind: Product
    state: State
    tier: Tier
    revision: int
    opened: str  # RFC 3339
    summary: str
    answers: list[Passage]
    happened: list[str]
    moments: Milestones
    marks: list[Mark]  # what others did and said around it, by its time
    window: IncidentWindow | None
    health: list[SeriesView]
    causes: list[CauseView]
    suspects: Suspects
    ruled_out: list[Passage]
    seen_before: list[Passage]
    patterns: list[str]
    ranks: list[Ranked]
    statistics: list[str]
    origin: str
    # Those that may be confirmed as the cause, by their score: as they are, and printable.
    entities: list[Passage]


def incident_view(history: IncidentHistory, window: IncidentWindow | None = None) -> IncidentView:
    """Return an incident as it is shown.

    Parameters
    ----------
    history : IncidentHistory
    window : IncidentWindow, optional
        Rows around the incident; without it the courses in its event are drawn.
    """
    data = history.data
    trigger = data.trigger
    return IncidentView(
        incident=printable(data.incident),
        system=named(data.system),
        kind=data.kind,
        state=data.state,
        tier=data.tier,
        revision=data.revision,
        opened=trigger.time,
        summary=printable(data.summary),
        answers=[Passage(label, _said(*texts)) for label, texts in answers(history)],
        happened=_said(began(data), data_quality(data)),
        moments=_moments(data),
        marks=marks(data),
        window=_drawn(data, window),
        health=[_series(metric) for metric in data.health],
        causes=[_cause(cause, data) for cause in data.causes[:CAUSES]],
        suspects=suspects(data),
        ruled_out=_ruled_out(data),
        seen_before=_seen_before(data),
        patterns=[printable(pattern.text) for pattern in data.patterns],
        ranks=[
            Ranked(one.rows, [named(name) for name in one.top])
            for one in history.rank_history[-MOST_RANKED:]
        ],
        statistics=_said(
            detection(trigger), false_alarms(trigger.budget), other_alarms(trigger.other_budget)
        ),
        origin=" ".join(printable(block.text) for block in origin(data)),
        entities=[
            Passage(entity.name, [named(entity.name)]) for entity in data.entities[:MOST_CHOICES]
        ],
    )


def _drawn(data: Incident, window: IncidentWindow | None) -> IncidentWindow | None:
    """Return the rows around an incident, if they show a health signal; else what its event has."""
    if window is not None and any(series.role == "health" for series in window.series):
        return window
    return window_of_courses(data) or window


def _said(*texts: str) -> list[str]:
    return [printable(text) for text in texts if text]


def _moments(data: Incident) -> Milestones:
    trigger, settled = data.trigger, data.convergence.rows
    interval = [unix(time) for time in trigger.onset_interval] or [unix(trigger.onset)]
    return Milestones(
        onset=unix(trigger.onset),
        earliest=interval[0],
        latest=interval[-1],
        alarm=unix(trigger.time),
        now=unix(data.now),
        settled=None if settled is None else first_row(data) + (settled - 1) * spacing(data),
        resolved=unix(data.now) if data.state == "resolved" else None,
    )


def _series(metric: MetricFinding) -> SeriesView:
    unit, factor = unit_of(metric.name)
    course = metric.course
    if course is not None:
        before, after = (
            [None if value is None else value * factor for value in values]
            for values in (course.before, course.after)
        )
        course = Course(course.rows, before, after)
    return SeriesView(named(metric.name), printable(what_changed(metric)), unit, course)


def _cause(cause: Cause, data: Incident) -> CauseView:
    after = cause.changed_after_kpi_s
    first = cause.metrics[0] if cause.metrics else None
    told = [Passage("timing", _said(*timing(cause, data.trigger.time[:10])))] if first else []
    told += [Passage("size", _said(*size(first)))] if first else []
    return CauseView(
        rank=cause.rank,
        entity=cause.entity,
        label=named(cause.entity),
        tier=cause.tier,
        score=cause.score,
        text=printable(cause.text),
        relative="" if after is None else relative(after),
        told=[one for one in told if one.texts],
        evidence_for=_said(*cause.evidence_for),
        evidence_against=_said(*cause.evidence_against),
        series=[_series(metric) for metric in cause.metrics],
    )


def _ruled_out(data: Incident) -> list[Passage]:
    """Return strong candidates that are not among the causes that are shown."""
    shown = {cause.entity for cause in data.causes[:CAUSES]}
    rest = [one for one in data.ruled_out if one.entity not in shown]
    return [Passage(named(one.entity), _said(one.reason)) for one in rest]


def _seen_before(data: Incident) -> list[Passage]:
    """Return incidents of whose cause people spoke that looked like this one, or had its state."""
    found = []
    said = ((data.seen_before, "was", "confirmed"), (data.rejected_before, "was not", "rejected"))
    for seen, was, how in said:
        if seen is None:
            continue
        moved = "; that moved it up one place" if seen.moved else ""
        text = (
            f"{seen.similarity:.0%} like this one, ended at {seen.ended}; its cause {was} "
            f"{quoted(seen.cause)} ({how}){successor(seen)}{moved}. Similar in "
            f"{', '.join(map(quoted, seen.alike))}."
        )
        found.append(Passage(named(seen.incident), _said(text)))
    if (state := data.state_seen) is not None:
        times = "once" if state.times == 1 else f"{state.times} times"
        text = (
            f"changed the causal graph in the same way and ended at {state.ended}; this state was "
            f"seen {times} before."
        )
        found.append(Passage(named(state.incident), _said(text)))
    return found
