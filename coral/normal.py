"""The normal state: its recent rows, their scale, and the state-invariant causal graph."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coral.config import EngineConfig
from coral.graph.causal import CausalGraph
from coral.graph.prior import Prior
from coral.localise.evidence import Mechanism, center_and_scale
from coral.ring import Ring
from streams.series import entity_of

__all__ = ["NormalState"]

Floats = NDArray[np.float64]

# Rows cut at this many units when the graph learns: a spike must not become a lever.
LEARNING_CLIP = 6.0
# First scale after this many rows; then whenever the rows have doubled.
FIRST_SCALE_ROWS = 16


class NormalState:
    """What is known of the system while nothing is wrong.

    Rows are kept in a ring for exact medians and ranges; the causal graph lives on its own
    sufficient statistics in units of a reference scale. The scale is taken again, and the graph
    told its rows again from the ring, each time the number of rows has doubled and at the latest
    after one ring, an amortised constant cost per row however long the daemon runs, and once more
    when an incident opens.

    Parameters
    ----------
    names : sequence of str
        Series.
    config : EngineConfig
        `base_rows` and `base_cells` bound the ring.
    edges : sequence of (str, str)
        Known topology between entities, (cause, effect): the graph favours it.
    """

    def __init__(
        self, names: Sequence[str], config: EngineConfig, edges: Sequence[tuple[str, str]] = ()
    ) -> None:
        n_series = len(names)
        self._config = config
        self._edges = tuple(edges)
        self._prior = _prior(names, self._edges)
        self.graph = CausalGraph(n_series, prior=self._prior)
        self._ring = Ring(n_series, self._capacity_for(n_series))
        self._absorbed = 0  # rows, those that have left the ring included
        self._rescale_at = FIRST_SCALE_ROWS
        self._center = np.zeros(n_series)
        self._scale = np.zeros(n_series)

    @property
    def n_series(self) -> int:
        """Number of series."""
        return self._ring.n_series

    @property
    def n_rows(self) -> int:
        """Rows in the ring."""
        return len(self._ring)

    def absorb(self, x: Floats, *, adjacent: bool) -> None:
        """Learn one row of normal state.

        Parameters
        ----------
        x : ndarray of shape (n_series,), float64, raw units, NaN = missing
        adjacent : bool
            Whether it directly follows the row absorbed before.
        """
        self._ring.append(x, adjacent=adjacent)
        self._absorbed += 1
        if self._absorbed == self._rescale_at:
            self._rescale()
            self._rescale_at += min(self._rescale_at, self._ring.capacity)
        elif self._absorbed > FIRST_SCALE_ROWS:
            if not adjacent:
                self.graph.break_lags()
            self.graph.update(self.scaled(x))

    def base(self) -> tuple[Floats, NDArray[np.bool_]]:
        """Rows in the ring, oldest first, and whether each follows the one before it."""
        return self._ring.rows()

    def newest(self, n_rows: int) -> Floats:
        """Last rows in the ring, at most `n_rows`, oldest first; not to be written."""
        return self._ring.newest(n_rows)

    def scaled(self, x: Floats) -> Floats:
        """Row(s) in reference units, cut; a series that was constant at zero gives zero."""
        unit = np.where(self._scale > 0, self._scale, np.inf)
        return np.clip((x - self._center) / unit, -LEARNING_CLIP, LEARNING_CLIP)

    def mechanism(self) -> Mechanism:
        """State-invariant prediction of the next row from the last one.

        The scale is taken anew first: what deviates is judged by all of the normal state, and an
        old scale cuts what has long become ordinary.
        """
        self._rescale()
        return Mechanism(self._center, self._scale, self.graph.refit_predictor())

    def grow(self, names: Sequence[str]) -> None:
        """Add series behind the present ones; they are missing in all rows so far.

        Parameters
        ----------
        names : sequence of str
            All series, the present ones first.
        """
        n_series = len(names)
        added = n_series - self.n_series
        self._prior = _prior(names, self._edges)
        self._ring = self._ring.grown(n_series, self._capacity_for(n_series))
        self._absorbed = len(self._ring)
        self._center = np.append(self._center, np.zeros(added))
        self._scale = np.append(self._scale, np.zeros(added))
        self._rescale_at = max(FIRST_SCALE_ROWS, 2 * self._absorbed)
        self.graph.grow(n_series, self._prior)

    def state_dict(self) -> dict[str, Any]:
        """Ring, scale and graph, for the checkpoint: plain values and arrays."""
        return {
            "ring": self._ring.state_dict(),
            "absorbed": self._absorbed,
            "rescale_at": self._rescale_at,
            "center": self._center.copy(),
            "scale": self._scale.copy(),
            "graph": self.graph.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned; series and configuration are those of then."""
        self._ring.load_state_dict(state["ring"])
        self._absorbed = state["absorbed"]
        self._rescale_at = state["rescale_at"]
        self._center, self._scale = np.array(state["center"]), np.array(state["scale"])
        self.graph = CausalGraph(self.n_series, prior=self._prior)
        self.graph.load_state_dict(state["graph"])

    def _rescale(self) -> None:
        rows, adjacent = self.base()
        self._center, self._scale = center_and_scale(rows)
        self.graph = CausalGraph(rows.shape[1], prior=self._prior)
        starts = np.flatnonzero(~adjacent)
        for block in np.split(self.scaled(rows), starts[starts > 0]):
            self.graph.break_lags()
            self.graph.update_block(block)

    def _capacity_for(self, n_series: int) -> int:
        cells = self._config.base_cells // max(n_series, 1)
        return max(64, min(self._config.base_rows, cells))


def _prior(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> Prior | None:
    """Known edges between entities that have series; a topology may know more than the metrics."""
    entities = [entity_of(name) for name in names]
    known = [edge for edge in edges if edge[0] in set(entities) and edge[1] in set(entities)]
    return Prior(entities, edges=known) if known else None
