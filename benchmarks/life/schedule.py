"""Who breaks when: faults at any hour, a third of them right after a benign change elsewhere."""

import numpy as np

from life.arrivals import DAY_S, WEEK_S
from life.benign import Benign
from life.faults import KINDS, PARTS, SEVERITIES, TARGETS, Fault, Kind, Part, roots_of

__all__ = ["schedule"]

MINUTE = 60.0
QUIET_S = DAY_S  # nothing breaks in the first hours: nobody could know what is normal
MINUTES = (10.0, 120.0)
DECOYED = 3  # every third
DECOY_MINUTES = (2.0, 30.0)
DECOYS = ("deployment", "backup", "weekly job", "clean-up", "unit change", "retired service")
LATER_MINUTES = (4.0, 15.0)  # the second of two at once


def schedule(
    seconds: float, a_week: float, benign: list[Benign], rng: np.random.Generator
) -> list[Fault]:
    """Return faults by their start, each kind as often as the others.

    Parameters
    ----------
    seconds : float
        Length of the life.
    a_week : float
        Faults a week.
    benign : list of Benign
        What happens besides.
    rng : Generator
    """
    n = max(round(a_week * seconds / WEEK_S), 1)
    slot = (seconds - min(QUIET_S, seconds / 3.0)) / n
    kinds: list[Kind] = []
    while len(kinds) < n:
        kinds += [KINDS[int(i)] for i in rng.permutation(len(KINDS))]
    faults = []
    for k, kind in enumerate(kinds[:n]):
        first = seconds - slot * (n - k)
        faults.append(_fault(kind, first, 0.6 * slot, [] if k % DECOYED else benign, rng))
    return faults


def _fault(
    kind: Kind, first: float, room: float, decoys: list[Benign], rng: np.random.Generator
) -> Fault:
    """Return a fault that begins in the `room` seconds from `first` on."""
    length = MINUTE * float(np.exp(rng.uniform(*np.log(MINUTES))))
    length = min(length, 0.6 * room)
    severity = int(rng.integers(len(SEVERITIES)))
    start = first + float(rng.uniform(0.0, room))
    parts = _parts(kind, start, length, severity, rng)
    decoy = _decoy(decoys, first, room, roots_of(parts), rng)
    if decoy is not None:
        moved = decoy.start + MINUTE * float(rng.uniform(*DECOY_MINUTES)) - start
        parts = tuple(p._replace(start=p.start + moved, end=p.end + moved) for p in parts)
    begin, end = parts[0].start, max(part.end for part in parts)
    entity = None if decoy is None else decoy.entity
    return Fault(kind, roots_of(parts), begin, end, severity, parts, entity)


def _parts(
    kind: Kind, start: float, length: float, severity: int, rng: np.random.Generator
) -> tuple[Part, ...]:
    def one(kind: Kind, start: float, length: float) -> Part:
        targets = TARGETS[kind]
        target = targets[int(rng.integers(len(targets)))]
        return Part(kind, target, start, start + length, severity, int(rng.integers(2)))

    if kind != "two at once":
        return (one(kind, start, length),)
    pair = [PARTS[int(i)] for i in rng.choice(len(PARTS), size=2, replace=False)]
    later = min(MINUTE * float(rng.uniform(*LATER_MINUTES)), 0.5 * length)
    return one(pair[0], start, length), one(pair[1], start + later, length)


def _decoy(
    decoys: list[Benign],
    first: float,
    room: float,
    roots: tuple[str, ...],
    rng: np.random.Generator,
) -> Benign | None:
    """Return a benign change of something else in that time; each kind is as likely."""
    there = [d for d in decoys if d.kind in DECOYS and first <= d.start < first + room]
    there = [d for d in there if d.entity not in roots]
    kinds = sorted({d.kind for d in there})
    if not kinds:
        return None
    kind = kinds[int(rng.integers(len(kinds)))]
    same = [d for d in there if d.kind == kind]
    return same[int(rng.integers(len(same)))]
