"""Customers: requests a second at the gateway, without anything that happens to the system."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["DAY_S", "WEEK_S", "arrivals"]

Floats = NDArray[np.float64]

DAY_S, WEEK_S = 86_400.0, 604_800.0
MEAN_RATE = 95.0  # requests a second in the first week
GROWTH_A_WEEK = 0.01
WEEKEND = 0.8
# Mood of the market: an Ornstein-Uhlenbeck process of the logarithm.
MOOD_S, MOOD_SIZE = 1200.0, 0.04
# Bursts with Pareto sizes that fade away.
BURSTS_A_DAY, BURST_SHAPE, BURST_SIZE, BURST_S, MOST_BURST = 6.0, 1.8, 0.05, 240.0, 0.25


def arrivals(times: Floats, rng: np.random.Generator) -> Floats:
    """Return requests a second at each time.

    Parameters
    ----------
    times : ndarray of shape (rows,), float64, s since a Monday's midnight
        Equidistant.
    rng : Generator

    Returns
    -------
    ndarray of shape (rows,), float64
        Daily and weekly cycle, growth, correlated noise, heavy-tailed bursts, and the noise of
        counting single customers.
    """
    dt = float(times[1] - times[0])
    hour = times % DAY_S / 3600.0
    # Two harmonics: quiet at four in the morning, a hump at noon, the most in the evening.
    day = 1.0 - 0.42 * np.cos((hour - 4.0) * np.pi / 12.0) - 0.10 * np.cos((hour - 1.5) * np.pi / 6)
    weekend = 1.0 - (1.0 - WEEKEND) * _smooth(times % WEEK_S / DAY_S)
    growth = (1.0 + GROWTH_A_WEEK) ** (times / WEEK_S)
    mean = MEAN_RATE * day * weekend * growth * np.exp(_mood(len(times), dt, rng))
    mean *= 1.0 + _bursts(len(times), dt, rng)
    return np.maximum(mean + np.sqrt(mean / dt) * rng.normal(size=len(times)), 1.0)


def _smooth(day: Floats) -> Floats:
    """Return 1 at the weekend, 0 on working days, with three hours between."""
    ramp: Floats = np.clip((day - 5.0) * 8.0, 0.0, 1.0) * np.clip((7.0 - day) * 8.0, 0.0, 1.0)
    return ramp


def _mood(rows: int, dt: float, rng: np.random.Generator) -> Floats:
    keep = np.exp(-dt / MOOD_S)
    return _filtered(rng.normal(size=rows) * MOOD_SIZE * np.sqrt(1.0 - keep**2), keep)


def _bursts(rows: int, dt: float, rng: np.random.Generator) -> Floats:
    kicks = np.zeros(rows)
    at = rng.integers(rows, size=rng.poisson(BURSTS_A_DAY * rows * dt / DAY_S))
    np.add.at(kicks, at, BURST_SIZE * rng.pareto(BURST_SHAPE, size=len(at)))
    return np.minimum(_filtered(kicks, np.exp(-dt / BURST_S)), MOST_BURST)


def _filtered(kicks: Floats, keep: float) -> Floats:
    """Return the sum of kicks that fade by a factor each row."""
    from scipy.signal import lfilter  # noqa: PLC0415 - half a second that few need

    faded: Floats = lfilter([1.0], [1.0, -keep], kicks)
    return faded
