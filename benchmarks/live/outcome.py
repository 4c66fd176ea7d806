"""What became of each fault, and what came without one."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streams.topology import ends_of

_RESOLVED = "incident.resolved"
AFTER_S = 120.0
"""How long after a fault what opens is its echo: neither noticed nor false."""


@dataclass(frozen=True)
class Arrival:
    """A revision of an incident, as it came out of the output topic."""

    wall: float  # unix s, when it was read there
    event_time: str
    type: str
    incident: str
    kind: str
    onset: str
    first: str | None
    tier: str
    summary: str

    @classmethod
    def of(cls, event: dict[str, Any], wall: float) -> Arrival:
        """Read an event; one without a kind is an incident."""
        data = event["data"]
        causes = data["causes"]
        return cls(
            wall=wall,
            event_time=data["now"],
            type=event["type"].removeprefix("io.coral.").removesuffix(".v1"),
            incident=data["incident"],
            kind=data.get("kind", "incident"),
            onset=data["trigger"]["onset"],
            first=causes[0]["entity"] if causes else None,
            tier=data["tier"],
            summary=data["summary"],
        )

    def line(self) -> str:
        """Return what the log says of it."""
        return (
            f"{self.type} incident={self.incident} kind={self.kind} now={self.event_time} "
            f"onset={self.onset} first={self.first} tier={self.tier} | {self.summary}"
        )


@dataclass(frozen=True)
class Injection:
    """A fault that was there, in unix seconds."""

    kind: str
    root: str
    minute: float
    start: float
    end: float


@dataclass(frozen=True)
class _Case:
    """All revisions of one incident, in the order of their arrival."""

    revisions: tuple[Arrival, ...]

    @property
    def opened(self) -> Arrival:
        return self.revisions[0]

    @property
    def page(self) -> Arrival | None:
        """The first revision that pages."""
        return next((found for found in self.revisions if found.kind == "incident"), None)

    @property
    def moments(self) -> list[Arrival]:
        """When it asked for attention: opened, and raised to an incident later."""
        page = self.page
        return [self.opened] if page in (None, self.opened) else [self.opened, page]

    @property
    def ended(self) -> float:
        """When it was resolved; never, if it was not."""
        last = self.revisions[-1]
        return last.wall if last.type == _RESOLVED else math.inf

    def last_before(self, wall: float) -> Arrival:
        return [found for found in self.revisions if found.wall < wall][-1]


def cases_of(arrivals: Sequence[Arrival]) -> list[_Case]:
    """Group arrivals by incident."""
    found: dict[str, list[Arrival]] = {}
    for arrival in arrivals:
        found.setdefault(arrival.incident, []).append(arrival)
    return [_Case(tuple(revisions)) for revisions in found.values()]


def judge(injection: Injection, cases: Sequence[_Case]) -> dict[str, Any]:
    """Return what became of one fault.

    Noticed is what opens, or begins to page, while the fault is there. Right first is judged by the
    last revision before its echo ends, of the incident that paged first, else of what was first.
    """
    until = injection.end + AFTER_S

    def inside(arrival: Arrival | None) -> bool:
        return arrival is not None and injection.start <= arrival.wall < injection.end

    noticed = sorted(
        ((moment, case) for case in cases for moment in case.moments if inside(moment)),
        key=lambda pair: pair[0].wall,
    )
    paged = [(moment, case) for moment, case in noticed if moment == case.page]
    result: dict[str, Any] = {
        "fault": injection.kind,
        "root": injection.root,
        "minute": injection.minute,
        "seconds": round(injection.end - injection.start, 1),
        "noticed": bool(noticed),
        "kind": None,
        "open_before": [
            case.opened.incident
            for case in cases
            if case.opened.wall < injection.start <= case.ended
        ],
    }
    if noticed:
        moment, case = (paged or noticed)[0]
        last = case.last_before(until)
        result |= {
            "kind": last.kind,
            "noticed_s": _since(injection, noticed[0][0]),
            "noticed_event_s": _event_since(injection, noticed[0][0]),
            "page_s": _since(injection, paged[0][0]) if paged else None,
            "page_event_s": _event_since(injection, paged[0][0]) if paged else None,
            "first_at_once": moment.first,
            "first_at_end": last.first,
            "tier": last.tier,
            "right_first": _is_right(last.first, injection),
        }
    return result


def _is_right(first: str | None, injection: Injection) -> bool:
    """Whether an answer names what is broken: a way to it too where the network is."""
    ends = ends_of(first) if first and injection.kind.startswith("network") else None
    return injection.root in (first, ends and ends[1])


def outside(
    injections: Sequence[Injection], cases: Sequence[_Case], start: float, end: float
) -> dict[str, Any]:
    """Count what came in the time without fault, and how long that was."""
    spans = [(found.start, found.end + AFTER_S) for found in injections]
    quiet = end - start - sum(min(end, last) - first for first, last in spans)

    def is_quiet(wall: float) -> bool:
        return not any(first <= wall < last for first, last in spans)

    def is_echo(wall: float) -> bool:
        return any(found.end <= wall < found.end + AFTER_S for found in injections)

    opened = [case for case in cases if is_quiet(case.opened.wall)]
    pages = [case.page for case in cases if case.page and is_quiet(case.page.wall)]
    return {
        "quiet_minutes": round(quiet / 60, 1),
        "false_pages": len(pages),
        "false_changes": sum(case.opened.kind == "change" for case in opened),
        "echoes": sum(is_echo(case.opened.wall) for case in cases),
        "false": [
            {
                "minute": round((case.opened.wall - start) / 60, 1),
                "kind": case.revisions[-1].kind,
                "first": case.opened.first,
                "summary": case.opened.summary,
            }
            for case in opened
        ],
    }


def table(results: Sequence[dict[str, Any]], rest: dict[str, Any]) -> str:
    """Return the whole answer as text."""
    head = ("fault", "minute", "noticed", "right first", "noticed s", "page s")
    rows = [head]
    for result in results:
        noticed = result["noticed"]
        right = (
            ("yes" if result["right_first"] else result["first_at_end"] or "none")
            if noticed
            else "-"
        )
        rows.append(
            (
                f"{result['fault']} {result['root']}",
                f"{result['minute']:g}",
                result["kind"]
                if noticed
                else "no, one was open"
                if result["open_before"]
                else "no",
                right,
                _pair(result, "noticed"),
                _pair(result, "page"),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines.append("seconds: by the wall clock (in event time)")
    lines.append(
        f"{rest['quiet_minutes']:g} minutes without fault: {rest['false_pages']} false pages, "
        f"{rest['false_changes']} false changes; opened within {AFTER_S:.0f} s after a fault: "
        f"{rest['echoes']}"
    )
    return "\n".join(lines)


def _pair(result: dict[str, Any], what: str) -> str:
    wall, event = (result.get(f"{what}{part}_s") for part in ("", "_event"))
    return "-" if wall is None else f"{wall:.0f} ({event:.0f})"


def _since(injection: Injection, arrival: Arrival) -> float:
    return round(arrival.wall - injection.start, 1)


def _event_since(injection: Injection, arrival: Arrival) -> float:
    return round(dt.datetime.fromisoformat(arrival.event_time).timestamp() - injection.start, 1)
