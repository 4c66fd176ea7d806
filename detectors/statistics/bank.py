"""The bank of statistics: one row of many series in, a handful of numbers out."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from detectors.base import FloatArray, FurtherStatistic, IntArray, State, Stateful
from detectors.statistics.dynamic_pca import LaggedSubspace
from detectors.statistics.missingness import Silence
from detectors.statistics.moving_averages import Windows
from detectors.statistics.novelty import Novelty
from detectors.statistics.peaks import UsualPeak
from detectors.statistics.residual_charts import Residuals
from detectors.statistics.robust_scaler import RobustScaler
from detectors.statistics.ssa import MultivariateSSA

__all__ = ["CHANNELS", "LEVELLESS", "Bank", "used_channels"]

CHANNELS: Final = (
    "level",
    "pair",
    "mean",
    "slow",
    "cross_sum",
    "cross_max",
    "ssa",
    "dispersion",
    "novelty",
    "silence",
)
"""Statistics of the bank, in the order of every array with one entry per channel."""

LEVELLESS: Final = frozenset({"dispersion", "silence"})
"""Statistics that move without the level of any series."""


class Bank(Stateful):
    """Statistics of a row against what is normal, each made before the row is learned.

    Two folds of the lag windows (along time for each series, and across all series), three
    aggregations over series (sum, the sqrt(n) largest, maximum) and four spans of time:

    * ``level``: mean of log(1 + u^2), u = absolute z-score in usual peaks (`UsualPeak`): many
      series a little, now; no series can say more than its logarithm;
    * ``pair``: mean of what lasts for two rows (`Windows.pair`);
    * ``mean``: largest mean of a series over 12 rows: one series, lasting;
    * ``slow``: mean of the sqrt(n) largest means over 96 rows: small, slow and lasting;
    * ``cross_sum``: mean root of the residual energies outside the common space of all series and
      their previous row (`LaggedSubspace`) that last for two rows: relations that broke;
    * ``cross_max``: the largest of them, now: one relation that broke;
    * ``ssa``: mean of log(1 + residual energy) outside the common space of lag windows
      (`MultivariateSSA`): what the own past does not explain, in many series;
    * ``dispersion``: largest moving mean, about 16 rows, of a series' log residual energy outside
      the common space, in its usual deviations (`Residuals`): one series that got restless;
    * ``novelty``: distance to the nearest normal row that is remembered (`Novelty`): where no
      row, however far from the mean, has been before;
    * ``silence``: minus log probability of the most surprising gap (`Silence`), nats.

    Parameters
    ----------
    n_series : int
        Number of series.
    memory_rows : int
        Longest memory of locations, scales and usual energies, rows.
    further : sequence of FurtherStatistic
        Statistics that are added; they stand before ``silence``.

    Attributes
    ----------
    channels : tuple of str
        Names of the statistics.
    statistics : ndarray of shape (n_channels,)
        Of the newest row; NaN where nothing can be said.
    n_series : int
        Number of series.
    top : int
        How many series the largest of them are.
    """

    _STATE: ClassVar[tuple[str, ...]] = ("statistics", "_z")
    _PARTS: ClassVar[tuple[str, ...]] = (
        "_scaler",
        "_windows",
        "_peaks",
        "_space",
        "_ssa",
        "_residuals",
        "_novelty",
        "_silence",
    )

    def __init__(
        self, n_series: int, memory_rows: int, further: Sequence[FurtherStatistic] = ()
    ) -> None:
        n = n_series
        self.further = tuple(further)
        self.channels = (*CHANNELS[:-1], *(one.name for one in further), CHANNELS[-1])
        self._scaler = RobustScaler(n, memory_rows=memory_rows)
        self._windows = Windows(n)
        self._peaks = UsualPeak(n)
        self._ssa = MultivariateSSA(n, refit_rows=16, memory_rows=memory_rows)
        self._space = LaggedSubspace(n, block_rows=16, memory_rows=memory_rows)
        self._residuals = Residuals(n, memory_rows)
        self._novelty = Novelty(n)
        self._silence = Silence(n)
        self.statistics: FloatArray = np.full(len(self.channels), np.nan)
        self._z: FloatArray = np.full(n, np.nan)
        self._allocate()

    @property
    def fitted(self) -> bool:
        """Whether a series has a scale, so that rows can be learned."""
        return self._scaler.fitted > 0

    def measure(self, row: FloatArray, *, learn: bool) -> FloatArray:
        """Return the statistics of a row; the array is reused by the next call.

        Parameters
        ----------
        row : ndarray of shape (n,), float64, NaN or infinite = missing
        learn : bool
            Whether usual energies and gaps move towards this row, after it was measured.
        """
        z = self._scaler.transform(row, self._z)
        lagged = self._ssa.push(z, learn=learn)
        crossed = self._space.push(z, learn=learn)
        statistics = self.statistics
        self._windows.push(z, self._peaks.mean, statistics)
        self._residuals.push(crossed, lagged, statistics[4:], learn=learn)
        statistics[8] = self._novelty.push(z)
        for place, one in enumerate(self.further, 9):
            statistics[place] = one.push(z)
        statistics[-1] = self._silence.push(row, learn=learn)
        return statistics

    def learn(self, row: FloatArray) -> None:
        """Learn from the row that was measured last."""
        self._scaler.learn(row)
        if self._scaler.fitted:
            self._peaks.learn(self._z)
            self._ssa.learn()
            self._space.learn()
            self._novelty.learn()
            for one in self.further:
                one.learn()

    def observe(self, row: FloatArray) -> None:
        """Remember a row that is not normal, should its level become the new normal."""
        self._scaler.observe(row)

    def accept(self, rows: int, weight: float) -> None:
        """Take the level of the newest `rows` for normal; `weight` = rows that it counts for."""
        self._scaler.recentre(rows, weight)
        self._ssa.relearn(weight)
        self._space.relearn(weight)
        self._residuals.relearn(weight)
        self._silence.accept()

    def forget_windows(self) -> None:
        """Fill the long windows anew."""
        self._windows.clear()
        for one in self.further:
            one.clear()

    def clear(self) -> None:
        """Empty everything that carries evidence from row to row."""
        self.break_lags()
        self.forget_windows()

    def break_lags(self) -> None:
        """Tell that the next row does not follow the last one."""
        self._ssa.break_lags()
        self._space.break_lags()
        self._windows.clear()
        self._residuals.clear()
        self._novelty.clear()

    def scores(self, channel: str) -> FloatArray:
        """Return what each series brings to a statistic, shape (n,), >= 0; 0 = nothing."""
        match channel:
            case "level":
                with np.errstate(invalid="ignore", divide="ignore"):
                    values = np.log1p(np.square(self._z / self._peaks.mean))
            case "pair":
                values = self._windows.pair
            case "mean":
                values = self._windows.means[0]
            case "slow":
                values = self._windows.means[1]
            case "cross_sum":
                values = self._residuals.lasting
            case "cross_max":
                values = self._residuals.root
            case "ssa":
                values = np.log1p(self._ssa.scores)
            case "dispersion":
                values = np.maximum(self._residuals.restless, 0.0)
            case "novelty":
                values = self._novelty.scores
            case "silence":
                values = self._silence.surprise
            case _:
                values = self.further[self.channels.index(channel) - 9].scores
        return np.asarray(np.nan_to_num(values, nan=0.0, posinf=np.log1p(100.0)))

    def reach(self) -> FloatArray:
        """Return how far the statistics go when sqrt(n) series leave as far as can be measured.

        Returns
        -------
        ndarray of shape (n_channels - 1,)
            Without ``silence``, which every series can raise. How far a further statistic goes is
            not known, so that none of them counts.
        """
        share = self.top / self.n_series
        z, clip = self._scaler.cap, self._windows.clip
        peak = float(np.nanmedian(self._peaks.mean)) if np.isfinite(self._peaks.mean).any() else 1.0
        windows = self._windows
        return np.array(
            [
                share * np.log1p((z / max(peak, 1e-9)) ** 2),
                share * z,
                clip * np.sqrt(windows.short),
                clip * np.sqrt(windows.long),
                share * clip,
                clip,
                share * np.log1p(clip**2),
                self._residuals.reach,
                np.log1p(z),
                *(-np.inf for _ in self.further),
            ]
        )

    @property
    def remembered(self) -> IntArray:
        """Rows that each statistic is made of, shape (n_channels,).

        Of a moving mean those that have a fifth of the weight of the newest one or more; of
        silence the gap that surprises most now.
        """
        lags = self._space.lags
        rows = {
            "pair": 2,
            "mean": self._windows.short,
            "slow": self._windows.long,
            "cross_sum": lags + 1,
            "cross_max": lags,
            "ssa": self._ssa.lags,
            "dispersion": int(1.5 * self._residuals.rows),
            "novelty": int(1.5 * self._novelty.rows),
            "silence": max(self._silence.gap, 1),
        }
        rows |= {one.name: one.span for one in self.further}
        return np.array([rows.get(name, 1) for name in self.channels])

    @property
    def silent(self) -> NDArray[np.bool_]:
        """Which series are missing although they are known, shape (n,)."""
        return self._silence.surprise > 0.0

    @property
    def usual_missing(self) -> float:
        """Share of the cells that are missing in normal rows."""
        return self._silence.usual_missing

    def recent(self) -> FloatArray:
        """Return the z-scores of the newest rows, shape (rows, n), oldest first, NaN = missing."""
        return self._windows.recent()

    def state_dict(self) -> State:
        """Return a copy of the learned state; further statistics only where there are any."""
        further = {"further": [one.state_dict() for one in self.further]} if self.further else {}
        return super().state_dict() | further

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state; a further statistic that is not in it begins anew."""
        own = dict(state)
        saved = {held["key"]: held for held in own.pop("further", ())}
        super().load_state_dict(own)
        for one in self.further:
            if one.key in saved:
                one.load_state_dict(saved[one.key])

    def grow(self, n_series: int) -> None:
        """Append series behind the present ones; they warm up beside them."""
        extra = n_series - self.n_series
        for part in (
            self._scaler,
            self._windows,
            self._peaks,
            self._ssa,
            self._space,
            self._residuals,
            self._novelty,
            self._silence,
        ):
            part.grow(n_series)
        for one in self.further:
            one.grow(n_series)
        self._z = np.append(self._z, np.full(extra, np.nan))
        self._allocate()

    def _allocate(self) -> None:
        """Take the sizes from the parts."""
        self.n_series = self._scaler.n_series
        self.top = self._windows.top


def used_channels(
    who: str, channels: Sequence[str] | None, known: Sequence[str] = CHANNELS
) -> NDArray[np.bool_]:
    """Mask of the channels that may raise an alarm, shape (n_channels,); all by default."""
    chosen = known if channels is None else channels
    unknown = sorted(set(chosen) - set(known))
    if unknown or not chosen:
        raise ValueError(f"`{who}` requires channels out of {known}, got channels={channels!r}.")
    return np.array([name in chosen for name in known])
