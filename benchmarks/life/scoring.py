"""What a watcher's answers are worth: of every fault, and of what was opened without one."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from life.benign import Benign
from life.faults import SEVERITIES, Fault
from life.opened import Answer, Opened

__all__ = ["AFTER_S", "FaultScore", "falsely", "in_alarm", "named", "score_fault", "told_of"]

# Recovery: what opens in it belongs to the fault, and has not found it.
AFTER_S = 1800.0
# A watcher needs some rows: what it opens so long after the end of a fault has found it yet.
LATE_S = 180.0
# A benign event so long before an alarm may have been what it saw.
NEAR_S = 2700.0


class FaultScore(NamedTuple):
    """What became of a fault.

    Parameters
    ----------
    kind, severity : str
    roots : tuple of str
    start, minutes : float
        s since the life began.
    visible : bool
    decoy : str or None
    found, paged : bool
        Something opened, or began to be felt; and it was felt.
    delay_s : float or None
        Until then.
    place : int or None
        Of the first root in the last answer before the end; None without an answer.
    blamed : bool
        The decoy stands first.
    tier, first : str
        Of that answer.
    opened : int
        Incidents and changes that began in it.
    """

    kind: str
    severity: str
    roots: tuple[str, ...]
    start: float
    minutes: float
    visible: bool
    decoy: str | None
    found: bool
    paged: bool
    delay_s: float | None
    place: int | None
    blamed: bool
    tier: str
    first: str
    opened: int


def named(entity: str, workload: str) -> bool:
    """Return whether an entity is a workload, or one of its pods."""
    return entity == workload or entity.startswith(f"{workload}-")


def place_of(top: Sequence[str], roots: Sequence[str]) -> int | None:
    """Return the place of the best placed root, 1 is the first."""
    for place, entity in enumerate(top, 1):
        if any(named(entity, root) for root in roots):
            return place
    return None


def score_fault(fault: Fault, opened: Sequence[Opened], *, visible: bool) -> FaultScore:
    """Return what became of a fault; its answer is the last one before it ends.

    Of the first incident that was felt in it, else of the first change that opened in it.
    """
    until = fault.end + LATE_S
    inside = [o for o in opened if fault.start <= o.opened <= until]
    felt = [o for o in opened if o.felt is not None and fault.start <= o.felt <= until]
    noticed = [o.opened for o in inside] + [o.felt for o in felt if o.felt is not None]
    chosen = min(felt, key=lambda o: o.felt or 0.0) if felt else inside[0] if inside else None
    answer = _last(chosen, until)
    top = answer.top if answer else ()
    return FaultScore(
        kind=fault.kind,
        severity=SEVERITIES[fault.severity],
        roots=fault.roots,
        start=fault.start,
        minutes=round((fault.end - fault.start) / 60.0, 1),
        visible=visible,
        decoy=fault.decoy,
        found=bool(noticed),
        paged=bool(felt),
        delay_s=round(min(noticed) - fault.start, 1) if noticed else None,
        place=place_of(top, fault.roots),
        blamed=bool(top and fault.decoy and named(top[0], fault.decoy)),
        tier=answer.tier if answer else "",
        first=top[0] if top else "",
        opened=len(inside),
    )


def _last(chosen: Opened | None, until: float) -> Answer | None:
    """Return the newest answer before a time; the first one if all are later."""
    if chosen is None or not chosen.answers:
        return None
    before = [a for a in chosen.answers if a.time <= until]
    return before[-1] if before else chosen.answers[0]


def told_of(faults: Sequence[Fault], time: float) -> bool:
    """Return whether a time lies in a fault or in the recovery from one."""
    return any(fault.start <= time <= fault.end + AFTER_S for fault in faults)


def falsely(
    faults: Sequence[Fault], opened: Sequence[Opened], benign: Sequence[Benign], seconds: float
) -> list[dict[str, Any]]:
    """Return what was opened outside of faults, with what benign life did shortly before.

    What opens outside and is first felt within a fault has found it, and is a change here.
    """
    found = []
    for o in opened:
        if told_of(faults, o.opened):
            continue
        felt = o.felt is not None and not told_of(faults, o.felt)
        near = {
            f"{b.kind} of {b.entity}"
            for b in benign
            if b.start - 60.0 <= o.opened and o.opened <= min(b.end, b.start + AFTER_S) + NEAR_S
            if b.kind != "hourly job"
        }
        last = o.answers[-1] if o.answers else None
        found.append(
            {
                "day": round(o.opened / 86_400.0, 3),
                "felt": felt,
                "source": o.source,
                "channel": o.channel,
                "series": list(o.series[:3]),
                "first": last.top[0] if last and last.top else "",
                "tier": last.tier if last else "",
                "minutes": round(((o.closed or seconds) - o.opened) / 60.0, 1),
                "resolution": o.resolution or "open at the end",
                "near": sorted(near),
            }
        )
    return found


def in_alarm(
    faults: Sequence[Fault], opened: Sequence[Opened], span: tuple[float, float], *, felt: bool
) -> float:
    """Return the share of the time outside of faults in which something was open.

    Parameters
    ----------
    faults, opened : sequence
    span : (float, float)
        Begin and end of the time that is looked at, s of life.
    felt : bool
        Of what is felt only, since it is.
    """
    spans = [(o.felt if felt else o.opened, o.closed) for o in opened]
    within = _clipped([(a, b) for a, b in spans if a is not None], span)
    troubled = _clipped([(f.start, f.end + AFTER_S) for f in faults], span)
    clear = span[1] - span[0] - _length(troubled)
    both = _length(within) + _length(troubled) - _length(within + troubled)
    return (_length(within) - both) / max(clear, 1.0)


def _clipped(
    spans: Sequence[tuple[float, float | None]], span: tuple[float, float]
) -> list[tuple[float, float]]:
    cut = [(max(a, span[0]), min(span[1] if b is None else b, span[1])) for a, b in spans]
    return [(a, b) for a, b in cut if b > a]


def _length(spans: Sequence[tuple[float, float]]) -> float:
    """Return the length of the union of spans."""
    total, reach = 0.0, float("-inf")
    for a, b in sorted(spans):
        total += max(b - max(a, reach), 0.0)
        reach = max(reach, b)
    return total
