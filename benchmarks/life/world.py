"""One life: what is done to the system, what it does, and what is true about it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from life.arrivals import arrivals
from life.benign import Benign, benign_life, live
from life.controls import untouched
from life.faults import Fault, break_system
from life.physics import Life, simulate
from life.schedule import schedule

__all__ = ["SYSTEM", "World", "born", "visible"]

Floats = NDArray[np.float64]

SYSTEM = "shop"
# A fault is visible if, without noise, a health signal differs by so much from its twin's, the
# same life without faults, for three minutes: latency by this factor, or errors by this share.
VISIBLE_FACTOR, VISIBLE_ERRORS, VISIBLE_S = 1.2, 0.005, 180.0


class World(NamedTuple):
    """A simulated life.

    Parameters
    ----------
    seed : int
    interval_s : float
    times : ndarray of shape (rows,), s since a Monday's midnight
    benign : tuple of Benign
        Autoscaling included, as it happens without faults.
    faults : tuple of Fault
    visible : tuple of bool
        Of each fault, whether a health signal shows it.
    life, twin : Life
        With the faults, and without.
    """

    seed: int
    interval_s: float
    times: Floats
    benign: tuple[Benign, ...]
    faults: tuple[Fault, ...]
    visible: tuple[bool, ...]
    life: Life
    twin: Life

    def rng(self, concern: int) -> np.random.Generator:
        """Return the random numbers of one concern, whatever the others took."""
        return np.random.default_rng([self.seed, concern])


def born(seed: int, days: float, interval_s: float, faults_a_week: float) -> World:
    """Simulate one life; equal arguments give equal bytes."""
    rngs = [np.random.default_rng([seed, concern]) for concern in range(3)]
    seconds = days * 86_400.0
    times = np.arange(0.0, seconds, interval_s)
    benign = benign_life(seconds, rngs[0])
    controls = untouched(arrivals(times, rngs[1]))
    live(controls, benign, interval_s)
    twin = simulate(controls, interval_s)
    faults = schedule(seconds, faults_a_week, benign, rngs[2])
    break_system(controls, faults, interval_s)
    life = simulate(controls, interval_s)
    shown = tuple(visible(life, twin, fault, interval_s) for fault in faults)
    return World(seed, interval_s, times, tuple(benign), tuple(faults), shown, life, twin)


def visible(life: Life, twin: Life, fault: Fault, interval_s: float) -> bool:
    """Return whether a health signal shows a fault."""
    rows = slice(int(fault.start // interval_s), int(fault.end // interval_s) + 1)
    slower = life.p95[rows, 0] > VISIBLE_FACTOR * twin.p95[rows, 0]
    failing = life.errors[rows, 0] > twin.errors[rows, 0] + VISIBLE_ERRORS
    least = max(round(VISIBLE_S / interval_s), 1)
    return bool(np.count_nonzero(slower | failing) >= least)
