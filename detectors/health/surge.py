"""Whether a signal in an incident goes up again, from where it has been of late."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from detectors.base import FloatArray, IntArray, PerSeries, Series
from detectors.health.policy import HEALTH, HealthPolicy

__all__ = ["Surge"]

# In place of the number of readings in a row: a second move has just been told; was told before.
TOLD, OVER = -1, -2


class Surge(PerSeries):
    """Second moves of signals that are felt already.

    In an incident nothing is learned, so that a signal which is felt a little and long hides a
    second fault, however large. Here the newest readings are the reference, whatever they are: two
    in a row beyond their median by more than a reading can count for, in their scales, and beyond
    every level that two of them held, are a move of their own. What goes on, flaps or climbs step
    by step is none: it is in the reference. One more is asked for each time that a longer memory
    holds readings as far out: counts of a second jump, and where two errors a second are usual and
    six not rare, five such seconds in a row are no second fault.

    Parameters
    ----------
    n_signals : int
    policy : HealthPolicy

    Examples
    --------
    >>> surge = Surge(1)
    >>> values = [0.07, 0.06] * 8 + [0.5, 0.5, 0.5]
    >>> read, bad = np.array([True]), np.array([1.0])
    >>> [surge.update(np.array([value]), read, bad).begun[0] for value in values].index(True)
    17
    """

    _STATE: ClassVar[tuple[str, ...]] = ("_ring", "_readings", "_beyond")
    _SERIES: ClassVar[Series] = {"_ring": (0, np.nan), "_readings": (0, 0), "_beyond": (0, 0)}

    def __init__(self, n_signals: int, policy: HealthPolicy = HEALTH) -> None:
        self._policy = policy
        self._ring: FloatArray = np.full((n_signals, policy.surge_memory), np.nan)
        self._readings: IntArray = np.zeros(n_signals, dtype=np.int64)
        self._beyond: IntArray = np.zeros(n_signals, dtype=np.int64)

    @property
    def begun(self) -> NDArray[np.bool_]:
        """Which signals have just made a second move, shape (n_signals,)."""
        return np.asarray(self._beyond == TOLD)

    def update(self, x: FloatArray, read: NDArray[np.bool_], bad: FloatArray) -> Self:
        """Take one row.

        Parameters
        ----------
        x : ndarray of shape (n_signals,), float64, raw units, NaN = missing
        read : ndarray of shape (n_signals,), bool
            Whether the cell is a reading (`HealthWatch.read`).
        bad : ndarray of shape (n_signals,), float64
            The direction that is bad: 1 upwards, -1 downwards, 0 either.
        """
        policy = self._policy
        for j in np.flatnonzero(read).tolist():
            readings, run = int(self._readings[j]), max(int(self._beyond[j]), 0)
            known, at = readings >= policy.surge_readings, readings % policy.surge_memory
            newest = np.roll(self._ring[j], -at)
            # A level that the run itself has held speaks not against it.
            before = newest[max(newest.size - readings, 0) : newest.size - run]
            out = known and self._is_beyond(before, float(x[j]), float(bad[j]))
            self._beyond[j] = self._counted(j, before, float(bad[j])) if out else 0
            self._ring[j, at] = x[j]
            self._readings[j] += 1
        self._beyond[~read & (self._beyond == TOLD)] = OVER  # news for one row
        return self

    def restart(self) -> None:
        """Know nothing of late: an incident begins."""
        self._readings.fill(0)
        self._beyond.fill(0)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state; one of a shorter memory begins anew."""
        super().load_state_dict(state)
        if self._ring.shape[1] != self._policy.surge_memory:
            self._ring = np.full((len(self._ring), self._policy.surge_memory), np.nan)
            self.restart()

    def _counted(self, j: int, before: FloatArray, bad: float) -> int:
        """Count the readings in a row that are beyond; TOLD where this one makes them enough."""
        run = int(self._beyond[j])
        if run < 0:
            return OVER
        level, scale = self._level_and_scale(before)
        away = bad * (before - level) if bad else np.abs(before - level)
        out = away > self._policy.cap * scale
        times = int(out[0]) + int((out[1:] & ~out[:-1]).sum())  # a fault that is over is one
        return TOLD if run + 1 >= self._policy.surge_rows + times else run + 1

    def _level_and_scale(self, before: FloatArray) -> tuple[float, float]:
        newest = before[-self._policy.surge_readings :]
        level = float(np.median(newest))
        scale = 1.4826 * float(np.median(np.abs(newest - level)))
        return level, max(scale, self._policy.surge_share * abs(level))

    def _is_beyond(self, before: FloatArray, value: float, bad: float) -> bool:
        """Whether a reading is beyond the newest ones by more than it can count for.

        And clearly beyond every level that two of them in a row have held.
        """
        policy = self._policy
        newest = before[-policy.surge_readings :]
        level, scale = self._level_and_scale(newest)
        sign = bad or float(np.sign(value - level))
        held = np.minimum(sign * newest[1:], sign * newest[:-1]).max()
        far = sign * (value - level) > policy.cap * scale
        return bool(far and sign * value - held > policy.slack * scale)
