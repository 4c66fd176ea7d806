"""The normal state: its recent rows, their scale, and the state-invariant causal graph."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coral.baseline.one_step_predictor import OneStepPredictor
from coral.baseline.row_buffer import Ring
from coral.baseline.scaling import LEARNED_UNITS, center_and_scale
from coral.config import EngineConfig
from coral.contract.events import Contradicted
from coral.graph.causal import CausalGraph
from coral.graph.predictor import own_persistence
from coral.graph.prior import Prior, Topology
from coral.graph.screening import screened
from streams.series import entity_of

__all__ = ["NormalState"]

Floats = NDArray[np.float64]

# Series that the causal graph holds at most: about 70 MB, and two seconds when an incident opens.
# Beyond, it holds those that matter to the incident; all others are predicted by their own past.
MOST_GRAPH_SERIES = 1000
NOTHING_KNOWN = Topology()
MOST_CONTRADICTED = 20
# First scale after this many rows; then whenever the rows have doubled.
FIRST_SCALE_ROWS = 16


class NormalState:
    """What is known of the system while nothing is wrong.

    Rows are kept in a ring for exact medians and ranges; the causal graph lives on its own
    sufficient statistics in units of a reference scale. The scale is taken again, and the graph
    told its rows again from the ring, each time the number of rows has doubled and at the latest
    after one ring, an amortised constant cost per row however long the daemon runs, and once more
    when an incident opens. The graph keeps what it learned and remembers.

    With more than `MOST_GRAPH_SERIES` series the graph is made when an incident opens, over the
    series `coral.graph.screening` chooses: memory and time stay bounded.

    Parameters
    ----------
    names : sequence of str
        Series.
    config : EngineConfig
        `base_rows` and `base_cells` bound the ring.
    topology : Topology
        What is known of the entities beforehand: the prior of the graph.
    """

    def __init__(
        self, names: Sequence[str], config: EngineConfig, topology: Topology = NOTHING_KNOWN
    ) -> None:
        n_series = len(names)
        self._config = config
        self._topology = topology
        self._names = tuple(names)
        self.in_graph = np.arange(min(n_series, MOST_GRAPH_SERIES))
        self.graph = CausalGraph(self.in_graph.size, prior=self._prior)
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
    def is_screened(self) -> bool:
        """Whether there are more series than the graph holds."""
        return self.in_graph.size < self.n_series

    @property
    def _prior(self) -> Prior | None:
        """What is known about the series in the graph."""
        return self._topology.over(self.entities)

    @property
    def names(self) -> tuple[str, ...]:
        """Series in the graph, in its order."""
        return tuple(self._names[i] for i in self.in_graph)

    @property
    def entities(self) -> tuple[str, ...]:
        """Their entities."""
        return tuple(entity_of(name) for name in self.names)

    @property
    def contradicted(self) -> tuple[Contradicted, ...]:
        """What was known beforehand and the normal rows speak against, at most 20.

        Without the known edges that merely do not show: a service may be called once a day.
        """
        found = self.graph.contradicted(self.entities)
        listed = [one for one in found if (one.prior, one.found) != ("known", "absent")]
        return tuple(Contradicted(**asdict(one)) for one in listed[:MOST_CONTRADICTED])

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
            self._rescale(graph=not self.is_screened)
            self._rescale_at += min(self._rescale_at, self._ring.capacity)
        elif self._absorbed > FIRST_SCALE_ROWS and not self.is_screened:
            self.follow(x, adjacent=adjacent)

    def follow(self, x: Floats, *, adjacent: bool) -> None:
        """Tell the graph one row, of the state it is in; parameters as of `absorb`."""
        if not adjacent:
            self.graph.break_lags()
        z = self.scaled(x)
        self.graph.update(z[self.in_graph] if self.is_screened else z)

    def base(self) -> tuple[Floats, NDArray[np.bool_]]:
        """Rows in the ring, oldest first, and whether each follows the one before it."""
        return self._ring.rows()

    def newest(self, n_rows: int) -> Floats:
        """Last rows in the ring, at most `n_rows`, oldest first; not to be written."""
        return self._ring.newest(n_rows)

    def scaled(self, x: Floats) -> Floats:
        """Row(s) in reference units, cut; a series that was constant at zero gives zero."""
        return np.clip(self._in_units(x), -LEARNED_UNITS, LEARNED_UNITS)

    def _in_units(self, x: Floats) -> Floats:
        unit = np.where(self._scale > 0, self._scale, np.inf)
        with np.errstate(over="ignore"):  # what is beyond all floats is infinitely far out
            deviation: Floats = (x - self._center) / unit
        return deviation

    def mechanism(self, first: Floats, kpi: Sequence[int]) -> OneStepPredictor:
        """State-invariant prediction of the next row from the last one.

        The scale is taken anew first: what deviates is judged by all of the normal state, and an
        old scale cuts what has long become ordinary.

        Parameters
        ----------
        first : ndarray of shape (rows, n_series), float64, raw units, NaN = missing
            First rows of the incident: with them the series in the graph are chosen, if need be.
        kpi : sequence of int
            Places of the health signals.
        """
        self._rescale(graph=not self.is_screened)
        if not self.is_screened:
            return OneStepPredictor(self._center, self._scale, self.graph.predictor())
        rows, adjacent = self.base()
        scaled = self.scaled(rows)
        self._choose(screened(scaled, self._in_units(first), kpi, MOST_GRAPH_SERIES))
        self._tell(scaled[:, self.in_graph], adjacent, np.ones(self.in_graph.size))
        own = own_persistence(scaled, adjacent)
        return OneStepPredictor(
            self._center, self._scale, self.graph.predictor(), self.in_graph, own
        )

    def _choose(self, places: NDArray[np.intp]) -> None:
        """Change the series in the graph; those that stay keep their edges and memory."""
        before = np.full(self.n_series, -1)
        before[self.in_graph] = np.arange(self.in_graph.size)
        self.in_graph = places
        self.graph.select(before[places], self._prior)

    def grow(self, names: Sequence[str]) -> None:
        """Add series behind the present ones; they are missing in all rows so far.

        Parameters
        ----------
        names : sequence of str
            All series, the present ones first.
        """
        n_series = len(names)
        added = n_series - self.n_series
        self._names = tuple(names)
        self._ring = self._ring.grown(n_series, self._capacity_for(n_series))
        self._absorbed = len(self._ring)
        self._center = np.append(self._center, np.zeros(added))
        self._scale = np.append(self._scale, np.zeros(added))
        self._rescale_at = max(FIRST_SCALE_ROWS, 2 * self._absorbed)
        if n_series <= MOST_GRAPH_SERIES:
            self.in_graph = np.arange(n_series)
            self.graph.grow(n_series, self._prior)

    def state_dict(self) -> dict[str, Any]:
        """Ring, scale and graph, for the checkpoint: plain values and arrays."""
        return {
            "ring": self._ring.state_dict(),
            "absorbed": self._absorbed,
            "rescale_at": self._rescale_at,
            "center": self._center.copy(),
            "scale": self._scale.copy(),
            "in_graph": self.in_graph.copy(),
            "graph": self.graph.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned; series and configuration are those of then."""
        self._ring.load_state_dict(state["ring"])
        self._absorbed = state["absorbed"]
        self._rescale_at = state["rescale_at"]
        self._center, self._scale = np.array(state["center"]), np.array(state["scale"])
        self.in_graph = np.array(state["in_graph"], dtype=np.intp)
        self.graph = CausalGraph(self.in_graph.size, prior=self._prior)
        self.graph.load_state_dict(state["graph"])
        if not self.graph.state_open:
            self.graph.expect(self._prior)  # what is known now, not when it was stored

    def _rescale(self, *, graph: bool) -> None:
        """Take center and scale from the ring, and tell the graph its rows in these units."""
        rows, adjacent = self.base()
        before = self._scale
        self._center, self._scale = center_and_scale(rows)
        if graph:
            unit = np.divide(before, self._scale, out=np.ones_like(before), where=self._scale > 0)
            self._tell(self.scaled(rows), adjacent, unit)

    def _tell(self, scaled: Floats, adjacent: NDArray[np.bool_], unit: Floats) -> None:
        starts = np.flatnonzero(~adjacent)
        self.graph.relearn(np.split(scaled, starts[starts > 0]), unit)

    def _capacity_for(self, n_series: int) -> int:
        cells = self._config.base_cells // max(n_series, 1)
        return max(64, min(self._config.base_rows, cells))
