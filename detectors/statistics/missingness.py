"""Missingness: how improbable it is that a series sends nothing."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors._validate import check_integer
from detectors.base import FloatArray, Indices, IntArray, PerSeries, Series
from detectors.policy import TRIGGER, MissingnessPolicy
from detectors.statistics._missingness_kernels import missingness_step

__all__ = ["Missingness"]

_COUNTS_BEFORE = 4  # rows of the counts in checkpoints that know of no slow series


class Missingness(PerSeries):
    """Surprisal of the present gap of every series, from how often and how long it had gaps before.

    Presence is a two-state Markov chain per series. A gap that has lasted r rows has probability
    ``P(gap begins) P(gap goes on)^(r - 1)`` at most, each estimated from the normal rows with a
    Beta prior (mean 1 / (rows + 2) for a series never missing so far, and 1/4), so that a short
    base proves little. Whole rows without any value say nothing about a series. One that is
    slower than the grid, so that its values hardly ever follow each other directly, is missing
    when it has been gone for longer than it ever was.

    Parameters
    ----------
    n_series : int
        Number of series.
    policy : MissingnessPolicy
        Rows before gaps mean anything, priors, and others.

    Attributes
    ----------
    surprisal : ndarray of shape (n,)
        Minus the log of that probability, nats; 0 = present, or not known well enough.
    """

    _STATE: ClassVar[tuple[str, ...]] = (
        "surprisal",
        "_run",
        "_counts",
        "_excused",
        "_rename_left",
    )
    _SAVED_AS: ClassVar[Mapping[str, str]] = {"surprisal": "surprise"}
    _SERIES: ClassVar[Series] = {"surprisal": (0, 0.0), "_run": (0, 0), "_counts": (1, 0)}

    def __init__(self, n_series: int, policy: MissingnessPolicy = TRIGGER.missingness) -> None:
        n = check_integer("Missingness", "n_series", n_series, 0)
        self._policy = policy
        self.surprisal: FloatArray = np.zeros(n)
        self._run: IntArray = np.zeros(n, dtype=np.int64)
        # Rows present, gaps begun, rows missing, rows missing after a missing one, rows present
        # after a present one, rows of the longest gap that ended.
        self._counts: IntArray = np.zeros((6, n), dtype=np.int64)
        self._excused = 0
        self._rename_left = 0
        self._allocate()

    def push(self, x: FloatArray, *, learn: bool) -> float:
        """Take one row; return how improbable the least probable gap is.

        Parameters
        ----------
        x : ndarray of shape (n,), float64, NaN or infinite = missing
        learn : bool
            Whether the row counts as normal.

        Returns
        -------
        float
            Minus log probability, nats, >= 0; the number of series is paid for (Bonferroni).
        """
        policy = self._policy
        worst = missingness_step(
            x,
            learn,
            policy.known_rows,
            (policy.begin_prior_rows, policy.stay_prior_rows),
            (policy.slow_values, policy.slow_pairs),
            self._run,
            self._counts,
            self.surprisal,
        )
        if self._rename_left:
            worst = float(np.partition(self.surprisal, -1 - self._excused)[-1 - self._excused])
            self._rename_left -= 1
            if not self._rename_left:
                self.accept()
        return max(0.0, worst - self._bonferroni)

    @property
    def missing_share(self) -> float:
        """Share of the due cells of known series that are missing in normal rows."""
        present, missing = self._counts[0], self._counts[2]
        there, gone = present.sum(), missing[(present > 0) & ~self._slow].sum()
        return float(gone / (there + gone)) if there else 0.0

    @property
    def waiting(self) -> NDArray[np.bool_]:
        """Which series are missing because they are slower than the grid, shape (n,)."""
        return np.asarray((self._run > 0) & (self._run < self.periods))

    @property
    def periods(self) -> IntArray:
        """Rows from value to value, at most, of series slower than the grid; else 0: (n,)."""
        return np.where(self._slow, self._counts[-1] + 1, 0)

    @property
    def _slow(self) -> NDArray[np.bool_]:
        present, pairs, policy = self._counts[0], self._counts[-2], self._policy
        rare = pairs * policy.slow_pairs <= present
        return np.asarray(rare & (present >= policy.slow_values))

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned.

        Checkpoints that know of no slow series have none, until all are known better.
        """
        super().load_state_dict(state)
        if len(self._counts) == _COUNTS_BEFORE:
            present = self._counts[0]
            self._counts = np.vstack([self._counts, present, np.zeros_like(present)])

    @property
    def gap(self) -> int:
        """Rows of the least probable gap, that `push` judges; 0 = no known series is missing."""
        place = np.argsort(-self.surprisal, kind="stable")[self._excused]
        return int(self._run[place]) if self.surprisal[place] > 0.0 else 0

    def accept(self) -> None:
        """Take the present gaps for normal: who is missing now has left."""
        gone = self.surprisal > 0.0
        self._counts[:, gone] = 0
        self.surprisal[gone] = 0.0
        self._excused = self._rename_left = 0

    def forget(self, series: NDArray[np.bool_]) -> None:
        """Know nothing more of when some series are there, shape (n,): they have left."""
        self._counts[:, series] = 0
        self._run[series] = 0
        self.surprisal[series] = 0.0

    def select(self, index: Indices) -> None:
        """Keep, reorder and append series; as many as are new may have been others before."""
        present = self._counts[0]
        known, new = int(present.max(initial=0)), int(np.count_nonzero(index < 0))
        missing = np.count_nonzero(self.surprisal > 0.0)
        if new and known >= self._policy.known_rows:
            self._excused += new
            self._rename_left = self._policy.rename_rows
        super().select(index)
        # What has left was excused, if it was missing.
        left = int(missing - np.count_nonzero(self.surprisal > 0.0))
        self._excused = min(max(self._excused - left, 0), max(len(index) - 1, 0))

    def _allocate(self) -> None:
        """Set what looking at so many series costs, nats."""
        self._bonferroni = float(np.log(max(self.surprisal.shape[0], 1)))
