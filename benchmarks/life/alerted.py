"""The ranking alone, three minutes after an objective was breached, as an alert would tell it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from told import Told, learn, names_of, settle, tier_of

from coral.contract.events import Tier
from life.faults import Fault
from life.frames import matrix_of
from life.scoring import AFTER_S, named, place_of
from life.series import EPOCH, Column
from life.topology import CONFIGURED_EDGES, KPI
from life.world import World
from streams.series import entity_of

__all__ = ["ToldScore", "breached_at", "objective", "tell"]

Floats = NDArray[np.float64]

BREACH_S = 180.0
BASE_ROWS = 2880
# An objective as a team would set it: a quarter above what the slowest minutes of normal weeks
# take, and one request in a hundred.
LATENCY_MARGIN, QUANTILE, ERROR_RATIO = 1.25, 0.999, 0.01


class ToldScore(NamedTuple):
    """The last answer before the end of a fault that was told; `place` None: not among five."""

    place: int | None
    first: str
    tier: Tier
    blamed: bool


def objective(world: World) -> tuple[float, float]:
    """Return the limits of the health signals, in their units."""
    slow = float(np.quantile(world.twin.p95[:, 0], QUANTILE))
    return 1e3 * LATENCY_MARGIN * slow, ERROR_RATIO


def breached_at(world: World, health: Floats, fault: Fault) -> int | None:
    """Return the row at which a signal has been out of its objective for three minutes."""
    first, last = (int(t // world.interval_s) for t in (fault.start, fault.end))
    least = max(round(BREACH_S / world.interval_s), 1)
    held = 0
    for row in range(first, min(last + 1, len(health))):
        held = held + 1 if bool((health[row] > np.array(objective(world))).any()) else 0
        if held == least:
            return row
    return None


def tell(world: World, columns: list[Column], fault: Fault, row: int) -> ToldScore:
    """Return the answer when the onset is told at a row.

    The base is what an engine would have learned of the rows before: those of earlier faults are
    left out.
    """
    first = max(row - BASE_ROWS, 0)
    end = min(int(fault.end // world.interval_s) + 1, len(world.times))
    kept = [row_ for row_ in range(first, end) if row_ >= row or not _earlier(world, fault, row_)]
    there = [c for c in columns if c.first < row and c.last > first]
    there = [c for c in there if c.collector != "jobs" or c.last >= row - 60]
    names = tuple(dict.fromkeys(c.name for c in there))
    entities = {entity_of(name) for name in names}
    x = matrix_of(there, names, len(world.times))[kept]
    told = Told(
        dataset="life",
        case=str(world.seed),
        names=names,
        times=EPOCH + world.times[kept],
        x=x,
        onset=kept.index(row),
        end=len(kept),
        kpi=KPI,
        edges=tuple(sorted((b, a) for a, b in CONFIGURED_EDGES)),
        interval_s=world.interval_s,
        truth=frozenset(e for e in entities if any(named(e, root) for root in fault.roots)),
        any_of=True,
        fault_type=fault.kind,
    )
    normal = learn(told)
    *_, (_, localiser) = settle(told, normal)
    ranking = localiser.rank()
    top = names_of(told, localiser.layout, ranking)[:5]
    tier = tier_of(told, normal, localiser, ranking)
    blamed = bool(top and fault.decoy and named(top[0], fault.decoy))
    return ToldScore(place_of(top, fault.roots), top[0] if top else "", tier, blamed)


def _earlier(world: World, fault: Fault, row: int) -> bool:
    """Return whether a row belongs to another fault."""
    time = world.times[row]
    others = (f for f in world.faults if f is not fault)
    return any(f.start <= time <= f.end + AFTER_S for f in others)
