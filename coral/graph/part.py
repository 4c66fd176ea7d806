"""One part of the graph: the rows it is learned from, and what was learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from coral.graph._arrays import FloatArray, IndexArray
from coral.graph.ages import EdgeAges
from coral.graph.order import Doubling
from coral.graph.window_moments import WindowMoments
from detectors.places import take


class Part:
    """The state-invariant or the state-dependent part.

    Attributes
    ----------
    moments : WindowMoments
        Of the part's own rows.
    coefs : ndarray of shape (n_series, lags + 1, n_series), float64
        Coefficients as [effect, lag, cause], in the units of the rows.
    noise : ndarray of shape (n_series,), float64
        Residual variances, in the units of the rows.
    ages : EdgeAges
        Since when edges have been there.
    doubling : Doubling
        When all causes are searched anew.
    """

    def __init__(self, moments: WindowMoments) -> None:
        n = moments.n_series
        self.moments = moments
        self.coefs = np.zeros((n, moments.lags + 1, n))
        self.noise = np.zeros(n)
        self.ages = EdgeAges()
        self.doubling = Doubling()

    @property
    def edge_ages(self) -> IndexArray:
        """Age of every edge in rows, shape of the coefficients; zero where there is none."""
        return self.ages.dense(self.coefs.shape, self.moments.rows_seen)

    def note_edges(self) -> None:
        """Note which edges there are after a solve."""
        self.ages.update(self.coefs, self.moments.rows_seen)

    def select(self, index: IndexArray) -> None:
        """Follow the series to their new places."""
        self.ages.select(index, self.coefs.shape)
        self.moments.select(index)
        self.coefs = take(self.coefs, index, (0, 2), 0.0)
        self.noise = take(self.noise, index, (0,), 0.0)

    def rescale(self, unit: FloatArray) -> None:
        """Convert what was learned to units in which one is `unit`; the moments stay."""
        self.coefs *= unit[:, None, None] / unit
        self.noise *= unit**2

    def state_dict(self) -> dict[str, Any]:
        """Arrays, numbers and None, for the checkpoint."""
        place = np.flatnonzero(self.coefs)
        return {
            "moments": self.moments.state_dict(),
            "place": place,
            "strength": self.coefs.ravel()[place],
            "noise": self.noise.copy(),
            "ages": self.ages.state_dict(),
            "doubling": self.doubling.rows,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned.

        Raises
        ------
        ValueError
            If the state has another number of lags.
        """
        self.moments.load_state_dict(state["moments"])
        n = self.moments.n_series
        self.coefs = np.zeros((n, self.moments.lags + 1, n))
        self.coefs.ravel()[np.asarray(state["place"], dtype=np.intp)] = state["strength"]
        self.noise = np.array(state["noise"], dtype=np.float64)
        self.ages.load_state_dict(state["ages"])
        self.doubling.rows = int(state["doubling"])
