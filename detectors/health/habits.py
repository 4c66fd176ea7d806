"""What health signals did at this time of day before: what comes back is no news."""

from typing import ClassVar, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.base import FloatArray, PerSeries, Series
from detectors.health._habits_kernels import note_row
from detectors.health.policy import HEALTH, HealthPolicy

__all__ = ["Habit", "Habits"]

_DAY_S: Final = 86_400.0
# Highest and lowest level, and longest gap, where there was nothing.
NOTHING: Final = (-np.inf, np.inf, 0.0)


class Habit(NamedTuple):
    """What is a habit of each signal at a time of day, arrays of shape (n_signals,).

    Attributes
    ----------
    high, low : ndarray, raw units
        Levels between which it has been; -inf, inf = none.
    gap : ndarray, rows
        For how long it stays away.
    """

    high: FloatArray
    low: FloatArray
    gap: FloatArray


class Habits(PerSeries):
    """Levels and gaps of each signal by the time of day, whatever was thought of them then.

    A night without customers looks like an outage, and pages; the next one does too, as once is no
    habit. What two of the newest days held at that time of day, give or take half an hour, is one:
    a seasonal memory as that of seasonal naive forecasts, and of the second largest day. A gap of a
    day or more comes at no time of day.

    Parameters
    ----------
    n_signals : int
    interval_s : float
        Of the rows.
    policy : HealthPolicy

    Examples
    --------
    >>> habits, hour = Habits(1, 60.0), 3600.0
    >>> for night in (0.0, 24.0, 48.0):
    ...     for row in range(2):
    ...         now = (night + 2.0) * hour + 60.0 * row
    ...         print(habits.at(now).low[0])
    ...         habits.note(now, np.zeros(1), np.array([True]))
    inf
    inf
    inf
    inf
    0.0
    0.0
    """

    _STATE: ClassVar[tuple[str, ...]] = ("_held", "_previous", "_gap", "_slot")
    _SERIES: ClassVar[Series] = {"_held": (0, NOTHING), "_previous": (0, np.nan), "_gap": (0, 0.0)}

    def __init__(self, n_signals: int, interval_s: float, policy: HealthPolicy = HEALTH) -> None:
        self._policy, self._interval_s = policy, interval_s
        slots = (policy.habit_days + 1) * policy.habit_slots
        self._held: FloatArray = np.tile(np.array(NOTHING), (n_signals, slots, 1))
        self._previous: FloatArray = np.full(n_signals, np.nan)
        self._gap: FloatArray = np.zeros(n_signals)
        self._slot = -1  # number of the newest slot
        self._habit: Habit | None = None  # of the newest slot; derived

    def at(self, time: float) -> Habit:
        """Return what is a habit at a time, unix s; from the days before."""
        self._advance(time)
        if self._habit is None:
            policy = self._policy
            back = policy.habit_slots * np.arange(1, policy.habit_days + 1)
            slots = (self._slot - back[:, None] + np.array([-1, 0, 1])) % self._held.shape[1]
            days = self._held[:, slots]
            # Of all days the second most extreme: one alone is no habit.
            high = np.sort(days[..., 0].max(axis=2), axis=1)[:, -2]
            low = np.sort(days[..., 1].min(axis=2), axis=1)[:, 1]
            gap = np.sort(days[..., 2].max(axis=2), axis=1)[:, -2]
            self._habit = Habit(high, low, gap)
        return self._habit

    def note(
        self, time: float, x: FloatArray, read: NDArray[np.bool_], *, reporting: bool = True
    ) -> None:
        """Take a row, faulty or not.

        Parameters
        ----------
        time : float
            Event time, unix s.
        x : ndarray of shape (n_signals,), float64, raw units, NaN = missing
        read : ndarray of shape (n_signals,), bool
            Whether a present cell is a reading: two in a row hold a level.
        reporting : bool
            Whether other series report in this row.
        """
        self._advance(time)
        slot, day = self._slot % self._held.shape[1], _DAY_S / self._interval_s
        note_row(x, read, reporting, day, self._previous, self._gap, self._held, slot)

    def _advance(self, time: float) -> None:
        """Begin the slots up to a time anew."""
        slot = int(time // (_DAY_S / self._policy.habit_slots))
        if slot > self._slot:
            passed = np.arange(max(self._slot + 1, slot + 1 - self._held.shape[1]), slot + 1)
            self._held[:, passed % self._held.shape[1]] = NOTHING
            self._slot = slot
            self._habit = None

    def _allocate(self) -> None:
        """Derive what is a habit anew: signals, or what is known of them, have changed."""
        self._habit = None
