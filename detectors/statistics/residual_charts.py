"""What residual energies say: relations that broke, improbable rows, series that vary more."""

from typing import ClassVar

import numpy as np

from detectors._validate import check_integer
from detectors.base import FloatArray, PerSeries, Series
from detectors.policy import TRIGGER, ResidualChartsPolicy
from detectors.statistics._residual_charts_kernels import PERSISTENT, RAW, charts_step
from detectors.statistics.peaks import BlockMaxima

__all__ = ["ResidualCharts"]


class ResidualCharts(PerSeries):
    """The three statistics made of the residual energies of the two folds.

    A relation that broke leaves energy outside the common space of all series, now and in the
    next row; a row that their own past does not explain leaves some outside that of lag windows.
    A valve that sticks or a controller that hunts moves no level, but how much of a series
    remains unexplained, row after row: a control chart of the residual variance [1]_, whose
    logarithm keeps a single spike from filling the moving mean.

    Parameters
    ----------
    n_series : int
        Number of series.
    policy : ResidualChartsPolicy
        Time constant of the moving mean, and others.
    memory_rows : int
        Longest memory of the running means, rows.

    Attributes
    ----------
    variance_chart : ndarray of shape (n,)
        Moving mean above its running mean, in its running standard deviations; NaN where the newest
        energy is missing, or before enough normal rows are known.

    References
    ----------
    .. [1] Crowder, S. V., Hamilton, M. D. (1992). An EWMA for monitoring a process standard
       deviation. Journal of Quality Technology 24.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> charts = ResidualCharts(n_series=1)
    >>> for energy in rng.chisquare(1, size=500):
    ...     _ = charts.push(np.array([energy]), np.ones(1), learn=True)
    >>> for energy in rng.chisquare(1, size=16):
    ...     *_, chart = charts.push(np.array([9.0 * energy]), np.ones(1), learn=False)
    >>> chart > 2.0
    True
    """

    _STATE: ClassVar[tuple[str, ...]] = (
        "variance_chart",
        "_roots",
        "_ewma",
        "_running",
    )
    _PARTS: ClassVar[tuple[str, ...]] = ("_peaks",)
    _SERIES: ClassVar[Series] = {
        "variance_chart": (0, np.nan),
        "_roots": (1, np.nan),
        "_ewma": (0, np.nan),
        "_running": (1, 0.0),
    }

    def __init__(
        self,
        n_series: int,
        policy: ResidualChartsPolicy = TRIGGER.charts,
        memory_rows: int = TRIGGER.memory_rows,
    ) -> None:
        n = check_integer("ResidualCharts", "n_series", n_series, 0)
        self.policy = policy
        self._record = policy.record(memory_rows=memory_rows)
        self._roots: FloatArray = np.full((3, n), np.nan)
        self._peaks = BlockMaxima(n)
        self.variance_chart: FloatArray = np.full(n, np.nan)
        self._ewma: FloatArray = np.full(n, np.nan)
        # Rows learned, mean of the moving mean, mean of its squared deviation.
        self._running: FloatArray = np.zeros((3, n))

    def push(
        self, crossed: FloatArray, lagged: FloatArray, *, learn: bool
    ) -> tuple[float, float, float]:
        """Take the residual energies of a row and return its statistics.

        Parameters
        ----------
        crossed, lagged : ndarray of shape (n,), float64, >= 0, NaN = missing
            Outside the common space of all series, and outside that of lag windows, in units of
            their running means.
        learn : bool
            Whether the running means move towards this row, after it was scored.

        Returns
        -------
        residual_mean, ssa, variance_chart : float
            NaN where no series says anything: the mean of ``persistent``, the mean of
            log(1 + ``lagged``), both without the largest; the second largest of
            ``variance_chart``.
        """
        statistics: tuple[float, float, float] = charts_step(
            crossed,
            lagged,
            self._peaks.mean,
            self._record,
            learn,
            self._roots,
            self._ewma,
            self._running,
            self.variance_chart,
        )
        return statistics

    @property
    def persistent(self) -> FloatArray:
        """Smaller of the newest two roots of each series, shape (n,); NaN = missing."""
        return np.array(self._roots[PERSISTENT])

    def learn(self) -> None:
        """Learn the peaks of the row that was pushed last: it is normal."""
        self._peaks.learn(self._roots[RAW])

    @property
    def reach(self) -> float:
        """How far a median series goes: the most that counts of its amplitude, for long."""
        policy, (weight, _, square) = self.policy, self._running
        spread = np.sqrt(square[weight >= policy.known_times * policy.rows])
        if not spread.size:
            return 0.0
        return float(np.log(policy.most_times) / (np.median(spread) + policy.floor))

    def relearn(self, weight: float) -> None:
        """Let the running means count for at most `weight` rows, so that it follows sooner."""
        learned_rows, _, _ = self._running
        np.minimum(learned_rows, weight, out=learned_rows)

    def clear(self) -> None:
        """Begin anew with what goes over rows: the next row does not follow the last one."""
        self._roots.fill(np.nan)
        self._ewma.fill(np.nan)
