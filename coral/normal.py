"""The normal state: its recent rows, their scale, and the state-invariant causal graph."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coral.config import EngineConfig
from coral.graph.causal import CausalGraph
from coral.graph.prior import Prior
from coral.localise.evidence import Mechanism, center_and_scale
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
        self._capacity = self._capacity_for(n_series)
        self._rows = np.empty((min(256, self._capacity), n_series))
        self._adjacent = np.zeros(len(self._rows), dtype=bool)
        self._next = 0  # rows ever absorbed
        self._rescale_at = FIRST_SCALE_ROWS
        self._center = np.zeros(n_series)
        self._scale = np.zeros(n_series)

    @property
    def n_series(self) -> int:
        """Number of series."""
        return self._rows.shape[1]

    @property
    def n_rows(self) -> int:
        """Rows in the ring."""
        return min(self._next, self._capacity)

    def absorb(self, x: Floats, *, adjacent: bool) -> None:
        """Learn one row of normal state.

        Parameters
        ----------
        x : ndarray of shape (n_series,), float64, raw units, NaN = missing
        adjacent : bool
            Whether it directly follows the row absorbed before.
        """
        self._reserve()
        slot = self._next % self._capacity
        self._rows[slot] = x
        self._adjacent[slot] = adjacent
        self._next += 1
        if self._next == self._rescale_at:
            self._rescale()
            self._rescale_at += min(self._rescale_at, self._capacity)
        elif self._next > FIRST_SCALE_ROWS:
            if not adjacent:
                self.graph.break_lags()
            self.graph.update(self.scaled(x))

    def base(self) -> tuple[Floats, NDArray[np.bool_]]:
        """Rows in the ring, oldest first, and whether each follows the one before it."""
        if self._next <= self._capacity:
            return self._rows[: self._next], self._adjacent[: self._next]
        order = np.arange(self._next, self._next + self._capacity) % self._capacity
        return self._rows[order], self._adjacent[order]

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
        return Mechanism(self._center, self._scale, self.graph.predictor())

    def grow(self, names: Sequence[str]) -> None:
        """Add series behind the present ones; they are missing in all rows so far.

        Parameters
        ----------
        names : sequence of str
            All series, the present ones first.
        """
        n_series = len(names)
        added = n_series - self._rows.shape[1]
        self._prior = _prior(names, self._edges)
        rows, adjacent = self.base()
        self._capacity = self._capacity_for(n_series)
        rows, adjacent = rows[-self._capacity :], adjacent[-self._capacity :]
        fresh = np.full((len(rows), added), np.nan)
        self._rows = np.hstack([rows, fresh]) if len(rows) else np.empty((1, n_series))
        self._adjacent = adjacent.copy() if len(rows) else np.zeros(1, dtype=bool)
        self._next = len(rows)
        self._center = np.append(self._center, np.zeros(added))
        self._scale = np.append(self._scale, np.zeros(added))
        self._rescale_at = max(FIRST_SCALE_ROWS, 2 * self._next)
        self.graph.grow(n_series, self._prior)

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

    def _reserve(self) -> None:
        """Double the ring's memory while it fills: most systems need little of it."""
        have = len(self._rows)
        if self._next < have or have >= self._capacity:
            return
        more = min(have, self._capacity - have)
        self._rows = np.vstack([self._rows, np.empty((more, self._rows.shape[1]))])
        self._adjacent = np.append(self._adjacent, np.zeros(more, dtype=bool))


def _prior(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> Prior | None:
    """Known edges between entities that have series; a topology may know more than the metrics."""
    entities = [entity_of(name) for name in names]
    known = [edge for edge in edges if edge[0] in set(entities) and edge[1] in set(entities)]
    return Prior(entities, edges=known) if known else None
