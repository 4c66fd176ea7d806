"""Since when the edges of the graph have been there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from coral.graph._arrays import FloatArray, IndexArray


class EdgeAges:
    """For every edge the number of rows that had been seen when it appeared.

    An edge that goes and comes back is new.
    """

    def __init__(self) -> None:
        self._place: IndexArray = np.empty(0, np.intp)  # sorted, into the flat coefficients
        self._since: IndexArray = np.empty(0, np.intp)

    def update(self, coefs: FloatArray, rows: int) -> None:
        """Note which edges there are.

        Parameters
        ----------
        coefs : ndarray of shape (n_series, lags + 1, n_series), float64
            As [effect, lag, cause].
        rows : int
            Rows seen so far.
        """
        place = np.flatnonzero(coefs)
        since = np.full(place.size, rows)
        kept, new, old = np.intersect1d(place, self._place, True, return_indices=True)
        if kept.size:
            since[new] = self._since[old]
        self._place, self._since = place, since

    def dense(self, shape: tuple[int, ...], rows: int) -> IndexArray:
        """Age of every edge in rows, shape of the coefficients; zero where there is none."""
        ages = np.zeros(shape, dtype=np.intp)
        ages.ravel()[self._place] = rows - self._since
        return ages

    def select(self, index: IndexArray, shape: tuple[int, ...]) -> None:
        """Follow the series to their new places; `shape` is that of the coefficients before."""
        effect, lag, cause = np.unravel_index(self._place, shape)
        place = np.full(shape[0], -1)
        kept = np.flatnonzero(index >= 0)
        place[index[kept]] = kept
        effect, cause = place[effect], place[cause]
        stays = (effect >= 0) & (cause >= 0)
        moved = (effect[stays] * shape[1] + lag[stays]) * index.size + cause[stays]
        order = np.argsort(moved)
        self._place, self._since = moved[order], self._since[stays][order]

    def state_dict(self) -> dict[str, Any]:
        """Arrays, for the checkpoint."""
        return {"place": self._place.copy(), "since": self._since.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self._place = np.array(state["place"], dtype=np.intp)
        self._since = np.array(state["since"], dtype=np.intp)
