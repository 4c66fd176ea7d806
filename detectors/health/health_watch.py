"""The watch on health signals: whether a user would feel that something is wrong."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from detectors._validate import check_row
from detectors.base import FloatArray, Indices, PerSeries, Series, State
from detectors.health._health_watch_kernels import (
    CELL,
    DISTANCES,
    PARTS,
    SIGNAL,
    beyond,
    watch_step,
)
from detectors.health.habits import NOTHING, Habit
from detectors.health.policy import HEALTH, HealthPolicy

__all__ = ["HealthWatch"]


class HealthWatch(PerSeries):
    """Watches each health signal by a rule of its own, from its first readings on.

    A reading is a new value, or one held half as long again as usual: a scrape of 15 s in rows
    of 1 s is one reading, not fifteen. Its deviation from the median of the newest readings is
    measured in their scales (1.4826 median absolute deviations, 1 % of the level at least).
    Beyond every level that two readings in a row have held of late, the evidence of the signal
    grows by what the deviation exceeds three scales; any other reading takes three off: a CUSUM
    [1]_ that two extreme readings bring to its limit. A counter of errors at rest that leaves
    zero is extreme. So is a signal that came at regular distances and is missing for three
    of them while others report. Where the load on a signal is beyond its own ordinary range, a
    reading is divided by the load's rise: what grows no faster than the load tells of no fault, as
    a chart that is adjusted for a known risk [2]_ has it.

    Parameters
    ----------
    bad : sequence of int
        Per signal the direction that is bad: 1 upwards, -1 downwards, 0 either.
    policy : HealthPolicy
        Limits, and others.

    Attributes
    ----------
    evidence : ndarray of shape (n_signals,)
        What each signal says; `policy.page` or more = felt.
    asked : float
        Evidence that pages now: more after pages beyond the budget (`ask`).

    References
    ----------
    .. [1] Page, E. S. (1954). Continuous inspection schemes. Biometrika 41.
    .. [2] Steiner, S. H. et al. (2000). Monitoring surgical performance using risk-adjusted
       cumulative sum charts. Biostatistics 1.

    Examples
    --------
    >>> import numpy as np
    >>> watch = HealthWatch([1])
    >>> latency = 0.1 + 0.01 * np.random.default_rng(0).normal(size=50)
    >>> for t, value in enumerate([*latency, 0.5, 0.52]):
    ...     if watch.update(np.array([value])).drift_detected:
    ...         print(t, watch.onset_rows)
    51 1
    """

    _STATE = ("evidence", "asked", "alarm", "_distances", "_ring", "_ordered", "_levels")
    _SERIES: ClassVar[Series] = {
        "_signals": (0, 0),
        "evidence": (0, 0.0),
        "_distances": (0, 0.0),
        "_ring": (0, np.nan),
        "_ordered": (0, 0.0),
        "_levels": (0, 0.0),
    }

    def __init__(self, bad: Sequence[int], policy: HealthPolicy = HEALTH) -> None:
        self._policy = policy
        self._record = policy.record(asked=policy.page)
        self._signals: NDArray[np.void] = np.zeros(0, dtype=SIGNAL)
        self.evidence: FloatArray = np.zeros(0)
        self._distances: FloatArray = np.zeros((0, 2, DISTANCES))
        self._ring: FloatArray = np.zeros((0, 2, policy.window))
        self._ordered: FloatArray = np.zeros((0, policy.window))
        self._levels: FloatArray = np.zeros((0, 4, PARTS))
        self.asked = policy.page
        self.alarm = self.drift_detected = False
        self._cells: NDArray[np.void]  # the newest row
        self._habit: Habit | None  # that is in it
        self.follow(np.full(len(bad), -1), bad)

    @property
    def n_signals(self) -> int:
        """Number of signals."""
        return len(self._signals)

    @property
    def felt(self) -> NDArray[np.bool_]:
        """Which signals say now that something is wrong, shape (n_signals,)."""
        return np.asarray(self.evidence >= self.asked)

    @property
    def persists(self) -> NDArray[np.bool_]:
        """Which of these the newest row takes no evidence from, shape (n_signals,)."""
        return np.asarray(self.felt & (self.evidence >= self._signals["before"]))

    @property
    def ready(self) -> NDArray[np.bool_]:
        """Which signals are known well enough to be judged, shape (n_signals,)."""
        return np.asarray(self._signals["readings"] >= self._policy.ready_readings)

    @property
    def read(self) -> NDArray[np.bool_]:
        """Whether the newest cell of each signal is a reading, shape (n_signals,)."""
        return np.asarray((self._signals["since"] == 0) & (self._signals["gap"] == 0))

    @property
    def bad(self) -> FloatArray:
        """The direction that is bad for each signal: 1, -1, 0 = either; shape (n_signals,)."""
        return np.array(self._signals["bad"])

    @property
    def gaps(self) -> NDArray[np.int64]:
        """Rows since the newest cell of each signal, shape (n_signals,)."""
        return np.array(self._signals["gap"])

    @property
    def worst(self) -> int:
        """Place of the signal with most evidence."""
        return int(np.argmax(self.evidence))

    @property
    def deviation(self) -> FloatArray:
        """Newest reading of each signal, in scales above its level, shape (n_signals,)."""
        return np.array(self._signals["z"])

    @property
    def level(self) -> FloatArray:
        """Median of each signal's newest readings, raw units, shape (n_signals,)."""
        return np.array(self._signals["level"])

    @property
    def onset_rows(self) -> int:
        """Rows ago at which the evidence of the worst signal began to grow."""
        return int(max(self._signals["began"][self.worst] - 1, 0))

    def update(
        self,
        x: FloatArray,
        load: FloatArray | None = None,
        habit: Habit | None = None,
        *,
        learn: bool = True,
        reporting: bool = True,
    ) -> Self:
        """Take one row.

        Parameters
        ----------
        x : ndarray of shape (n_signals,), float64, NaN or infinite = missing
            Raw units.
        load : ndarray of shape (n_signals,), float64, NaN = not known
            What each signal has to serve, in any unit; without it no load is known.
        habit : Habit or None
            What the signals do at this time of day: none of that is extreme.
        learn : bool
            Whether the row may be normal: in an incident nothing is learned.
        reporting : bool
            Whether other series report in this row: where nothing does, nothing is missing.

        Raises
        ------
        ValueError
            If the row has another number of signals.
        """
        cells = self._cells
        cells["value"] = check_row("HealthWatch", x, self.n_signals)
        cells["load"] = np.nan if load is None else load
        if habit is not self._habit:
            cells["high"], cells["low"], cells["gap"] = NOTHING if habit is None else habit
            self._habit = habit
        self._record["asked"] = self.asked
        watch_step(
            cells,
            learn,
            reporting,
            self._record,
            self._signals,
            self._distances,
            self._ring,
            self._ordered,
            self._levels,
            self.evidence,
        )
        was = self.alarm
        # What has risen lasts until nothing is left of it.
        self.alarm = bool(self.felt.any() or (was and (self.evidence > 0.0).any()))
        self.drift_detected = self.alarm and not was
        return self

    def ask(self, more_readings: float) -> None:
        """Ask for so many readings more than usual, after as many pages beyond the budget."""
        policy = self._policy
        self.asked = policy.page + (policy.cap - policy.slack) * max(more_readings, 0.0)

    def accept(self) -> None:
        """Take the present level of the signals that are felt for normal: they begin anew."""
        for j in np.flatnonzero(self.evidence > 0.0):
            self._forget(int(j))
        self.restart()

    def restart(self) -> None:
        """Forget the alarm and the evidence that led to it; keep what is known."""
        self.evidence.fill(0.0)
        for name in ("rising", "falling", "began"):
            self._signals[name] = 0
        # The next reading and one of the alarm are no two in a row that held a level.
        self._signals["previous"] = np.nan
        self._signals["peak"], self._signals["trough"] = -np.inf, np.inf
        self._signals["top"], self._signals["bottom"] = -np.inf, np.inf
        self.alarm = self.drift_detected = False

    def follow(self, index: Indices, bad: Sequence[int]) -> None:
        """Keep, reorder and append signals.

        Parameters
        ----------
        index : ndarray of shape (n_new,), int
            Present place of each signal of the next row, -1 for a new one.
        bad : sequence of int, length n_new
            The direction that is bad for each, used for new ones.
        """
        self.select(index)
        for j in np.flatnonzero(index < 0).tolist():
            self._signals["bad"][j] = bad[j]
            self._forget(j)

    def state_dict(self) -> State:
        """Return a copy of the learned state, plain values and arrays."""
        names = SIGNAL.names or ()
        return super().state_dict() | {
            "signals": {name: np.array(self._signals[name]) for name in names}
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, of as many signals."""
        own = dict(state)
        for name, values in own.pop("signals").items():
            self._signals[name] = values
        super().load_state_dict(own)
        if self._ring.ndim == 2:  # older states know no load
            self._ring = np.stack([self._ring, np.full_like(self._ring, np.nan)], axis=1)
        if self._levels.shape[1] == 2:  # older states know no single readings
            single = np.repeat(beyond(PARTS)[None, 2:], self.n_signals, axis=0)
            self._levels = np.concatenate([self._levels, single], axis=1)

    def _allocate(self) -> None:
        """Know nothing of the next row."""
        self._cells = np.zeros(self.n_signals, dtype=CELL)
        self._cells["load"], self._habit = np.nan, None
        self._cells["high"], self._cells["low"], self._cells["gap"] = NOTHING

    def _forget(self, j: int) -> None:
        """Know nothing of a signal but its direction."""
        bad = self._signals["bad"][j]
        self._signals[j] = np.zeros((), dtype=SIGNAL)
        self._signals["bad"][j] = bad
        self._signals["last"][j] = self._signals["previous"][j] = np.nan
        self._signals["peak"][j], self._signals["trough"][j] = -np.inf, np.inf
        self._signals["top"][j], self._signals["bottom"][j] = -np.inf, np.inf
        self._signals["part_readings"][j] = PARTS
        self._ring[j] = np.nan
        self._levels[j] = beyond(PARTS)
        self.evidence[j] = 0.0
