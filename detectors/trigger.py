"""The trigger: whether, and when, a system left its normal state."""

from typing import ClassVar, Final, Self

import numpy as np

from detectors._kernels import age_step, present_mean, top_mean
from detectors._validate import check_integer, check_real, check_row
from detectors.base import FloatArray, IntArray, Stateful
from detectors.cusum import Cusum
from detectors.scale import RobustScaler
from detectors.ssa import MultivariateSSA
from detectors.subspace import LaggedSubspace
from detectors.tail import PredictiveTail

__all__ = ["CHANNELS", "Trigger"]

CHANNELS: Final = ("level", "mean", "cusum", "cross_sum", "cross_top", "ssa")
"""Statistics of the bank, in the order of every array with one entry per channel."""

_CUSUM: Final = CHANNELS.index("cusum")
_WEEK_S: Final = 604_800.0
_MEAN_ROWS: Final = 6
_CUSUM_SLACK: Final = 0.75
# Clip and ceiling bound what one spike adds, and how long a sum takes to fall back.
_CUSUM_CLIP: Final = 5.0
_CUSUM_CEILING: Final = 60.0
# A standardised score up to here is unremarkable: the onset is searched back to it.
_REMARKABLE: Final = 1.0
_CALM_ROWS: Final = 8
# What took a cusum to notice takes longer to be sure that it is gone.
_CALM_CUSUM_ROWS: Final = 32
_NEW_NORMAL_ROWS: Final = 30
# Nobody calls a state normal that has lasted for less than an hour, however fast the rows come.
_NEW_NORMAL_S: Final = 3600.0
_NEW_NORMAL_SHARE: Final = 1.0 / 16.0
_FATIGUE: Final = float(np.log(10.0))


class Trigger(Stateful):
    """Declares when a system of many series leaves its normal state, at a set false-alarm budget.

    Each row is made robust z-scores and judged by a bank of statistics (``CHANNELS``):

    * ``level``: mean of the sqrt(n) largest absolute z-scores;
    * ``mean``: the same of the means over six rows;
    * ``cusum``: the same of each series' larger cumulative sum, upwards or downwards (`Cusum`),
      for what is small and lasting;
    * ``cross_sum``, ``cross_top``: residual energy outside the common space of all series and
      their previous row, as root of its mean and of its sqrt(n) largest (`LaggedSubspace`);
    * ``ssa``: residual energy outside the common space of lag windows (`MultivariateSSA`).

    A row is scored first and learned from afterwards, so every score is out of sample and the
    tails that turn scores into p-values are calibrated prequentially [1]_ at no extra cost. The
    alarm budget is shared by the channels (Bonferroni).

    Parameters
    ----------
    n_series : int
        Number of series.
    interval_s : float
        Seconds between two rows.
    false_alarms_per_week : float
        How many alarms a week of normal operation may raise.
    warmup_rows : int
        Learned rows before the first alarm; limits are wide then and narrow with the base.
    memory_rows : int
        Longest memory of locations, scales and usual energies, rows.

    Notes
    -----
    While an alarm lasts nothing is learned. It ends when all channels have been calm for eight
    rows (32 where ``cusum`` raised it), or, when it lasts longer than a sixteenth of the base,
    30 rows and an hour, by accepting the new level as normal: the scaler is recentred, and a
    channel stays quiet up to the evidence that was accepted, which is forgotten over one budget
    interval (``1 / false_alarms_per_week``).
    Alarms beyond the budget tire: with each one the p-value that the next one needs is divided by
    ten, and the debt is paid off at the rate of the budget. That is adaptive conformal inference
    [2]_ on a log scale, and bounds the long-run rate of alarms whatever the data do.
    Another order of the columns changes results by rounding only (about 1e-12 relative).

    References
    ----------
    .. [1] Dawid, A. P. (1984). The prequential approach. JRSS A 147.
    .. [2] Gibbs, I., Candes, E. (2021). Adaptive conformal inference under distribution shift.
       NeurIPS 34.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> trigger = Trigger(n_series=3, interval_s=60.0)
    >>> for t in range(300):
    ...     _ = trigger.update(rng.normal(size=3) + (40.0 if t >= 290 else 0.0))
    ...     if trigger.drift_detected:
    ...         print(t, t - trigger.onset_rows)
    290 290
    """

    _STATE: ClassVar[tuple[str, ...]] = (
        "rows_seen",
        "learned_rows",
        "alarm",
        "drift_detected",
        "new_normal",
        "onset_rows",
        "_alarm_rows",
        "_calm_rows",
        "_debt",
        "_raised_by",
        "_accepted",
        "_excess",
        "_worst",
        "_z",
        "_sums",
        "_means",
        "_statistics",
        "_log_p",
        "_age",
    )
    _PARTS: ClassVar[tuple[str, ...]] = (
        "_scaler",
        "_ssa",
        "_space",
        "_channel_scaler",
        "_cusum",
        "_tail",
    )

    def __init__(
        self,
        n_series: int,
        interval_s: float,
        *,
        false_alarms_per_week: float = 1.0,
        warmup_rows: int = 48,
        memory_rows: int = 16_384,
    ) -> None:
        n = check_integer("Trigger", "n_series", n_series, 1)
        self.interval_s = check_real("Trigger", "interval_s", interval_s, 0.0)
        self.false_alarms_per_week = check_real(
            "Trigger", "false_alarms_per_week", false_alarms_per_week, 0.0
        )
        self.warmup_rows = check_integer("Trigger", "warmup_rows", warmup_rows, 30)
        self.memory_rows = check_integer("Trigger", "memory_rows", memory_rows, 30)
        budget_rows = _WEEK_S / self.interval_s / self.false_alarms_per_week
        self._budget_rows = max(budget_rows, 1.0)
        self._log_alpha = -float(np.log(budget_rows * len(CHANNELS)))
        self._scaler = RobustScaler(n, memory_rows=self.memory_rows)
        self._ssa = MultivariateSSA(n, refit_rows=16, memory_rows=self.memory_rows)
        self._space = LaggedSubspace(n, block_rows=16, memory_rows=self.memory_rows)
        self._channel_scaler = RobustScaler(len(CHANNELS), memory_rows=self.memory_rows)
        self._cusum = Cusum(
            2 * n, slack=_CUSUM_SLACK, threshold=_CUSUM_CEILING, ceiling=_CUSUM_CEILING
        )
        self._tail = PredictiveTail(len(CHANNELS))
        self.rows_seen = 0
        self.learned_rows = 0
        self.alarm = False
        self.drift_detected = False
        self.new_normal = False
        self.onset_rows = 0
        self._alarm_rows = 0
        self._calm_rows = 0
        self._debt = 0.0
        self._worst = 0
        self._raised_by = 0
        self._accepted: FloatArray = np.zeros(len(CHANNELS))
        self._excess: FloatArray = np.zeros(len(CHANNELS))
        self._statistics: FloatArray = np.full(len(CHANNELS), np.nan)
        self._log_p: FloatArray = np.zeros(len(CHANNELS))
        self._age: IntArray = np.zeros(len(CHANNELS), dtype=np.int64)
        self._z: FloatArray = np.full(n, np.nan)
        self._sums: FloatArray = np.zeros(n)
        self._means: FloatArray = np.full(n, np.nan)
        self._allocate()

    @property
    def n_series(self) -> int:
        """Number of series."""
        return self._scaler.n_series

    @property
    def warm(self) -> bool:
        """Whether the base is long enough for an alarm."""
        return self.learned_rows >= self.warmup_rows

    @property
    def channel(self) -> str:
        """Name of the statistic that is farthest beyond, or closest to, its limit."""
        return CHANNELS[self._worst]

    @property
    def statistic(self) -> float:
        """Value of that statistic on the newest row; NaN where it says nothing."""
        return float(self._statistics[self._worst])

    @property
    def threshold(self) -> float:
        """Limit of that statistic on the newest row; NaN before there is one."""
        return float(self._tail.limits(self._needed())[self._worst])

    @property
    def p_value(self) -> float:
        """How often a normal row is expected to exceed that statistic, at most 1."""
        return float(np.exp(self._log_p[self._worst]))

    @property
    def statistics(self) -> FloatArray:
        """Value of every statistic on the newest row, shape (n_channels,); NaN = says nothing."""
        return self._statistics.copy()

    @property
    def thresholds(self) -> FloatArray:
        """Limit of every statistic on the newest row, shape (n_channels,); NaN = none yet."""
        return self._tail.limits(self._needed())

    @property
    def scores(self) -> FloatArray:
        """What each series brings to that statistic, shape (n,), >= 0; 0 = nothing or missing."""
        if self.channel in {"cross_sum", "cross_top"}:
            values = self._space.scores
        elif self.channel == "ssa":
            values = self._ssa.scores
        else:
            values = {"level": self._z, "mean": self._means, "cusum": self._sums}[self.channel]
        return np.nan_to_num(np.abs(values), nan=0.0)

    def update(self, x: FloatArray) -> Self:
        """Take one row.

        Parameters
        ----------
        x : ndarray of shape (n,), float64, NaN or infinite = missing
            One row, which is not changed.

        Raises
        ------
        ValueError
            If the row has another number of series.
        """
        row = check_row("Trigger", x, self.n_series)
        self.rows_seen += 1
        self.drift_detected = self.new_normal = False
        self._measure(row)
        self._accepted *= self._fading
        self._debt = max(self._debt - 1.0 / self._budget_rows, 0.0)
        margin = self._needed() - self._log_p
        self._worst = int(np.argmax(margin))
        if self.alarm:
            self._follow()
        elif self.warm and margin[self._worst] > 0.0:
            self._raise()
        if self.alarm:
            self._scaler.observe(row)
        elif not self.new_normal:
            self._learn(row)
        return self

    def restart(self) -> None:
        """Forget the alarm and the evidence that led to it; keep the base."""
        self.alarm = self.drift_detected = self.new_normal = False
        self._alarm_rows = self._calm_rows = 0
        self._tail.discard()
        self._clear()

    def break_lags(self) -> None:
        """Tell that the next row does not follow the last one: windows start anew."""
        self._ssa.break_lags()
        self._space.break_lags()

    def grow(self, n_series: int) -> None:
        """Append series behind the present ones; they warm up beside them.

        Parameters
        ----------
        n_series : int
            The new number of series, not smaller than the old one.
        """
        extra = check_integer("Trigger", "n_series", n_series, self.n_series) - self.n_series
        self._scaler.grow(n_series)
        self._ssa.grow(n_series)
        self._space.grow(n_series)
        self._z = np.append(self._z, np.full(extra, np.nan))
        self._sums = np.append(self._sums, np.zeros(extra))
        self._cusum.grow(2 * n_series)
        self._means = np.append(self._means, np.full(extra, np.nan))
        self._allocate()

    def _allocate(self) -> None:
        """Make the scratch space of the kernels."""
        self._top = int(np.ceil(np.sqrt(self.n_series)))
        self._heap: FloatArray = np.empty(self._top)
        self._fading = float(np.exp(-1.0 / self._budget_rows))
        self._logs: FloatArray = np.full(len(CHANNELS), np.nan)
        self._standardised: FloatArray = np.full(len(CHANNELS), np.nan)
        # Up and down sums of a series stand side by side, so that new series come last.
        self._signed: FloatArray = np.empty((self.n_series, 2))

    def _measure(self, row: FloatArray) -> None:
        """Compute every statistic of a row and its p-value."""
        top, heap, s = self._top, self._heap, self._statistics
        z = self._scaler.transform(row, self._z)
        lagged = self._ssa.push(z, learn=not self.alarm)
        crossed = self._space.push(z, learn=not self.alarm)
        self._ssa.mean(_MEAN_ROWS, self._means)
        np.clip(z, -_CUSUM_CLIP, _CUSUM_CLIP, out=self._signed[:, 0])
        np.negative(self._signed[:, 0], out=self._signed[:, 1])
        self._cusum.update(self._signed.reshape(-1))
        np.max(self._cusum.statistic.reshape(-1, 2), axis=1, out=self._sums)
        s[0] = top_mean(z, top, heap)
        s[1] = top_mean(self._means, top, heap)
        s[2] = top_mean(self._sums, top, heap) if self._scaler.fitted else np.nan
        # Roots of energies: amplitudes have lighter tails, which a short base can still tell.
        s[3] = np.sqrt(present_mean(crossed))
        s[4] = np.sqrt(top_mean(crossed, top, heap))
        s[5] = np.sqrt(top_mean(lagged, top, heap))
        np.log(s + 1e-6, out=self._logs)
        self._channel_scaler.transform(self._logs, self._standardised)
        age_step(self._standardised, _REMARKABLE, self._age)
        self._tail.log_p(s, self._log_p)

    def _needed(self) -> FloatArray:
        """Return the log p-value that each channel needs for an alarm."""
        tired = _FATIGUE * max(self._debt - 1.0, 0.0)
        return np.asarray(self._log_alpha - np.maximum(self._accepted, tired))

    def _raise(self) -> None:
        """Declare a change, and estimate when it began."""
        self.alarm = self.drift_detected = True
        self._alarm_rows = self._calm_rows = 0
        self._debt += 1.0
        self._raised_by = self._worst
        self._excess = np.maximum(self._log_alpha - self._log_p, 0.0)
        # What was still on probation may belong to the change.
        self._tail.discard()
        if self.channel == "cusum":
            rows = self._cusum.onset[np.argmax(self._cusum.statistic)]
        else:
            rows = self._age[self._worst]
        self.onset_rows = max(int(rows) - 1, 0)

    def _follow(self) -> None:
        """End the alarm where the system is calm again, or stayed where it went."""
        self._alarm_rows += 1
        np.maximum(self._excess, self._log_alpha - self._log_p, out=self._excess)
        # Calm = less than half of the way, in log p, from the beginning of the tail to the limit.
        halfway = 0.5 * (self._log_alpha + self._tail.log_rate)
        quiet = self._log_p > halfway
        sum_quiet, quiet[_CUSUM] = quiet[_CUSUM], True
        calm = bool(quiet.all())
        if calm and not self._calm_rows:
            # Its sums need long to fall back: they are counted anew from the first calm row.
            self._cusum.reset()
        elif calm:
            calm = bool(sum_quiet)
        self._calm_rows = self._calm_rows + 1 if calm else 0
        if self._calm_rows >= (_CALM_CUSUM_ROWS if self._raised_by == _CUSUM else _CALM_ROWS):
            self.alarm = False
            return
        # Not while it calms down: that would take the fault for the new level.
        patience = max(
            _NEW_NORMAL_SHARE * self.learned_rows,
            _NEW_NORMAL_ROWS,
            _NEW_NORMAL_S / self.interval_s,
        )
        if not self._calm_rows and self._alarm_rows > patience:
            self._accept()

    def _accept(self) -> None:
        """Take the present level for the new normal one."""
        self.alarm = False
        self.new_normal = True
        weight = max(self.learned_rows / 8.0, float(self._scaler.fit_rows))
        self._scaler.recentre(weight)
        self._ssa.relearn(weight)
        self._space.relearn(weight)
        np.maximum(self._accepted, self._excess, out=self._accepted)
        self._clear()

    def _clear(self) -> None:
        """Empty everything that carries evidence from row to row."""
        self.break_lags()
        self._cusum.reset()
        self._age.fill(0)

    def _learn(self, row: FloatArray) -> None:
        """Learn from a normal row, after it was scored."""
        self._scaler.update(row)
        self._channel_scaler.update(self._logs)
        self.learned_rows += 1
        if self._scaler.fitted:
            self._ssa.learn()
            self._space.learn()
            self._tail.push(self._statistics)
