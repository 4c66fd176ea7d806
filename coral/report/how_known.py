"""How a case is known, in numbers: the ranks over the revisions, the statistics, learned edges."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from coral.contract.events import Contradicted, GraphEdge, Incident, Revision
from coral.report.document import Block, Heading, Items, Paragraph, Table
from coral.report.onset_text import detection, false_alarms, other_alarms
from coral.text import quoted

__all__ = ["edges", "lag_in_words", "ranks", "statistics"]

EDGES = 8
RANKED = 8  # entities whose ranks are listed
COLUMNS = 12  # revisions of the rank history
_KNOWN: Final = {
    "known": "in the topology",
    "required": "required",
    "forbidden": "forbidden",
}
_FOUND: Final = {
    "absent": "the normal rows do not show it",
    "reversed": "the normal rows show the reverse",
    "present": "the normal rows show it",
}


def ranks(history: Sequence[Revision]) -> Iterator[Block]:
    """Yield the ranks over the revisions: the last first five, and whoever led before."""
    shown = _thinned(history)
    names = dict.fromkeys([*history[-1].top, *(m.top[0] for m in shown if m.top)])
    if not names:
        return
    yield Heading(2, "Rank history")
    header = ["rows after the onset", *(str(revision.rows) for revision in shown)]
    rows = [
        [quoted(name), *(str(m.top.index(name) + 1) if name in m.top else "-" for m in shown)]
        for name in list(names)[:RANKED]
    ]
    yield Table(header, rows, frozenset(range(1, len(header))))


def _thinned(history: Sequence[Revision]) -> list[Revision]:
    """Return the first revision, the last one of each doubling of the rows, and the last of all."""
    kept = [a for a, b in pairwise(history) if a.rows.bit_length() < b.rows.bit_length()]
    return [*kept, history[-1]][-COLUMNS:]


def statistics(data: Incident) -> Iterator[Block]:
    """Yield what the alarm and the ranking rest on, in numbers."""
    trigger, settled = data.trigger, data.convergence
    often = f", {settled.confirmations} times in a row" if settled.confirmations > 1 else ""
    agreement = (
        f"The first five agree to {settled.agreement:.0%} with those at half and at three quarters "
        f"of the rows{often}."
    )
    yield Heading(2, "Statistics")
    limits = (false_alarms(trigger.budget), other_alarms(trigger.other_budget))
    texts = (detection(trigger), *limits, agreement)
    yield Items([text for text in texts if text])


def edges(data: Incident) -> Iterator[Block]:
    """Yield the strongest edge of each pair of series."""
    strongest: dict[tuple[str, str], GraphEdge] = {}
    for edge in data.graph:
        strongest.setdefault((edge.cause, edge.effect), edge)
    if strongest:
        yield Heading(2, "Strongest learned edges")
        yield Items([_edge(edge) for edge in list(strongest.values())[:EDGES]])
    if data.screened is not None:
        some = data.screened
        left = ", ".join(map(quoted, some.most_left_out))
        yield Paragraph(
            f"The graph holds {some.in_graph} of {some.series} series: those that deviate and what "
            f"is related to them. Most series are left out of {left}."
        )
    if data.contradicted:
        yield Heading(2, "Known edges that the normal rows contradict")
        yield Items([_contradicted(edge) for edge in data.contradicted[:EDGES]])


def _edge(edge: GraphEdge) -> str:
    when = "in normal rows too" if edge.part == "invariant" else "in this incident only"
    return (
        f"{quoted(edge.cause)} -> {quoted(edge.effect)}: strength {edge.strength:+.2f}, "
        f"{lag_in_words(edge.lag)}, {when}"
    )


def _contradicted(edge: Contradicted) -> str:
    pair = f"{quoted(edge.cause)} -> {quoted(edge.effect)}"
    return f"{pair}: {_KNOWN[edge.prior]}, but {_FOUND[edge.found]}"


def lag_in_words(rows: int) -> str:
    """Say how many rows later an effect comes."""
    if rows == 0:
        return "in the same row"
    return "one row later" if rows == 1 else f"{rows} rows later"
