"""Out-of-sample tails of statistics: from a score to how often normal operation exceeds it."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from detectors._validate import check_integer
from detectors.base import FloatArray, IntArray, Stateful
from detectors.decision._gpd_tail_kernels import ONSET, RATE, tail_collect, tail_fit, tail_push
from detectors.policy import TRIGGER, TailPolicy

__all__ = ["PredictiveTail"]


class PredictiveTail(Stateful):
    """Predictive tails of several statistics, learned from their largest block maxima.

    Scores of normal rows, each made by a model that had not seen the row, are cut into blocks; the
    maximum of a block stands for one excursion. Above a high one of them, u, the excesses are
    taken as generalised Pareto [1]_ with the shape xi from L-moments [2]_ as far as it is
    significant. The scale is estimated from k excesses, and integrating it out turns an exponential
    tail into a Lomax one, ``(1 + e / (k mean))^-k``: in shape terms, 1/k is added to xi. A short
    base so widens its own limits.

    Parameters
    ----------
    n_statistics : int
        Number of statistics.
    block_rows : int or sequence of int
        Rows of a block, for all statistics or for each: longer than the statistic's own memory, or
        its maxima are not independent.
    policy : TailPolicy
        Blocks on probation, maxima that make the tail, and others.
    units : ndarray of shape (n_statistics,), optional
        Smallest scale of each tail.

    Attributes
    ----------
    tails : ndarray of shape (n_statistics, 4)
        Score at which each tail begins, its scale, its shape, and how often a row starts an
        excursion into it; the first is NaN where there is none yet.

    Notes
    -----
    The oldest fifth of the blocks is dropped for as long as the base is short: their scores were
    made by models that had seen next to nothing.
    Rows of an alarm are no normal rows, but leaving them out altogether would cut the tail off at
    its own limit, and the rate of alarms would stay above the budget for ever. `censor` therefore
    learns of every alarm that the limit was reached, not by how much: type I censoring [3]_.

    References
    ----------
    .. [1] Davison, A. C., Smith, R. L. (1990). Models for exceedances over high thresholds.
       JRSS B 52.
    .. [2] Hosking, J. R. M., Wallis, J. R. (1987). Parameter and quantile estimation for the
       generalized Pareto distribution. Technometrics 29.
    .. [3] Lawless, J. F. (2003). Statistical Models and Methods for Lifetime Data, section 2.4.

    Examples
    --------
    >>> import numpy as np
    >>> tail = PredictiveTail(1, block_rows=1, policy=TailPolicy(probation_blocks=0))
    >>> for score in np.random.default_rng(0).exponential(size=1000):
    ...     tail.push(np.array([score]))
    >>> bool(6.0 < tail.limits(np.log(1e-4))[0] < 14.0)  # exactly: log(1e4) = 9.2
    True
    """

    _STATE: ClassVar[tuple[str, ...]] = (
        "_top",
        "_when",
        "_pending",
        "_counts",
        "tails",
    )

    def __init__(
        self,
        n_statistics: int,
        block_rows: int | Sequence[int] = TRIGGER.tail.least_block_rows,
        policy: TailPolicy = TRIGGER.tail,
        units: FloatArray | None = None,
    ) -> None:
        who = "PredictiveTail"
        n = check_integer(who, "n_statistics", n_statistics, 1)
        rows = [block_rows] * n if isinstance(block_rows, int) else list(block_rows)
        if len(rows) != n:
            raise ValueError(f"`{who}` requires {n} block_rows, got {len(rows)}.")
        self.block_rows: IntArray = np.array(
            [check_integer(who, "block_rows", r, 1) for r in rows], dtype=np.int64
        )
        self._record = policy.record()
        self.units: FloatArray = np.full(n, 1e-9) if units is None else units
        # Twice the peaks, so that dropping old ones leaves enough.
        self._top: FloatArray = np.full((n, 2 * policy.max_peaks + 1), -np.inf)
        self._when: IntArray = np.full((n, 2 * policy.max_peaks + 1), -1, dtype=np.int64)
        self._pending: FloatArray = np.full((n, policy.probation_blocks + 1), -np.inf)
        # Rows of the open block, blocks on probation, blocks so far, blocks the tail speaks for.
        self._counts: IntArray = np.zeros((4, n), dtype=np.int64)
        self.tails: FloatArray = np.ones((n, 4))
        self.tails[:, ONSET] = np.nan

    @property
    def blocks(self) -> IntArray:
        """Number of blocks that each tail speaks for, shape (n_statistics,)."""
        _, _, _, blocks = self._counts
        return np.array(blocks)

    @property
    def onset(self) -> FloatArray:
        """Scores at which the tails begin, shape (n_statistics,); NaN where there is none yet."""
        return self.tails[:, ONSET].copy()

    @property
    def log_rate(self) -> FloatArray:
        """Log of how often a row starts an excursion into the tail, shape (n_statistics,)."""
        return np.asarray(np.log(self.tails[:, RATE]))

    def limits(self, log_p: FloatArray) -> FloatArray:
        """Return the scores that are exceeded ``exp(log_p)`` times a row.

        Parameters
        ----------
        log_p : ndarray of shape (n_statistics,), float64
            Natural logarithm of exceedances per row.

        Returns
        -------
        ndarray of shape (n_statistics,), float64
            Scores; NaN where a statistic has no tail yet.
        """
        onset, scale, shape, rate = self.tails.T
        room = np.maximum(np.log(rate) - log_p, 0.0)
        return np.asarray(onset + scale * np.expm1(shape * room) / shape)

    def push(self, scores: FloatArray) -> None:
        """Learn the scores of one normal row.

        Parameters
        ----------
        scores : ndarray of shape (>= n_statistics,), float64, NaN = says nothing
            Scores, each made by a model that had not seen the row.
        """
        tail_collect(
            scores,
            self.block_rows,
            self._record,
            self._counts,
            self._pending,
            self._top,
            self._when,
            self.units,
            self.tails,
        )

    def censor(self, scores: FloatArray, log_p: float) -> None:
        """Learn of an alarm: the largest score of each statistic in it, up to its limit.

        Parameters
        ----------
        scores : ndarray of shape (n_statistics,), float64
            Largest scores; NaN or -inf = the statistic said nothing.
        log_p : float
            Natural logarithm of the exceedances per row at the limit.
        """
        limits = self.limits(np.full(len(scores), log_p))
        _, _, clock, blocks = self._counts
        for c in np.flatnonzero((scores > -np.inf) & np.isfinite(limits)):
            value = min(float(scores[c]), float(limits[c]))
            tail_push(value, int(clock[c]), self._top[c], self._when[c])
            blocks[c] += 1
            clock[c] += 1
            tail_fit(
                self._top[c],
                int(blocks[c]),
                int(self.block_rows[c]),
                self._record,
                float(self.units[c]),
                self.tails[c],
            )

    def discard(self) -> None:
        """Drop the blocks on probation: the system was already leaving its normal state."""
        self._pending.fill(-np.inf)
        rows, waiting, _, _ = self._counts
        rows.fill(0)
        waiting.fill(0)
