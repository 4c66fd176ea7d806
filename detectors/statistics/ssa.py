"""Multivariate singular spectrum analysis: what a series does that its own recent past does not."""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np

from detectors._validate import check_integer, check_row
from detectors.base import FloatArray, PerSeries, Series
from detectors.policy import TRIGGER, SSAPolicy
from detectors.statistics._ssa_kernels import gram_add, ssa_push
from detectors.statistics.energy import RelativeEnergy

__all__ = ["MultivariateSSA"]


class MultivariateSSA(PerSeries):
    """Residual energy of every series outside a common space of lag windows.

    The lag windows (Hankel columns) of all normalised series are stacked side by side. Their
    L x L Gram matrix is all that is kept of the past; its leading eigenvectors are the left
    singular vectors of the stacked matrix, and the energy of the newest window of each series
    outside them, relative to its running mean, is its score.

    Parameters
    ----------
    n_series : int
        Number of series.
    policy : SSAPolicy
        Length L of the windows, number of singular vectors, and others.
    memory_rows : int
        Longest memory of the mean energy of a series, rows.

    Notes
    -----
    Section 3 of [1]_, with three deviations: the rank is fixed instead of set by an energy share,
    so that it cannot jump when the Gram matrix is refreshed; the Gram matrix runs on instead of
    being computed once on a base period; a window with missing cells is judged by what is there
    (generalised least squares), and is left out of the Gram matrix.
    The Gram matrix is a sum over series: another column order changes it by rounding only.

    References
    ----------
    .. [1] Alanqary, A., Alomar, A., Shah, D. (2021). Change Point Detection via Multivariate
       Singular Spectrum Analysis. NeurIPS 34.

    Examples
    --------
    >>> import numpy as np
    >>> ssa = MultivariateSSA(n_series=1, policy=SSAPolicy(lags=4, rank=2, refit_rows=8))
    >>> for t in range(64):
    ...     _ = ssa.update(np.array([np.sin(t)]))
    >>> bool(ssa.push(np.array([5.0]))[0] > 100)
    True
    """

    _STATE: ClassVar[tuple[str, ...]] = (
        "_ring",
        "_position",
        "_gram",
        "_learned",
        "_skipped",
        "_added",
        "_outside",
        "_fitted",
    )
    _PARTS: ClassVar[tuple[str, ...]] = ("_energy",)
    _SAVED_AS: ClassVar[Mapping[str, str]] = {"_energy": "_usual"}
    _SERIES: ClassVar[Series] = {"_ring": (1, np.nan)}

    def __init__(
        self,
        n_series: int,
        policy: SSAPolicy = TRIGGER.ssa,
        memory_rows: int = TRIGGER.memory_rows,
    ) -> None:
        n = check_integer("MultivariateSSA", "n_series", n_series, 0)
        self.policy, self.lags = policy, policy.lags
        self._record = policy.record(memory_rows=memory_rows)
        self._ring: FloatArray = np.full((self.lags, n), np.nan)
        self._position = 0
        self._gram: FloatArray = np.zeros((self.lags, self.lags))
        self._memory_rows = memory_rows
        self._learned = self._skipped = self._added = 0
        # Orthonormal basis of the residual space, one direction in a row.
        self._outside: FloatArray = np.eye(self.lags)
        self._fitted = False
        self._energy = RelativeEnergy(n)
        self._allocate()

    @property
    def scores(self) -> FloatArray:
        """Scores of the newest row, shape (n,); not to be written to."""
        return self._energy.scores

    @property
    def fitted(self) -> bool:
        """Whether there is a signal space yet."""
        return self._fitted

    @property
    def residual_space(self) -> FloatArray:
        """Projector (L, L) on the space outside the signal; the identity before the first fit."""
        return self._residual.copy()

    def push(self, z: FloatArray, *, learn: bool = False) -> FloatArray:
        """Append a row and return its scores.

        Parameters
        ----------
        z : ndarray of shape (n,), float64, NaN = missing
            One row of z-scores, trusted (`update` checks its row).
        learn : bool
            Whether the mean energies move towards this row (after it was scored).

        Returns
        -------
        ndarray of shape (n,), float64
            Residual energy of each series' newest window, in units of its mean; NaN where
            the newest cell or too much of the window is missing, or before the first fit. The
            array is reused by the next call.
        """
        energy = self._energy
        ssa_push(
            z,
            self._record,
            self._position,
            self._ring,
            self._fitted,
            self._outside,
            self._residual,
            energy.learned,
            learn,
            energy.scores,
        )
        self._position = (self._position + 1) % self.lags
        return energy.scores

    def learn(self) -> None:
        """Add the newest windows to the Gram matrix, and refit when it is time.

        A long base is sampled: one more row adds little to it, and costs as much as the first.
        What is older than the memory fades.
        """
        self._learned = min(self._learned + 1, self._memory_rows)
        self._skipped += 1
        every = 1 + self._learned // self.policy.dense_rows
        if self._skipped < every:
            return
        self._skipped = 0
        if self._learned == self._memory_rows:
            self._gram *= 1.0 - every / self._memory_rows
        gram_add(self._ring, self._position, self._window, self._gram)
        self._added = (self._added + 1) % self.policy.refit_rows
        if not self._added and self._gram[0, 0] > 0.0:
            self._refit()

    def update(self, z: FloatArray) -> Self:
        """Append a row and learn from it."""
        self.push(check_row("MultivariateSSA", z, self._energy.n_series), learn=True)
        self.learn()
        return self

    def relearn(self, weight: float) -> None:
        """Let the mean energies count for at most ``weight`` rows, so that they follow sooner."""
        self._energy.relearn(weight)

    def break_lags(self) -> None:
        """Forget the windows: the next row does not follow the last one."""
        self._ring.fill(np.nan)

    def _allocate(self) -> None:
        """Make the scratch space of the kernels, and the projector."""
        self._residual: FloatArray = self._outside.T @ self._outside
        self._window: FloatArray = np.empty(self.lags)

    def _refit(self) -> None:
        """Take the residual space from the eigenvectors of the Gram matrix."""
        _, vectors = np.linalg.eigh(self._gram)
        self._outside = np.ascontiguousarray(vectors[:, : self.lags - self.policy.rank].T)
        self._allocate()
        self._fitted = True
