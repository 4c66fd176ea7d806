"""Entities that a health signal depends on and that are missing."""

from collections.abc import Mapping, Sequence
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from coral.config import SystemConfig
from coral.incident.policy import OpeningPolicy
from coral.localise.golden_signals import edges_of
from detectors.health.health_watch import HealthWatch
from detectors.places import places, take
from streams.series import entity_of
from streams.topology import ends_of

__all__ = ["MissingEntities"]

Floats = NDArray[np.float64]


class MissingEntities:
    """Watches that the entities on the known paths to the health signals go on reporting.

    An entity that has reported at regular distances is missing when it has been gone for three of
    them while others report (`HealthWatch`).

    Parameters
    ----------
    system : SystemConfig
        Its topology says what a health signal depends on; without one nothing is watched.
    policy : OpeningPolicy

    Attributes
    ----------
    entities : tuple of str
        Entities that are watched.
    """

    def __init__(self, system: SystemConfig, policy: OpeningPolicy) -> None:
        self._system = system
        self._policy = policy
        self._graph = nx.DiGraph(system.causal_edges)
        self._ends = {entity_of(name) for name in system.health_names}
        self.entities: tuple[str, ...] = ()
        self._series: tuple[str, ...] = ()
        self._at: NDArray[np.intp] = np.zeros(0, dtype=np.intp)  # entity of each series
        self._sent: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self._watch = HealthWatch([])

    @property
    def alarm(self) -> bool:
        """Whether an entity is missing now."""
        return self._watch.alarm

    @property
    def fresh(self) -> bool:
        """Whether an entity has gone missing of late."""
        gone = self._watch.gaps[self._watch.felt]
        return bool((gone <= self._policy.fresh_rows).any())

    @property
    def series(self) -> list[str]:
        """Series of the entities that are missing now, in their order."""
        gone = np.flatnonzero(self._watch.felt)
        return [name for name, at in zip(self._series, self._at, strict=True) if at in gone]

    @property
    def rows(self) -> int:
        """Rows since the entity that has been missing for longest was there."""
        return int(self._watch.gaps.max(initial=0))

    def follow(self, series: Sequence[str]) -> None:
        """Follow the series of the system; an entity without any is not waited for.

        Nor is an edge: it says nothing while nobody calls.
        """
        self._graph = nx.DiGraph(edges_of(self._system, series))
        wanted = set(self._ends)
        for end in self._ends & set(self._graph):
            wanted |= nx.ancestors(self._graph, end)
        owner = [entity_of(name) for name in series]
        waited = (name for name in owner if name in wanted and ends_of(name) is None)
        found = dict.fromkeys(waited if self._graph else ())
        stay = [name for name in self.entities if name in found]
        entities = (*stay, *(name for name in found if name not in stay))
        self._watch.follow(places(entities, self.entities), [0] * len(entities))
        self.entities = entities
        self._at = places(owner, entities)
        self._sent = take(self._sent, places(series, self._series), (0,), False)
        self._series = tuple(series)

    def update(self, x: Floats, *, learn: bool) -> None:
        """Take one row of the system.

        Parameters
        ----------
        x : ndarray of shape (n_series,), float64, NaN = missing
        learn : bool
            Whether the row may be normal.
        """
        if not self.entities:
            return
        there = np.isfinite(x)
        self._sent |= there
        n, on_path = len(self.entities), self._at >= 0
        present = np.bincount(self._at[on_path & there], minlength=n)
        known = np.bincount(self._at[on_path & self._sent], minlength=n)
        here = (present >= self._policy.present_share * known) & (present > 0)
        row = np.where(here, 0.0, np.nan)
        self._watch.update(row, learn=learn, reporting=bool(there.any()))

    def accept(self) -> None:
        """Take who is missing for gone."""
        self._watch.accept()
        there = np.isin(self._at, np.flatnonzero(self._watch.ready))
        self._sent &= there | (self._at < 0)

    def restart(self) -> None:
        """Forget the alarm; keep what is known."""
        self._watch.restart()

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on identically: plain values and arrays."""
        return {
            "entities": list(self.entities),
            "sent": self._sent.copy(),
            "watch": self._watch.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any], series: Sequence[str]) -> None:
        """Continue from what `state_dict` returned over the same series; topologies may differ."""
        self.entities, self._series = tuple(state["entities"]), tuple(series)
        self._sent = np.array(state["sent"], dtype=np.bool_)
        self._watch = HealthWatch([0] * len(self.entities))
        self._watch.load_state_dict(state["watch"])
        self.follow(series)
