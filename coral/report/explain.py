"""A whole case for the engineer on call: the answer first, then the evidence, then statistics."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from coral.contract.events import (
    Cause,
    Incident,
    MetricFinding,
    SeenBefore,
    Tier,
    unix,
)
from coral.report.document import Block, Definitions, Heading, Items, Paragraph, Table
from coral.report.event_log import EventLog, IncidentHistory
from coral.report.how_known import edges, ranks, statistics
from coral.report.onset_text import (
    ENDED,
    advice,
    alerts,
    began,
    clock,
    data_quality,
    felt,
)
from coral.report.series_text import drawn, size, what_changed
from coral.text import measured, named, quoted, relative, seconds

__all__ = ["answers", "as_json", "case", "listing"]

CAUSES = 5
REASONS = 2  # of each kind, in the answer
_CERTAINTY: Final[Mapping[Tier, str]] = {
    "likely": "likely",
    "possible": "possible, not certain",
    "unlikely": "unlikely",
    "no clear cause": "no clear cause",
}


def listing(log: EventLog) -> list[Block]:
    """Return the incidents of a file, one a row."""
    rows = []
    for name, history in log.incidents.items():
        data = history.data
        first = quoted(data.causes[0].entity) if data.causes else "-"
        opened = data.trigger.time.replace("T", " ").rstrip("Z")
        known = (f"`{name}`", data.kind, quoted(data.system))
        rows.append([*known, opened, data.state, data.tier, first])
    if not rows:
        return [Paragraph("There is no incident in these events.")]
    titles = ("incident", "kind", "system", "opened (UTC)", "state", "tier", "first cause")
    return [Table(titles, rows)]


def case(history: IncidentHistory, *, verbose: bool = True) -> list[Block]:
    """Return what is known of one incident.

    Parameters
    ----------
    history : IncidentHistory
    verbose : bool
        Whether to say how it is known too: distances from the normal state, rank history,
        statistics, learned edges.
    """
    data = history.data
    told = (
        _answer(history),
        _what_happened(data),
        _seen_before(data),
        _health(data),
        _causes(data, verbose=verbose),
        _change_events(data),
        _ruled_out(data),
    )
    how = (ranks(history.rank_history), statistics(data), edges(data))
    parts = (*told, *how, origin(data)) if verbose else (*told, _more())
    return [block for part in parts for block in part]


def _more() -> Iterator[Block]:
    yield Paragraph("How this is known, and how the ranks moved: --verbose.")


def as_json(histories: Sequence[IncidentHistory]) -> str:
    """Return incidents as one JSON document that no terminal and no web page interprets.

    Parameters
    ----------
    histories : sequence of IncidentHistory

    Returns
    -------
    str
        ``{"incidents": [{"event": newest event, "revisions": [every one in short]}]}`` in ASCII;
        what HTML would read as markup is escaped too, which JSON allows inside of strings only,
        the one place where it occurs.
    """
    listed = [{"event": h.newest, "revisions": h.revisions} for h in histories]
    text = json.dumps({"incidents": msgspec.to_builtins(listed)}, indent=1)
    return text.translate({ord(c): f"\\u{ord(c):04x}" for c in "<>&\x7f"}) + "\n"


def _answer(history: IncidentHistory) -> Iterator[Block]:
    """Yield what, since when, who feels it, how sure, and what to look at next."""
    data = history.data
    day, kind = data.trigger.time[:10], data.kind.capitalize()
    yield Heading(1, f"{kind} {quoted(data.incident)} in {quoted(data.system)}, {day} (UTC)")
    yield Paragraph(data.summary)
    yield Definitions(answers(history))


def answers(history: IncidentHistory) -> list[tuple[str, list[str]]]:
    """Return since when, who feels it, which alerts say so, how sure, and what to look at next."""
    data = history.data
    told = [("since", [_since(data)])]
    if text := felt(data, history.felt_by):
        before = ["It was a change at first."] if history.promoted else []
        told.append(("felt", [text, *before]))
    if data.alerts:
        told.append(("alerts", alerts(data)))
    told.append(("how sure", _how_sure(data)))
    if data.causes and data.tier != "no clear cause":
        told.append(("look at", _look_at(data)))
    return told


def _since(data: Incident) -> str:
    """Say when it began, and whether it goes on."""
    day = data.trigger.time[:10]
    onset = clock(data.trigger.onset, day)
    lasted = seconds(unix(data.now) - unix(data.trigger.onset))
    if data.resolution is None:
        return f"{onset}, still open at {clock(data.now, day)} ({lasted} later)"
    ended = ENDED[data.resolution]
    return f"{onset}. Resolved at {clock(data.now, day)} ({lasted} later): {ended}"


def _how_sure(data: Incident) -> list[str]:
    """Give the tier, its strongest reasons, and whether the ranking still moves."""
    reasons: list[str] = []
    if data.causes and data.tier != "no clear cause":
        first = data.causes[0]
        reasons = first.evidence_for[:REASONS] if data.tier == "likely" else first.evidence_against
    settled = data.convergence
    if not settled.converged:
        moving = f"the ranking has not settled after {_rows(data.rows)} and may change"
    elif settled.corrected:
        moving = (
            f"the ranking settled on {quoted(settled.corrected)} {_rows(settled.rows)} after the "
            "onset, and was corrected later"
        )
    else:
        moving = f"the ranking settled {_rows(settled.rows)} after the onset"
    return [_CERTAINTY[data.tier], *reasons[:REASONS], moving]


def _look_at(data: Incident) -> list[str]:
    """Name the series of the first cause, and the other causes that are worth a look."""
    first, *others = data.causes[:CAUSES]
    found = [", ".join(quoted(metric.name) for metric in first.metrics)]
    several = {name for p in data.patterns if p.kind == "several causes" for name in p.entities}
    possible = [
        f"{quoted(cause.entity)} ({quoted(cause.metrics[0].name)})"
        for cause in others
        if cause.tier == "possible" or cause.entity in several
    ]
    return [*found, f"then {', '.join(possible)}"] if possible else found


def _rows(count: int | None) -> str:
    return "one row" if count == 1 else f"{count} rows"


def _what_happened(data: Incident) -> Iterator[Block]:
    yield Heading(2, "What happened")
    yield Items([text for text in (began(data), data_quality(data)) if text])


def _seen_before(data: Incident) -> Iterator[Block]:
    """Yield the incidents that looked like this one and of whose cause people spoke."""
    said = (
        (data.seen_before, "its cause", "confirmed"),
        (data.rejected_before, "not its cause", "rejected"),
    )
    known = [(seen, label, how) for seen, label, how in said if seen is not None]
    if known:
        yield Heading(2, "Seen before")
    for seen, label, how in known:
        yield Definitions(
            [
                ("incident", [f"{quoted(seen.incident)}, ended at {seen.ended}"]),
                (label, [f"{quoted(seen.cause)} ({how}){successor(seen)}"]),
                ("similarity", [f"{seen.similarity:.0%}"]),
                ("similar in", [", ".join(map(quoted, seen.alike))]),
                ("moved up", ["yes, by one place" if seen.moved else "no"]),
            ]
        )


def successor(seen: SeenBefore) -> str:
    """Return what an entity of an earlier incident is called now, behind its name."""
    if seen.entity is None:
        return ", which no longer exists"
    return "" if seen.entity == seen.cause else f", now {quoted(seen.entity)}"


def _change_events(data: Incident) -> Iterator[Block]:
    """Yield what was done to the system around the onset, and to which cause."""
    if not data.change_events:
        return
    yield Heading(2, "What was done to the system")
    day = data.trigger.time[:10]
    rows = [
        (
            clock(one.time, day),
            "-" if one.entity is None else quoted(one.entity),
            one.kind,
            _before(one.before_onset_s),
            "-" if one.rank is None else str(one.rank),
            "yes" if one.supports else "no",
            named(one.text) or "-",
        )
        for one in data.change_events
    ]
    titles = ("time", "entity", "what", "the onset came", "rank", "speaks for it", "text")
    yield Table(titles, rows, frozenset({4}))


def _before(seconds_before: float) -> str:
    """Say where a change event is from the onset."""
    if seconds_before == 0.0:
        return "at the same time"
    return f"{seconds(abs(seconds_before))} {'later' if seconds_before > 0.0 else 'earlier'}"


def _health(data: Incident) -> Iterator[Block]:
    yield Heading(2, "Health signals")
    if not data.kpi:
        yield Paragraph(
            "None is configured, and neither names nor topology show one. The ranking rests on the "
            f"deviations of the entities alone. {advice(data)}"
        )
        return
    if data.kpi_proposed:
        yield Paragraph(
            "None is configured. These were chosen: latency and errors of the entities that no "
            f"other depends on. {advice(data)}"
        )
    if not data.health:
        yield Paragraph(f"{', '.join(map(quoted, data.kpi))}. Their values are not in the event.")
    else:
        now = {one.signal: one.now for one in data.felt if one.now is not None}
        yield Definitions([("signal", _signal(m, now.get(m.name))) for m in data.health])


def _signal(metric: MetricFinding, now: float | None) -> list[str]:
    """Say what a health signal did, and where it stands if it is felt."""
    name, growth = quoted(metric.name), metric.kind == "counter"
    before = measured(metric.name, metric.before, growth=growth)
    if metric.changed_at is not None:
        text = f"{what_changed(metric)}."
    elif metric.after is None:
        text = f"{name} has had no value since; it was {before} before."
    else:
        after = measured(metric.name, metric.after, growth=growth)
        text = f"{name} stayed in its normal range: {before} before, {after} on average since."
    if now is not None:
        text = f"{text} Now {measured(metric.name, now)}."
    return [text, *drawn(metric)]


def _causes(data: Incident, *, verbose: bool) -> Iterator[Block]:
    """Yield the first cause and the possible ones in full, the unlikely ones in two sentences."""
    yield Heading(2, "Causes")
    if not data.causes:
        yield Paragraph("No entity deviates from its normal state.")
    clear, day = data.tier != "no clear cause", data.trigger.time[:10]
    for cause in data.causes[:CAUSES]:
        tier = f"{cause.tier}, " if clear else ""
        yield Heading(3, f"{cause.rank}. {quoted(cause.entity)}: {tier}score {cause.score:.2f}")
        details = _details(cause, day) if cause.tier != "unlikely" else _outline(cause, day)
        shown = [(label, said) for label, said in details if said and (verbose or label != "size")]
        yield Definitions(shown)
    ruled_out = {candidate.entity for candidate in data.ruled_out}
    if further := [cause for cause in data.causes[CAUSES:] if cause.entity not in ruled_out]:
        listed = ", ".join(f"{quoted(c.entity)} ({c.score:.2f})" for c in further)
        yield Paragraph(f"Further: {listed}.")


def _details(cause: Cause, day: str) -> list[tuple[str, list[str]]]:
    first, *others = cause.metrics
    return [
        ("what", [cause.text, *drawn(first)]),
        ("size", size(first)),
        ("timing", timing(cause, day)),
        ("also", [what_changed(metric, day) for metric in others]),
        ("for", cause.evidence_for),
        ("against", cause.evidence_against),
    ]


def _outline(cause: Cause, day: str) -> list[tuple[str, list[str]]]:
    first, after = cause.metrics[0], cause.changed_after_kpi_s
    when = "" if after is None else f", {relative(after)}"
    return [
        ("what", [f"{what_changed(first, day)}{when}.", *drawn(first)]),
        ("for", cause.evidence_for[:REASONS]),
        ("against", cause.evidence_against),
    ]


def timing(cause: Cause, day: str) -> list[str]:
    """Say within which limits it changed, with the date where it is not that of the alarm."""
    changed_at = cause.metrics[0].changed_at
    date = "" if changed_at is None or changed_at[:10] == day else f"{clock(changed_at, day)}, "
    if cause.changed_after_kpi_interval_s is None:
        return []
    low, high = cause.changed_after_kpi_interval_s
    if low == high == 0.0:
        return [f"{date}it is the health signal that changed first"]
    if low < 0.0 < high:
        text = f"between {seconds(low)} before and {seconds(high)} after"
    else:
        near, far = sorted((abs(low), abs(high)))
        span = f"{seconds(near)} to {seconds(far)}" if near else f"up to {seconds(far)}"
        text = f"{span} {'after' if high > 0.0 else 'before'}"
    return [f"{date}{text} the health signal, as exactly as the rows can tell"]


def _ruled_out(data: Incident) -> Iterator[Block]:
    """Yield strong candidates that are not among the causes above, which have their reasons."""
    shown = {cause.entity for cause in data.causes[:CAUSES]}
    if rest := [r for r in data.ruled_out if r.entity not in shown]:
        yield Heading(2, "Checked and ruled out")
        yield Items([f"{quoted(r.entity)}: {r.reason}" for r in rest])


def origin(data: Incident) -> Iterator[Paragraph]:
    yield Paragraph(
        f"Revision {data.revision}: {_rows(data.rows)} since the onset, compared with "
        f"{_rows(data.base_rows)} of normal state. CORAL {named(data.engine)}, configuration "
        f"{quoted(data.config)}."
    )
