"""Dynamic PCA on a sketch: what a series does that the other series do not explain."""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np

from detectors._validate import check_integer, check_row
from detectors.base import FloatArray, Indices, PerSeries
from detectors.places import take
from detectors.policy import TRIGGER, DynamicPCAPolicy
from detectors.statistics._dynamic_pca_kernels import subspace_push
from detectors.statistics.energy import RelativeEnergy

__all__ = ["DynamicPCA"]


class DynamicPCA(PerSeries):
    """Residual energy of every series outside the common space of all series and their lags.

    Rows ``[z_t, z_{t-1}, ...]`` are collected in blocks; after each block the singular value
    decomposition of (what is known, the block) is cut to its leading directions, so that no
    history is kept [1]_. Dynamic PCA [2]_ judges a row by its distance to that space.

    Parameters
    ----------
    n_series : int
        Number of series.
    policy : DynamicPCAPolicy
        Rows in one lagged row, number of directions, and others.
    memory_rows : int
        Longest memory of the mean energy of a series, rows.

    Notes
    -----
    A missing cell stands at the location of its series (0) when the row is projected, and has no
    residual itself. Sums over series run in column order: permuting changes rounding only.

    References
    ----------
    .. [1] Brand, M. (2002). Incremental singular value decomposition of uncertain data with
       missing values. ECCV.
    .. [2] Ku, W., Storer, R. H., Georgakis, C. (1995). Disturbance detection and isolation by
       dynamic principal component analysis. Chemometrics 30.

    Examples
    --------
    >>> import numpy as np
    >>> space = DynamicPCA(n_series=2, policy=DynamicPCAPolicy(lags=1, block_rows=8))
    >>> for t in range(64):
    ...     _ = space.update(np.array([np.sin(t), np.sin(t)]))
    >>> bool(space.push(np.array([1.0, -1.0])).min() > 50)
    True
    """

    _STATE: ClassVar[tuple[str, ...]] = (
        "_lagged",
        "_block",
        "_filled",
        "_learned",
        "_skipped",
        "_sketch",
        "_total",
        "_basis",
    )
    _PARTS: ClassVar[tuple[str, ...]] = ("_energy",)
    _SAVED_AS: ClassVar[Mapping[str, str]] = {"_energy": "_usual"}

    def __init__(
        self,
        n_series: int,
        policy: DynamicPCAPolicy = TRIGGER.dynamic_pca,
        memory_rows: int = TRIGGER.memory_rows,
    ) -> None:
        n = check_integer("DynamicPCA", "n_series", n_series, 0)
        self.policy, self.lags = policy, policy.lags
        self._record = policy.record(memory_rows=memory_rows)
        width = n * self.lags
        self._lagged: FloatArray = np.zeros(width)
        self._block: FloatArray = np.zeros((policy.block_rows, width))
        self._filled = 0
        self._memory_rows = memory_rows
        self._learned = self._skipped = 0
        self._sketch: FloatArray = np.zeros((0, width))
        self._total = 0.0
        self._basis: FloatArray = np.zeros((width, 0))
        self._energy = RelativeEnergy(n)
        self._allocate()

    @property
    def scores(self) -> FloatArray:
        """Scores of the newest row, shape (n,); not to be written to."""
        return self._energy.scores

    @property
    def rank(self) -> int:
        """Number of directions that explain a row; 0 before the first block is full."""
        return int(self._basis.shape[1])

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
            Residual energy of each series in units of its mean; NaN where it is missing, or
            before the first block is full. The array is reused by the next call.
        """
        energy = self._energy
        subspace_push(
            z,
            self._record,
            self._lagged,
            self._basis,
            self._basis_t,
            energy.learned,
            learn,
            energy.scores,
        )
        return energy.scores

    def learn(self) -> None:
        """Add the newest lagged row to the block, and decompose when the block is full.

        A long base is sampled: one more row adds little to it, and costs as much as the first.
        What is older than the memory fades.
        """
        self._learned = min(self._learned + 1, self._memory_rows)
        self._skipped += 1
        every = 1 + self._learned // self.policy.dense_rows
        if self._skipped < every:
            return
        self._skipped = 0
        self._block[self._filled] = self._lagged
        self._filled += 1
        if self._filled == self.policy.block_rows:
            self._filled = 0
            if self._learned == self._memory_rows:
                kept = 1.0 - every * self.policy.block_rows / self._memory_rows
                self._total *= kept
                self._sketch *= np.sqrt(kept)
            self._fold()

    def update(self, z: FloatArray) -> Self:
        """Append a row and learn from it."""
        self.push(check_row("DynamicPCA", z, self._energy.n_series), learn=True)
        self.learn()
        return self

    def relearn(self, weight: float) -> None:
        """Let the mean energies count for at most ``weight`` rows, so that they follow sooner."""
        self._energy.relearn(weight)

    def break_lags(self) -> None:
        """Forget the lagged rows: the next row does not follow the last one."""
        self._lagged.fill(0.0)

    def select(self, index: Indices) -> None:
        """Keep, reorder and append series; the known directions do not contain new ones."""
        n = self._energy.n_series

        def moved(rows: FloatArray) -> FloatArray:
            lagged = take(rows.reshape(-1, n), index, (1,), 0.0)
            return lagged.reshape(rows.shape[0], self.lags * len(index))

        energy = float(np.sum(self._sketch**2))
        self._lagged = moved(self._lagged[None, :])[0]
        self._block, self._sketch = moved(self._block), moved(self._sketch)
        self._basis = np.ascontiguousarray(moved(np.ascontiguousarray(self._basis.T)).T)
        self._energy.select(index)
        if np.count_nonzero(index >= 0) < n and energy > 0.0:
            # What is left of the directions is not orthonormal any more.
            self._total *= float(np.sum(self._sketch**2)) / energy
            self._decompose(self._sketch)
        self._allocate()

    def _allocate(self) -> None:
        """Transpose the newest rows of the basis for the kernel."""
        n = self._energy.n_series
        self._basis_t: FloatArray = np.ascontiguousarray(self._basis[:n].T)

    def _fold(self) -> None:
        """Fold the block into the sketch."""
        self._total += float(np.sum(self._block * self._block))
        self._decompose(np.vstack([self._sketch, self._block]))

    def _decompose(self, stacked: FloatArray) -> None:
        """Choose the sketch and the directions anew from lagged rows, shape (rows, n * lags)."""
        policy = self.policy
        # Singular vectors through the small Gram matrix: rows are few, columns many.
        values, vectors = np.linalg.eigh(stacked @ stacked.T)
        order = np.argsort(values)[::-1][: 2 * policy.max_rank]
        order = order[values[order] > 1e-9 * max(values[-1], 1e-300)]
        self._sketch = np.ascontiguousarray(vectors[:, order].T @ stacked)
        held = np.cumsum(values[order]) / max(self._total, 1e-300)
        rank = min(int(np.searchsorted(held, policy.explained)) + 1, policy.max_rank, len(order))
        basis = self._sketch[:rank] / np.sqrt(values[order[:rank], None])
        self._basis = np.ascontiguousarray(basis.T)
        self._allocate()
