"""The causal graph over the series of one system, by name and bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from coral.graph.causal import CausalGraph
from coral.graph.policy import GRAPH
from coral.graph.prior import prior_over
from coral.graph.screening import screened
from detectors.places import places
from streams.series import entity_of
from streams.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coral.graph._arrays import BoolArray, FloatArray, IndexArray
    from coral.graph.contradiction import Contradiction
    from coral.graph.prior import Prior

__all__ = ["SystemGraph"]

NOTHING_KNOWN: Final = Topology()


class SystemGraph:
    """The causal graph of a system's series, with what is known of its entities beforehand.

    With more than `most_series` series the graph is made when an incident opens, over the series
    `coral.graph.screening` chooses: memory and time stay bounded.

    Parameters
    ----------
    names : sequence of str
        Series.
    topology : Topology
        What is known of the entities beforehand: the prior of the graph.
    most_series : int, >= 1

    Attributes
    ----------
    causal : CausalGraph
        Over the series at `places`, in that order.
    all_names : tuple of str
        Series of the system.
    places : ndarray of shape (n_in_graph,), int
        Series in the graph, as indices of `all_names`.
    """

    def __init__(
        self,
        names: Sequence[str],
        topology: Topology = NOTHING_KNOWN,
        most_series: int = GRAPH.most_series,
    ) -> None:
        self.all_names = tuple(names)
        self._topology = topology
        self._most_series = most_series
        self.places: IndexArray = np.arange(min(len(self.all_names), most_series))
        self.causal = CausalGraph(self.places.size, prior=self._prior)

    @property
    def n_series(self) -> int:
        """Number of series of the system."""
        return len(self.all_names)

    @property
    def is_screened(self) -> bool:
        """Whether there are more series than the graph holds."""
        return self.places.size < self.n_series

    @property
    def names(self) -> tuple[str, ...]:
        """Series in the graph, in its order."""
        return tuple(self.all_names[i] for i in self.places)

    @property
    def entities(self) -> tuple[str, ...]:
        """Their entities."""
        return tuple(entity_of(name) for name in self.names)

    @property
    def _prior(self) -> Prior | None:
        """What is known about the series in the graph."""
        return prior_over(self._topology, self.entities)

    def contradicted(self) -> list[Contradiction]:
        """List what was known beforehand and the normal rows speak against.

        Without the known edges that merely do not show: a service may be called once a day.
        """
        found = self.causal.contradicted(self.entities)
        return [one for one in found if (one.prior, one.found) != ("known", "absent")]

    def update(self, z: FloatArray, *, adjacent: bool) -> None:
        """Learn from one row: of the open state when there is one, else of the normal state.

        Parameters
        ----------
        z : ndarray of shape (n_series,), float64, scaled, NaN = missing
        adjacent : bool
            Whether it directly follows the row before.
        """
        if not adjacent:
            self.causal.break_lags()
        self.causal.update(z[self.places] if self.is_screened else z)

    def relearn(self, rows: FloatArray, adjacent: BoolArray, unit: FloatArray) -> None:
        """Replace the normal rows by others in other units; edges and memory follow.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_series), float64, scaled, NaN = missing
        adjacent : ndarray of shape (n_rows,), bool
            Whether a row directly follows the one before it.
        unit : ndarray of shape (n_series,), float64
            New value of what was one.
        """
        starts = np.flatnonzero(~adjacent)
        kept, unit = (rows[:, self.places], unit[self.places]) if self.is_screened else (rows, unit)
        self.causal.relearn(np.split(kept, starts[starts > 0]), unit)

    def choose(self, rows: FloatArray, first: FloatArray, health: Sequence[int]) -> None:
        """Choose the series in the graph anew; those that stay keep their edges and memory.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_series), float64, scaled, NaN = missing
            Of the normal state.
        first : ndarray of shape (n_first, n_series), float64, in units, not cut
            First rows of the incident.
        health : sequence of int
            Places of the health signals.
        """
        before = np.full(self.n_series, -1)
        before[self.places] = np.arange(self.places.size)
        self.places = screened(rows, first, health, self._most_series)
        self.causal.select(before[self.places], self._prior)

    def follow(self, names: Sequence[str]) -> None:
        """Follow the series of the system: of those that stay, what is known is kept.

        Parameters
        ----------
        names : sequence of str, not empty
        """
        index = places(names, self.names)
        stay = np.flatnonzero(index >= 0)
        self.all_names = tuple(names)
        if self.n_series <= self._most_series:
            self.places = np.arange(self.n_series)
        else:
            self.places = stay if stay.size else np.arange(self._most_series)
        self.causal.select(index[self.places], self._prior)

    def state_dict(self) -> dict[str, Any]:
        """Graph and places, for the checkpoint: plain values and arrays."""
        return {"in_graph": self.places.copy(), "graph": self.causal.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` of a graph over the same series returned."""
        self.places = np.array(state["in_graph"], dtype=np.intp)
        self.causal = CausalGraph(self.places.size, prior=self._prior)
        self.causal.load_state_dict(state["graph"])
        if not self.causal.state_open:
            self.causal.expect(self._prior)  # what is known now, not when it was stored
