"""How restless each series has been lately, against how restless it usually is."""

from typing import ClassVar

import numpy as np

from detectors._bank_kernels import DEVIATION_FLOOR, dispersion_step
from detectors._validate import check_integer, check_real
from detectors.base import FloatArray, Stateful

__all__ = ["Dispersion"]


class Dispersion(Stateful):
    """Control chart of every series' residual variance: a moving mean of its logarithm [1]_.

    A valve that sticks or a controller that hunts moves no level, but how much of a series
    remains unexplained, row after row. The logarithm keeps a single spike from filling the mean.

    Parameters
    ----------
    n_series : int
        Number of series.
    rows : int
        Time constant of the moving mean, rows.
    memory_rows : int
        Longest memory of what is usual, rows.

    Attributes
    ----------
    scores : ndarray of shape (n,)
        Moving mean above the usual one, in its usual standard deviations; NaN where the newest
        energy is missing, or before three times `rows` normal rows are known.

    References
    ----------
    .. [1] Crowder, S. V., Hamilton, M. D. (1992). An EWMA for monitoring a process standard
       deviation. Journal of Quality Technology 24.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> dispersion = Dispersion(n_series=1, memory_rows=1000)
    >>> for energy in rng.chisquare(1, size=500):
    ...     _ = dispersion.push(np.array([energy]), learn=True)
    >>> for energy in rng.chisquare(1, size=16):
    ...     largest = dispersion.push(np.array([9.0 * energy]), learn=False)
    >>> bool(largest > 2.0)
    True
    """

    _STATE: ClassVar[tuple[str, ...]] = ("scores", "_ewma", "_weight", "_mean", "_square")
    _KNOWN_TIMES: ClassVar[int] = 3

    def __init__(self, n_series: int, memory_rows: int, *, rows: float = 16.0) -> None:
        n = check_integer("Dispersion", "n_series", n_series, 0)
        self.rows = check_real("Dispersion", "rows", rows, 1.0)
        self.memory_rows = check_integer("Dispersion", "memory_rows", memory_rows, 1)
        self.scores: FloatArray = np.full(n, np.nan)
        self._ewma: FloatArray = np.full(n, np.nan)
        self._weight: FloatArray = np.zeros(n)
        self._mean: FloatArray = np.zeros(n)
        self._square: FloatArray = np.zeros(n)

    def push(self, energy: FloatArray, *, learn: bool) -> float:
        """Append a row of residual energies, in units of the usual ones; return the largest score.

        Parameters
        ----------
        energy : ndarray of shape (n,), float64, >= 0, NaN = missing
        learn : bool
            Whether what is usual moves towards this row, after it was scored.
        """
        return dispersion_step(
            energy,
            1.0 / self.rows,
            self._KNOWN_TIMES * self.rows,
            self.memory_rows,
            learn,
            self._ewma,
            self._weight,
            self._mean,
            self._square,
            self.scores,
        )

    @property
    def reach(self) -> float:
        """How far a score goes in the median series: ten times the usual amplitude, for long."""
        spread = np.sqrt(self._square[self._weight >= self._KNOWN_TIMES * self.rows])
        return float(np.log(10.0) / (np.median(spread) + DEVIATION_FLOOR)) if spread.size else 0.0

    def relearn(self, weight: float) -> None:
        """Let what is usual count for at most `weight` rows, so that it follows sooner."""
        np.minimum(self._weight, weight, out=self._weight)

    def clear(self) -> None:
        """Begin the moving means anew: the next row does not follow the last one."""
        self._ewma.fill(np.nan)

    def grow(self, n_series: int) -> None:
        """Append series of which nothing is known."""
        extra = n_series - self.scores.shape[0]
        for name, value in (("scores", np.nan), ("_ewma", np.nan)):
            setattr(self, name, np.append(getattr(self, name), np.full(extra, value)))
        for name in ("_weight", "_mean", "_square"):
            setattr(self, name, np.append(getattr(self, name), np.zeros(extra)))
