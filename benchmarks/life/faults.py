"""The fourteen kinds of faults, and what each does to the system."""

from typing import Final, Literal, NamedTuple

import numpy as np

from life.benign import Benign, roll_out
from life.controls import Controls, span
from life.topology import EDGES, NODES, edge_of, plant, station_of

__all__ = [
    "KINDS",
    "PARTS",
    "SEVERITIES",
    "TARGETS",
    "Fault",
    "Kind",
    "Part",
    "break_system",
    "roots_of",
]

Kind = Literal[
    "cpu hog",
    "memory leak",
    "slow database",
    "pool exhaustion",
    "cache outage",
    "network delay",
    "packet loss",
    "crash loop",
    "disk full",
    "bad deployment",
    "slow dependency",
    "retry storm",
    "noisy neighbour",
    "two at once",
]
TARGETS: Final[dict[Kind, tuple[str, ...]]] = {
    "cpu hog": ("gateway", "search", "checkout", "cart", "payment", "orders", "recommend"),
    "memory leak": ("gateway", "catalog", "search", "cart", "payment", "recommend"),
    "slow database": ("catalogdb", "ordersdb"),
    "pool exhaustion": ("catalog", "search", "orders"),
    "cache outage": ("cache",),
    "network delay": ("gateway>search", "gateway>cart", "checkout>payment", "orders>ordersdb"),
    "packet loss": ("gateway>search", "gateway>cart", "checkout>orders", "search>catalogdb"),
    "crash loop": ("catalog", "search", "cart", "payment", "orders"),
    "disk full": ("ordersdb",),
    "bad deployment": ("gateway", "catalog", "search", "cart", "checkout", "orders"),
    "slow dependency": ("payment",),
    "retry storm": ("search",),
    "noisy neighbour": NODES,
}
"""What can be hit: stations, edges (`caller>callee`), nodes."""
KINDS: Final[tuple[Kind, ...]] = (*TARGETS, "two at once")
PARTS: Final[tuple[Kind, ...]] = ("cpu hog", "slow database", "crash loop", "network delay")
"""Of two at once."""
SEVERITIES = ("barely visible", "medium", "severe")

# One size a severity.
HOG_SHARE = (0.5, 0.7, 0.85)  # of the cores
LEAK_SHARE = (1.1, 0.45, 0.2)  # of the fault until the process is killed
SLOW_QUERY, SLOW_QUERY_IO = (2.5, 5.0, 10.0), (0.2, 0.4, 0.6)
LOCK_S = (0.06, 0.25, 0.9)
POOL_LOST = (0.93, 0.97, 0.99)
HITS_LEFT = (0.6, 0.3, 0.0)
CACHE_DOWN_S = (0.0, 0.0, 0.08)
DELAY_S = (0.12, 0.4, 1.0)
LOSS = (0.3, 0.5, 0.7)
CRASH_FAILS, CRASH_UP_S, CRASH_DOWN_S = (0.02, 0.08, 0.3), 90.0, 150.0
DISK_SHARE = (1.3, 0.6, 0.3)  # of the fault until the disk is full
WORSE_WORK, WORSE_FAILS = (1.6, 2.4, 4.0), (0.01, 0.05, 0.25)
BANK_SLOWER = (2.5, 6.0, 14.0)
STORM_WORK, STORM_S, STORM_RETRIES = (2.0, 3.0, 5.0), 360.0, 4.0
NEIGHBOUR_CORES = (4.0, 6.0, 9.0)


class Part(NamedTuple):
    """One thing that is broken for a time; `coin` (0 or 1) chooses between two ways to do so."""

    kind: Kind
    target: str
    start: float
    end: float
    severity: int
    coin: int = 0


class Fault(NamedTuple):
    """A fault with its truth.

    Parameters
    ----------
    kind : Kind
    roots : tuple of str
        Entities of which each is a right answer: the ends of an edge are told apart by nothing.
    start, end : float
        s since the life began.
    severity : int
        Place in `SEVERITIES`.
    parts : tuple of Part
        What is done.
    decoy : str or None
        Another entity, that changed in a benign way within the half hour before.
    """

    kind: Kind
    roots: tuple[str, ...]
    start: float
    end: float
    severity: int
    parts: tuple[Part, ...]
    decoy: str | None = None


def roots_of(parts: tuple[Part, ...]) -> tuple[str, ...]:
    """Return the entities that are a right answer."""
    return tuple(dict.fromkeys(name for part in parts for name in part.target.split(">")))


def break_system(controls: Controls, faults: list[Fault], interval_s: float) -> None:
    """Do to the system what the faults do."""
    for fault in faults:
        for part in fault.parts:
            _DO[part.kind](controls, part, interval_s)


def _rows(controls: Controls, part: Part, interval_s: float) -> slice:
    return span(part.start, part.end, interval_s, len(controls.arrivals))


def _cpu_hog(controls: Controls, part: Part, interval_s: float) -> None:
    i, when = station_of(part.target), _rows(controls, part, interval_s)
    controls.hog[when, i] += HOG_SHARE[part.severity] * plant().replicas[i]


def _memory_leak(controls: Controls, part: Part, interval_s: float) -> None:
    i, when = station_of(part.target), _rows(controls, part, interval_s)
    room = 3.0 * plant().heap[i]
    controls.leak[when, i] = room / (LEAK_SHARE[part.severity] * (part.end - part.start))
    _restart(controls, i, when.stop)


def _slow_database(controls: Controls, part: Part, interval_s: float) -> None:
    i, when = station_of(part.target), _rows(controls, part, interval_s)
    if part.coin:
        controls.lock[when, i] += LOCK_S[part.severity]
    else:
        controls.work[when, i] *= SLOW_QUERY[part.severity]
        controls.io[when, i] += SLOW_QUERY_IO[part.severity]


def _pool_exhaustion(controls: Controls, part: Part, interval_s: float) -> None:
    i, when = station_of(part.target), _rows(controls, part, interval_s)
    leaked = np.minimum(np.linspace(0.0, 2.0, when.stop - when.start), 1.0)
    controls.pool[when, i] = POOL_LOST[part.severity] * leaked
    _restart(controls, i, when.stop)


def _cache_outage(controls: Controls, part: Part, interval_s: float) -> None:
    i, when = station_of(part.target), _rows(controls, part, interval_s)
    controls.hits[when] *= HITS_LEFT[part.severity]
    controls.lock[when, i] += CACHE_DOWN_S[part.severity]
    _restart(controls, i, when.stop)


def _network_delay(controls: Controls, part: Part, interval_s: float) -> None:
    controls.delay[_rows(controls, part, interval_s), _edge(part)] += DELAY_S[part.severity]


def _packet_loss(controls: Controls, part: Part, interval_s: float) -> None:
    controls.loss[_rows(controls, part, interval_s), _edge(part)] = LOSS[part.severity]


def _crash_loop(controls: Controls, part: Part, interval_s: float) -> None:
    i, when = station_of(part.target), _rows(controls, part, interval_s)
    now = np.arange(when.start, when.stop) * interval_s - part.start
    away = now % (CRASH_UP_S + CRASH_DOWN_S) >= CRASH_UP_S
    controls.down[when, i] = np.where(away, 0.5, 0.0)
    controls.failing[when, i] = CRASH_FAILS[part.severity]
    begins = np.flatnonzero(away & ~np.append(False, away[:-1]))
    controls.restart[when.start + begins, i] = 1.0


def _disk_full(controls: Controls, part: Part, interval_s: float) -> None:
    i, when = station_of(part.target), _rows(controls, part, interval_s)
    room = 0.45 * plant().disk[i]
    controls.fill[when, i] = room / (DISK_SHARE[part.severity] * (part.end - part.start))
    controls.clean[when.stop : when.stop + 1, i] = 1.0


def _bad_deployment(controls: Controls, part: Part, interval_s: float) -> None:
    i, when = station_of(part.target), _rows(controls, part, interval_s)
    roll_out(
        controls, Benign("deployment", part.target, part.start, part.start + 240.0, 1.0), interval_s
    )
    if part.coin:
        controls.failing[when, i] += WORSE_FAILS[part.severity]
    else:
        controls.work[when, i] *= WORSE_WORK[part.severity]
    _restart(controls, i, when.stop)


def _slow_dependency(controls: Controls, part: Part, interval_s: float) -> None:
    controls.bank[_rows(controls, part, interval_s)] *= BANK_SLOWER[part.severity]


def _retry_storm(controls: Controls, part: Part, interval_s: float) -> None:
    """Begin with a slow-down of minutes; callers without a limit of retries keep it alive."""
    i, when = station_of(part.target), _rows(controls, part, interval_s)
    controls.retries[when, edge_of("gateway", part.target)] += STORM_RETRIES
    first = _rows(controls, part._replace(end=part.start + STORM_S), interval_s)
    controls.work[first, i] *= STORM_WORK[part.severity]


def _noisy_neighbour(controls: Controls, part: Part, interval_s: float) -> None:
    node, when = NODES.index(part.target), _rows(controls, part, interval_s)
    controls.load[when, node] += NEIGHBOUR_CORES[part.severity]


def _restart(controls: Controls, i: int, row: int) -> None:
    controls.restart[row : row + 1, i] = 1.0


def _edge(part: Part) -> int:
    caller, callee = part.target.split(">")
    return EDGES.index((caller, callee))


_DO: Final = {
    "cpu hog": _cpu_hog,
    "memory leak": _memory_leak,
    "slow database": _slow_database,
    "pool exhaustion": _pool_exhaustion,
    "cache outage": _cache_outage,
    "network delay": _network_delay,
    "packet loss": _packet_loss,
    "crash loop": _crash_loop,
    "disk full": _disk_full,
    "bad deployment": _bad_deployment,
    "slow dependency": _slow_dependency,
    "retry storm": _retry_storm,
    "noisy neighbour": _noisy_neighbour,
}
