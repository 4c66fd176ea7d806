"""What residual energies say: relations that broke, improbable rows, series that vary more."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from detectors._validate import check_integer, check_real
from detectors.base import FloatArray, Stateful
from detectors.statistics._residual_charts_kernels import DEVIATION_FLOOR, charts_step

__all__ = ["ResidualCharts"]


class ResidualCharts(Stateful):
    """The four statistics made of the residual energies of the two folds.

    A relation that broke leaves energy outside the common space of all series, now and in the
    next row; a row that their own past does not explain leaves some outside that of lag windows.
    A valve that sticks or a controller that hunts moves no level, but how much of a series
    remains unexplained, row after row: a control chart of the residual variance [1]_, whose
    logarithm keeps a single spike from filling the moving mean.

    Parameters
    ----------
    n_series : int
        Number of series.
    rows : int
        Time constant of the moving mean, rows.
    memory_rows : int
        Longest memory of the running means, rows.

    Attributes
    ----------
    root, persistent : ndarray of shape (n,)
        Root of each series' newest energy outside the common space; smaller of its newest two.
    variance_chart : ndarray of shape (n,)
        Moving mean above its running mean, in its running standard deviations; NaN where the newest
        energy is missing, or before three times `rows` normal rows are known.

    References
    ----------
    .. [1] Crowder, S. V., Hamilton, M. D. (1992). An EWMA for monitoring a process standard
       deviation. Journal of Quality Technology 24.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> residuals, statistics = ResidualCharts(n_series=1, memory_rows=1000), np.empty(4)
    >>> for energy in rng.chisquare(1, size=500):
    ...     residuals.push(np.array([energy]), np.ones(1), statistics, learn=True)
    >>> for energy in rng.chisquare(1, size=16):
    ...     residuals.push(np.array([9.0 * energy]), np.ones(1), statistics, learn=False)
    >>> bool(statistics[3] > 2.0)
    True
    """

    _STATE: ClassVar[tuple[str, ...]] = (
        "root",
        "persistent",
        "variance_chart",
        "_ewma",
        "_running",
    )
    _SAVED_AS: ClassVar[Mapping[str, str]] = {
        "persistent": "lasting",
        "variance_chart": "restless",
        "_running": "_usual",
    }
    _KNOWN_TIMES: ClassVar[int] = 3

    def __init__(self, n_series: int, memory_rows: int, *, rows: float = 16.0) -> None:
        n = check_integer("ResidualCharts", "n_series", n_series, 0)
        self.rows = check_real("ResidualCharts", "rows", rows, 1.0)
        self.memory_rows = check_integer("ResidualCharts", "memory_rows", memory_rows, 1)
        self.root: FloatArray = np.full(n, np.nan)
        self.persistent: FloatArray = np.full(n, np.nan)
        self.variance_chart: FloatArray = np.full(n, np.nan)
        self._ewma: FloatArray = np.full(n, np.nan)
        # Rows learned, mean of the moving mean, mean of its squared deviation.
        self._running: FloatArray = np.zeros((3, n))

    def push(
        self, crossed: FloatArray, lagged: FloatArray, out: FloatArray, *, learn: bool
    ) -> None:
        """Take the residual energies of a row and write its statistics.

        Parameters
        ----------
        crossed, lagged : ndarray of shape (n,), float64, >= 0, NaN = missing
            Outside the common space of all series, and outside that of lag windows, in units of
            their running means.
        out : ndarray of shape (>= 4,), float64
            Its first four get, NaN where no series says anything: the mean of ``persistent``, the
            largest ``root``, the mean of log(1 + ``lagged``), the largest of ``variance_chart``.
        learn : bool
            Whether the running means move towards this row, after it was scored.
        """
        charts_step(
            crossed,
            lagged,
            1.0 / self.rows,
            self._KNOWN_TIMES * self.rows,
            self.memory_rows,
            learn,
            self.root,
            self.persistent,
            self._ewma,
            self._running,
            self.variance_chart,
            out,
        )

    @property
    def reach(self) -> float:
        """How far a median series goes: ten times its mean amplitude, for long."""
        weight, _, square = self._running
        spread = np.sqrt(square[weight >= self._KNOWN_TIMES * self.rows])
        return float(np.log(10.0) / (np.median(spread) + DEVIATION_FLOOR)) if spread.size else 0.0

    def relearn(self, weight: float) -> None:
        """Let the running means count for at most `weight` rows, so that it follows sooner."""
        np.minimum(self._running[0], weight, out=self._running[0])

    def clear(self) -> None:
        """Begin anew with what goes over rows: the next row does not follow the last one."""
        self.root.fill(np.nan)
        self._ewma.fill(np.nan)

    def grow(self, n_series: int) -> None:
        """Append series of which nothing is known."""
        extra = n_series - self.root.shape[0]
        for name in ("root", "persistent", "variance_chart", "_ewma"):
            setattr(self, name, np.append(getattr(self, name), np.full(extra, np.nan)))
        self._running = np.pad(self._running, ((0, 0), (0, extra)))
