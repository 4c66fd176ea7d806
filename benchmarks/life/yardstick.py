"""Rules to compare with, on the health signals alone: what is visible is found by them."""

import numpy as np
from detection.products import rolling_median
from detection.recordings import Run
from numpy.typing import NDArray

from life.opened import Opened
from life.topology import KPI
from life.world import World

__all__ = ["rolling_medians"]

Floats = NDArray[np.float64]


def rolling_medians(world: World, health: Floats) -> list[Opened]:
    """Return the pages of a rolling median and a multiple of the MAD.

    Parameters
    ----------
    world : World
    health : ndarray of shape (rows, 2), float64, NaN = missing
        The health signals, as measured.
    """
    rows = len(health)
    run = Run(
        dataset="life",
        case=str(world.seed),
        interval_s=world.interval_s,
        x=health,
        adjacent=np.ones(rows, dtype=np.bool_),
        label=np.zeros(rows, dtype=np.bool_),
        faults=(),
        routine=(),
        changes=(),
        join=None,
        stream=True,
        names=KPI,
        kpi=KPI,
    )
    times = [float(world.times[page.row]) for page in rolling_median(run)]
    return [Opened("", "rule", "", (), time, felt=time, closed=time) for time in times]
