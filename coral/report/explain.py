"""A whole case for the engineer on call: what happened, why, and what it was not."""

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from coral.contract.events import Cause, Course, GraphEdge, Incident, MetricFinding, Revision
from coral.report.document import Block, Facts, Grid, Heading, Items, Paragraph
from coral.report.event_log import Chronicle, Journal
from coral.report.onset_text import artefacts, began, budget, clock
from coral.text import SILENT, change, named, quantity, quoted, seconds

__all__ = ["as_json", "case", "listing", "sparkline"]

CAUSES = 5
EDGES = 8
MOVED = 8  # entities whose ranks are listed
COLUMNS = 12  # revisions of the rank history
BARS = "▁▂▃▄▅▆▇█"


def listing(journal: Journal) -> list[Block]:
    """Return the incidents of a file, one a row."""
    rows = []
    for name, chronicle in journal.incidents.items():
        data = chronicle.data
        first = quoted(data.causes[0].entity) if data.causes else "-"
        opened = data.trigger.time.replace("T", " ").rstrip("Z")
        rows.append([f"`{name}`", quoted(data.system), opened, data.state, data.tier, first])
    if not rows:
        return [Paragraph("There is no incident in these events.")]
    return [Grid(("incident", "system", "opened (UTC)", "state", "tier", "first cause"), rows)]


def case(chronicle: Chronicle) -> list[Block]:
    """Return everything that is known of one incident.

    Parameters
    ----------
    chronicle : Chronicle
    """
    data = chronicle.data
    day = data.trigger.time[:10]
    parts = (
        _opening(data, day),
        _seen_before(data),
        _health(data),
        _causes(data),
        _ruled_out(data),
        _moves(chronicle.moves),
        _edges(data),
        _ending(data),
    )
    return [block for part in parts for block in part]


def as_json(chronicles: Sequence[Chronicle]) -> str:
    """Return incidents as one JSON document that no terminal and no web page interprets.

    Parameters
    ----------
    chronicles : sequence of Chronicle

    Returns
    -------
    str
        ``{"incidents": [{"event": newest event, "revisions": [every one in short]}]}`` in ASCII;
        what HTML would read as markup is escaped too, which JSON allows inside of strings only,
        the one place where it occurs.
    """
    listed = [{"event": c.newest, "revisions": c.steps} for c in chronicles]
    text = json.dumps({"incidents": msgspec.to_builtins(listed)}, indent=1)
    return text.translate({ord(c): f"\\u{ord(c):04x}" for c in "<>&\x7f"}) + "\n"


def _opening(data: Incident, day: str) -> Iterator[Block]:
    yield Heading(1, f"Incident {quoted(data.incident)} in {quoted(data.system)}, {day} (UTC)")
    yield Paragraph(data.summary)
    yield Paragraph(f"{_standing(data)} {_settled(data)}")
    yield Heading(2, "What happened")
    yield Items(
        [text for text in (began(data), artefacts(data), budget(data.trigger.budget)) if text]
    )


def _standing(data: Incident) -> str:
    """Say whether the incident goes on."""
    day = data.trigger.time[:10]
    lasted = seconds(_unix(data.now) - _unix(data.trigger.onset))
    if data.resolution is not None:
        return f"Resolved at {clock(data.now, day)}, {lasted} after the onset: {data.resolution}."
    return f"Open at {clock(data.now, day)}, {lasted} after the onset."


def _settled(data: Incident) -> str:
    settled = data.convergence
    if settled.converged:
        text = f"The ranking settled {settled.rows} rows after the onset"
        since = (
            f", on {quoted(settled.corrected)}, and was corrected since"
            if settled.corrected
            else ""
        )
        return f"{text}{since}."
    often = f", {settled.confirmations} times in a row" if settled.confirmations > 1 else ""
    return (
        f"The ranking has not settled after {data.rows} rows: its first five agree to "
        f"{settled.agreement:.0%} with those at half and three quarters of the rows{often}."
    )


def _seen_before(data: Incident) -> Iterator[Block]:
    """Yield the confirmed incident that looked like this one."""
    seen = data.seen_before
    if seen is None:
        return
    yield Heading(2, "Seen before")
    gone = "" if seen.entity else ", which is gone"
    now = f", now {quoted(seen.entity)}" if seen.entity not in (None, seen.cause) else ""
    moved = "yes, by one place" if seen.moved else "no"
    yield Facts(
        [
            ("incident", [f"{quoted(seen.incident)}, until {seen.ended}"]),
            ("confirmed", [f"{quoted(seen.cause)}{now}{gone}"]),
            ("similarity", [f"{seen.similarity:.0%}"]),
            ("alike in", [", ".join(map(quoted, seen.alike))]),
            ("moved up", [moved]),
        ]
    )


def _health(data: Incident) -> Iterator[Block]:
    yield Heading(2, "Health signals")
    if not data.kpi:
        yield Paragraph(
            "None is configured, and neither names nor topology tell one; the walk starts where "
            "the evidence is."
        )
        return
    if data.kpi_proposed:
        yield Paragraph(
            "None is configured; these are proposed: latencies and errors where known effects end."
        )
    if not data.health:
        yield Paragraph(f"{', '.join(map(quoted, data.kpi))}; their course is not in the event.")
    else:
        yield Facts([("signal", _signal(metric)) for metric in data.health])


def _signal(metric: MetricFinding) -> list[str]:
    before, name = quantity(metric.before), quoted(metric.name)
    if metric.changed_at is not None:
        said = f"{name} {_change(metric)} at {clock(metric.changed_at)}."
    elif metric.after is None:
        said = f"{name} has had no value since; it was {before} before."
    else:
        said = (
            f"{name} stayed in its normal range: {before} before, {quantity(metric.after)} since."
        )
    return [said, *_drawn(metric.course)]


def _change(metric: MetricFinding) -> str:
    return change(metric.before, metric.after, metric.missing)


def _drawn(course: Course | None) -> list[str]:
    """Return a series as a drawing with its range, if the event has it."""
    if course is None:
        return []
    values = [v for v in (*course.before, *course.after) if v is not None]
    if not values:
        return []
    rows = "a row" if course.rows == 1 else f"{course.rows} rows"
    return [
        f"`{sparkline(course)}` {quantity(min(values))} .. {quantity(max(values))}, {rows} a bar"
    ]


def sparkline(course: Course) -> str:
    """Return bars between the least and the greatest value; the line is the onset."""
    values = [v for v in (*course.before, *course.after) if v is not None]
    low, high = min(values, default=0.0), max(values, default=0.0)

    def bar(value: float | None) -> str:
        if value is None:
            return "·"
        # Halves, so that the range of two extreme values does not overflow.
        share = (value / 2 - low / 2) / (high / 2 - low / 2) if high > low else 0.0
        return BARS[min(int(share * len(BARS)), len(BARS) - 1)]

    return "".join(map(bar, course.before)) + "│" + "".join(map(bar, course.after))


def _causes(data: Incident) -> Iterator[Block]:
    yield Heading(2, "Causes")
    if not data.causes:
        yield Paragraph("No entity has any evidence.")
    clear = data.tier != "no clear cause"
    for cause in data.causes[:CAUSES]:
        tier = f"{cause.tier}, " if clear else ""
        yield Heading(3, f"{cause.rank}. {quoted(cause.entity)}: {tier}score {cause.score:.2f}")
        yield Facts(
            [(label, said) for label, said in _details(cause, data.trigger.time[:10]) if said]
        )
    if further := data.causes[CAUSES:]:
        listed = ", ".join(f"{quoted(c.entity)} ({c.score:.2f})" for c in further)
        yield Paragraph(f"Further: {listed}.")


def _details(cause: Cause, day: str) -> list[tuple[str, list[str]]]:
    first, *others = cause.metrics
    return [
        ("what", [cause.text, *_drawn(first.course)]),
        ("effect", _effect(first)),
        ("onset", _onset(cause, day)),
        ("also", [f"{quoted(m.name)} {_change(m)}" for m in others]),
        ("for", cause.evidence_for),
        ("against", cause.evidence_against),
    ]


def _effect(metric: MetricFinding) -> list[str]:
    """Say how far the level moved, unless there is none any more."""
    if metric.missing >= SILENT:
        return []
    # The unit of deviations is a third of the range that normal rows have.
    where, ranges = "above" if metric.deviation > 0 else "below", abs(metric.deviation) / 3.0
    if ranges < 1.0:
        return ["on average within its normal range; single rows, or its behaviour, are not."]
    return [f"on average {quantity(ranges)} times as far {where} normal as normal rows go."]


def _onset(cause: Cause, day: str) -> list[str]:
    """Say within which limits it changed, with the date where it is not that of the alarm."""
    changed_at = cause.metrics[0].changed_at
    date = "" if changed_at is None or changed_at[:10] == day else f"{clock(changed_at, day)}, "
    if cause.changed_after_kpi_interval_s is None:
        return []
    low, high = cause.changed_after_kpi_interval_s
    if low == high == 0.0:
        return [f"{date}it is the health signal that changed first."]
    if low < 0.0 < high:
        text = f"between {seconds(low)} before and {seconds(high)} after"
    else:
        near, far = sorted((abs(low), abs(high)))
        span = f"{seconds(near)} to {seconds(far)}" if near else f"up to {seconds(far)}"
        text = f"{span} {'after' if high > 0.0 else 'before'}"
    return [f"{date}{text} the health signal, as far as the rows can tell."]


def _ruled_out(data: Incident) -> Iterator[Block]:
    if data.ruled_out:
        yield Heading(2, "Checked and ruled out")
        yield Items([f"{quoted(r.entity)}: {r.reason}" for r in data.ruled_out])


def _moves(moves: Sequence[Revision]) -> Iterator[Block]:
    """Yield the ranks over the revisions: the last first five, and whoever led before."""
    shown = _thinned(moves)
    names = dict.fromkeys([*moves[-1].top, *(m.top[0] for m in shown if m.top)])
    if not names:
        return
    yield Heading(2, "Rank history")
    header = ["rows after the onset", *(str(move.rows) for move in shown)]
    rows = [
        [quoted(name), *(str(m.top.index(name) + 1) if name in m.top else "-" for m in shown)]
        for name in list(names)[:MOVED]
    ]
    yield Grid(header, rows, frozenset(range(1, len(header))))


def _thinned(moves: Sequence[Revision]) -> list[Revision]:
    """Return the first revision, the last one of each doubling of the rows, and the last of all."""
    kept = [a for a, b in pairwise(moves) if a.rows.bit_length() < b.rows.bit_length()]
    return [*kept, moves[-1]][-COLUMNS:]


def _edges(data: Incident) -> Iterator[Block]:
    """Yield the strongest edge of each pair of series."""
    strongest: dict[tuple[str, str], GraphEdge] = {}
    for edge in data.graph:
        strongest.setdefault((edge.cause, edge.effect), edge)
    if strongest:
        yield Heading(2, "Strongest learned edges")
        listed = list(strongest.values())[:EDGES]
        yield Items(
            [
                f"{quoted(e.cause)} -> {quoted(e.effect)}: "
                f"{e.strength:+.2f}, {_lag(e.lag)}, {e.part}"
                for e in listed
            ]
        )
    if data.screened is not None:
        some = data.screened
        left = ", ".join(map(quoted, some.most_left_out))
        yield Paragraph(
            f"The graph holds {some.in_graph} of {some.series} series, those that deviate and what "
            f"is related to them; most is left out of {left}."
        )
    if data.contradicted:
        yield Heading(2, "Known edges that the normal rows contradict")
        yield Items(
            [
                f"{quoted(c.cause)} -> {quoted(c.effect)}: {c.prior}, but {c.found}"
                for c in data.contradicted[:EDGES]
            ]
        )


def _lag(rows: int) -> str:
    if rows == 0:
        return "in the same row"
    return "one row later" if rows == 1 else f"{rows} rows later"


def _ending(data: Incident) -> Iterator[Block]:
    yield Paragraph(
        f"Revision {data.revision}: {data.rows} rows since the onset, compared with "
        f"{data.base_rows} rows of normal state. CORAL {named(data.engine)}, configuration "
        f"{quoted(data.config)}."
    )


def _unix(timestamp: str) -> float:
    return dt.datetime.fromisoformat(timestamp).timestamp()
