"""The statistics of a row: one row of many series in, a handful of numbers out."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.base import (
    FloatArray,
    FurtherStatistic,
    Indices,
    IntArray,
    PerSeries,
    Series,
    State,
)
from detectors.names import STATISTICS, Statistic
from detectors.policy import TRIGGER, TriggerPolicy
from detectors.statistics.dynamic_pca import DynamicPCA
from detectors.statistics.missingness import Missingness
from detectors.statistics.moving_averages import MovingAverages
from detectors.statistics.novelty import Novelty
from detectors.statistics.peaks import BlockMaxima
from detectors.statistics.residual_charts import ResidualCharts
from detectors.statistics.robust_scaler import RobustScaler
from detectors.statistics.ssa import MultivariateSSA

__all__ = ["Exempt", "RowStatistics"]

# Place of the first statistic that is added.
_FURTHER: Final = Statistic.NOVELTY + 1


class Exempt(NamedTuple):
    """What is not judged of a row, because it is known why it is unusual.

    Attributes
    ----------
    levels : ndarray of shape (n,), bool
        Series whose values say nothing; they are remembered, and not learned.
    gaps : ndarray of shape (n,), bool
        Series that may be missing.
    """

    levels: NDArray[np.bool_]
    gaps: NDArray[np.bool_]


class RowStatistics(PerSeries):
    """Statistics of a row against what is normal, each made before the row is learned.

    Two folds of the lag windows (along time for each series, and across all series) and several
    spans of time. Each sum or maximum over series leaves the largest one out: what one series
    does, however wild, changes no limit of the others. One series alone has a statistic of its
    own, measured against its own tail:

    * persistence: mean of what holds for two rows (`MovingAverages.persistence`);
    * short mean: largest mean of a series over 12 rows, beyond its own mean maximum and in scales
      of its own tail (`BlockMaxima`): one series, for minutes;
    * long mean: mean of the sqrt(n) largest means over 96 rows: small, slow and for long;
    * residual mean: mean root of the residual energies outside the common space of all series and
      their previous row (`DynamicPCA`) that hold for two rows: relations that broke;
    * ssa: mean of log(1 + residual energy) outside the common space of lag windows
      (`MultivariateSSA`): what the own past does not explain, in many series;
    * variance chart: second largest moving mean, about 16 rows, of a series' log residual energy
      outside the common space, in its running deviations (`ResidualCharts`): two series vary more;
    * novelty: distance to the nearest normal row that is remembered (`Novelty`): where no
      row, however far from the mean, has been before;
    * missingness: minus log probability of the least probable gap (`Missingness`), nats.

    Parameters
    ----------
    n_series : int
        Number of series.
    policy : TriggerPolicy
        Of every statistic.
    further : sequence of FurtherStatistic
        Statistics that are added; they stand before missingness.

    Attributes
    ----------
    names : tuple of str
        Published names of the statistics.
    statistics : ndarray of shape (n_statistics,)
        Of the newest row; NaN where nothing can be said.
    n_series : int
        Number of series.
    top : int
        How many series the largest of them are.
    """

    _STATE: ClassVar[tuple[str, ...]] = ("statistics", "_z")
    _PARTS: ClassVar[tuple[str, ...]] = (
        "_scaler",
        "_averages",
        "_short_tails",
        "_dynamic_pca",
        "_ssa",
        "_charts",
        "_novelty",
        "_missingness",
    )
    _SERIES: ClassVar[Series] = {"_z": (0, np.nan)}
    _SAVED_AS: ClassVar[Mapping[str, str]] = {
        "_averages": "_windows",
        "_dynamic_pca": "_space",
        "_charts": "_residuals",
        "_missingness": "_silence",
    }

    def __init__(
        self,
        n_series: int,
        policy: TriggerPolicy = TRIGGER,
        further: Sequence[FurtherStatistic] = (),
    ) -> None:
        n, memory_rows = n_series, policy.memory_rows
        self._policy = policy
        self.further = tuple(further)
        added = (one.name for one in self.further)
        self.names = (*STATISTICS[:_FURTHER], *added, STATISTICS[Statistic.MISSINGNESS])
        self._scaler = RobustScaler(n, policy.scaler, memory_rows)
        self._averages = MovingAverages(n, policy.averages)
        self._short_tails = BlockMaxima(n, policy.peaks)
        self._ssa = MultivariateSSA(n, policy.ssa, memory_rows)
        self._dynamic_pca = DynamicPCA(n, policy.dynamic_pca, memory_rows)
        self._charts = ResidualCharts(n, policy.charts, memory_rows)
        self._novelty = Novelty(n, policy.novelty)
        self._missingness = Missingness(n, policy.missingness)
        self.statistics: FloatArray = np.full(len(self.names), np.nan)
        self._z: FloatArray = np.full(n, np.nan)
        self._allocate()

    @property
    def fitted(self) -> bool:
        """Whether a series has a scale, so that rows can be learned."""
        return self._scaler.fitted > 0

    def measure(self, row: FloatArray, *, learn: bool, exempt: Exempt | None = None) -> FloatArray:
        """Return the statistics of a row.

        Parameters
        ----------
        row : ndarray of shape (n,), float64, NaN or infinite = missing
        learn : bool
            Whether mean energies and gaps move towards this row, after it was measured.
        exempt : Exempt or None
            What is not judged of it.
        """
        z = self._scaler.transform(row, self._z)
        if exempt is not None:
            z[exempt.levels] = np.nan
            row = np.where(exempt.gaps & np.isnan(row), 0.0, row)  # there, as far as gaps go
        lagged = self._ssa.push(z, learn=learn)
        crossed = self._dynamic_pca.push(z, learn=learn)
        persistence, long_mean = self._averages.push(z)
        self.statistics = np.array(
            (  # in the order of `names`
                persistence,
                self._short_tails.score(self._averages.means[0]),
                long_mean,
                *self._charts.push(crossed, lagged, learn=learn),
                self._novelty.push(z),
                *(one.push(z) for one in self.further),
                self._missingness.push(row, learn=learn),
            )
        )
        return self.statistics

    def learn(self, row: FloatArray, exempt: Exempt | None = None) -> None:
        """Learn from the row that was measured last; what is exempt is remembered only."""
        if exempt is not None:
            self._scaler.observe(np.where(exempt.levels, row, np.nan))
            row = np.where(exempt.levels, np.nan, row)
        self._scaler.learn(row)
        if self._scaler.fitted:
            self._short_tails.learn(self._averages.means[0])
            self._charts.learn()
            self._ssa.learn()
            self._dynamic_pca.learn()
            self._novelty.learn()
            for one in self.further:
                one.learn()

    def observe(self, row: FloatArray) -> None:
        """Remember a row that is not normal, should its level become the normal one."""
        self._scaler.observe(row)

    def accept(self, rows: int, weight: float) -> None:
        """Take the level of the newest `rows` for normal; `weight` = rows that it counts for."""
        self._scaler.recentre(rows, weight)
        self._ssa.relearn(weight)
        self._dynamic_pca.relearn(weight)
        self._charts.relearn(weight)
        self._missingness.accept()

    def settle(self, series: NDArray[np.bool_], left: NDArray[np.bool_], rows: int) -> None:
        """Take the level of the newest `rows` of some series for normal, and others for gone."""
        self._scaler.relocate(series, rows)
        self._missingness.forget(left)

    def forget_windows(self) -> None:
        """Fill the long windows anew."""
        self._averages.clear()
        self._clear_further()

    def clear(self) -> None:
        """Empty everything that carries evidence from row to row."""
        self.break_lags()
        self._clear_further()

    def _clear_further(self) -> None:
        for one in self.further:
            one.clear()

    def break_lags(self) -> None:
        """Begin windows anew: the next row does not follow the last one."""
        self._ssa.break_lags()
        self._dynamic_pca.break_lags()
        self._averages.clear()
        self._charts.clear()
        self._novelty.clear()

    def scores(self, statistic: int) -> FloatArray:
        """Return what each series brings to a statistic, shape (n,), >= 0; 0 = nothing."""
        match statistic:
            case Statistic.PERSISTENCE:
                values = self._averages.persistence
            case Statistic.SHORT_MEAN:
                values = self._short_tails.scores
            case Statistic.LONG_MEAN:
                _, values = self._averages.means
            case Statistic.RESIDUAL_MEAN:
                values = self._charts.persistent
            case Statistic.SSA:
                values = np.log1p(self._ssa.scores)
            case Statistic.VARIANCE_CHART:
                values = np.maximum(self._charts.variance_chart, 0.0)
            case Statistic.NOVELTY:
                values = self._novelty.scores
            case _ if 0 <= statistic - _FURTHER < len(self.further):
                values = self.further[statistic - _FURTHER].scores
            case _:
                values = self._missingness.surprisal
        return np.asarray(np.nan_to_num(values, nan=0.0, posinf=np.log1p(100.0)))

    def reach(self) -> FloatArray:
        """Return how far the statistics go when sqrt(n) series leave as far as can be measured.

        Returns
        -------
        ndarray of shape (n_statistics - 1,)
            Without missingness, which every series can raise. How far an added statistic goes is
            not known, so that none of them counts.
        """
        policy = self._policy
        # One series alone moves no sum.
        share = max(self.top - 1, 1) / max(self.n_series - 1, 1)
        z, clip = policy.scaler.cap, policy.averages.clip
        short = np.full(self.n_series, clip * np.sqrt(policy.averages.short_rows))
        return np.array(
            [
                share * z,
                self._short_tails.reach(short),
                clip * np.sqrt(policy.averages.long_rows),
                share * policy.dynamic_pca.clip,
                share * np.log1p(policy.ssa.clip**2),
                self._charts.reach,
                np.log1p(z),
                *(-np.inf for _ in self.further),
            ]
        )

    def units(self) -> FloatArray:
        """Return what one unit of one series is in each statistic with a tail, shape (n - 1,).

        A mean over series shares it out; a largest value counts it as a policy says.
        """
        policy = self._policy.tail
        mean, largest = 1.0 / max(self.n_series, 1), policy.least_unit
        units = {
            Statistic.PERSISTENCE: mean,
            Statistic.RESIDUAL_MEAN: mean,
            Statistic.SSA: np.log(2.0) * mean,
        }
        own = [units.get(statistic, largest) for statistic in Statistic]
        return np.array([*own[:_FURTHER], *(1e-9 for _ in self.further)])

    @property
    def spans(self) -> IntArray:
        """Rows that each statistic is made of, shape (n_statistics,).

        Of a moving mean those that have a fifth of the weight of the newest one or more; of
        missingness the least probable gap now.
        """
        policy = self._policy
        lags, span = policy.dynamic_pca.lags, policy.mean_span
        rows = {
            Statistic.PERSISTENCE: 2,
            Statistic.SHORT_MEAN: policy.averages.short_rows,
            Statistic.LONG_MEAN: policy.averages.long_rows,
            Statistic.RESIDUAL_MEAN: lags + 1,
            Statistic.SSA: policy.ssa.lags,
            Statistic.VARIANCE_CHART: int(span * policy.charts.rows),
            Statistic.NOVELTY: int(span * policy.novelty.rows),
            Statistic.MISSINGNESS: max(self._missingness.gap, 1),
        }
        own = [rows.get(statistic, 1) for statistic in Statistic]
        return np.array([*own[:_FURTHER], *(one.span for one in self.further), *own[_FURTHER:]])

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which series are missing although they are known, shape (n,)."""
        return self._missingness.surprisal > 0.0

    @property
    def waiting(self) -> NDArray[np.bool_]:
        """Which series are missing because they are slower than the grid, shape (n,)."""
        return self._missingness.waiting

    @property
    def periods(self) -> IntArray:
        """Rows from value to value, at most, of series slower than the grid; else 0: (n,)."""
        return self._missingness.periods

    @property
    def missing_share(self) -> float:
        """Share of the due cells that are missing in normal rows."""
        return self._missingness.missing_share

    def recent(self) -> FloatArray:
        """Return the z-scores of the newest rows, shape (rows, n), oldest first, NaN = missing."""
        return self._averages.recent()

    def state_dict(self) -> State:
        """Return a copy of the learned state; of added statistics only where there are any."""
        further = {"further": [one.state_dict() for one in self.further]} if self.further else {}
        return super().state_dict() | further

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state; an added statistic that is not in it begins anew."""
        own = dict(state)
        saved = {held["key"]: held for held in own.pop("further", ())}
        super().load_state_dict(own)
        for one in self.further:
            if one.key in saved:
                one.load_state_dict(saved[one.key])

    def select(self, index: Indices) -> None:
        """Keep, reorder and append series; new ones warm up beside the others."""
        super().select(index)
        for one in self.further:
            one.select(index)

    def _allocate(self) -> None:
        """Take the sizes from the parts."""
        self.n_series = self._scaler.n_series
        self.top = self._averages.top
