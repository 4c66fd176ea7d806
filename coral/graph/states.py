"""What is remembered of a closed state."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from coral.graph._arrays import FloatArray, IndexArray
from coral.graph.policy import GRAPH
from detectors.places import take

if TYPE_CHECKING:
    from coral.graph.part import Part


_LEAST_DEVIATION: Final = 1e-3
"""Least normal deviation of a series, as a share of the typical one."""


@dataclass(frozen=True, slots=True)
class StateSignature:
    """Digest of a closed state: small, whatever the number of its rows.

    Attributes
    ----------
    name : str
        What the state was called when it closed; the incident, for the engine.
    time : float
        Event time of its last row, unix s.
    times : int
        How often it was seen, at least once.
    rows : int
        Rows the state lasted.
    changed : ndarray of shape (n_series,), float64
        `CausalGraph.changed_nodes` when it closed.
    shift : ndarray of shape (n_series,), float64
        Mean in the state minus the normal mean, in normal standard deviations; for a series that
        did not vary, in thousandths of the typical one.
    place : ndarray of shape (n_edges, 3), int
        Effect, lag and cause of every dependent edge.
    strength : ndarray of shape (n_edges,), float64
        Their coefficients.
    """

    name: str
    time: float
    times: int
    rows: int
    changed: FloatArray
    shift: FloatArray
    place: IndexArray
    strength: FloatArray

    @property
    def profile(self) -> FloatArray:
        """What changed clearly, shape (2 * n_series,): mechanisms first, then levels.

        Logarithms: that the same series are concerned, in the same direction, counts more than how
        far they went. A ratio of 1.5 and half a deviation are within the noise.
        """
        mechanism = np.maximum(np.log(self.changed) - GRAPH.clear_ratio, 0.0)
        level = np.log1p(np.maximum(np.abs(self.shift) - GRAPH.clear_shift, 0.0))
        return np.concatenate([mechanism, np.copysign(level, self.shift)])

    def similarity(self, other: StateSignature) -> float:
        """Cosine of both profiles, at least 0; zero when either is empty."""
        one, two = self.profile, other.profile
        size = float(np.linalg.norm(one) * np.linalg.norm(two))
        return max(0.0, float(one @ two) / size) if size > 0.0 else 0.0

    def rescaled(self, unit: FloatArray) -> StateSignature:
        """Return the signature with every series multiplied by its entry of `unit`."""
        effect, cause = self.place[:, 0], self.place[:, 2]
        return replace(self, strength=self.strength * unit[effect] / unit[cause])

    def select(self, index: IndexArray) -> StateSignature:
        """Follow the series to their new places; edges of series that left go.

        Parameters
        ----------
        index : ndarray of shape (n_new,), int
            Present place of each series of the new row, -1 for a series not seen yet.
        """
        new_place = np.full(self.changed.size, -1, dtype=np.intp)
        kept = np.flatnonzero(index >= 0)
        new_place[index[kept]] = kept
        place = self.place.copy()
        place[:, 0] = new_place[place[:, 0]]
        place[:, 2] = new_place[place[:, 2]]
        stays = (place[:, 0] >= 0) & (place[:, 2] >= 0)
        return replace(
            self,
            changed=take(self.changed, index, (0,), 1.0),
            shift=take(self.shift, index, (0,), 0.0),
            place=place[stays],
            strength=self.strength[stays],
        )

    def state_dict(self) -> dict[str, Any]:
        """Numbers and arrays, for the checkpoint."""
        return {
            "name": self.name,
            "time": self.time,
            "times": self.times,
            "rows": self.rows,
            "changed": self.changed.copy(),
            "shift": self.shift.copy(),
            "place": self.place.copy(),
            "strength": self.strength.copy(),
        }

    @classmethod
    def from_state_dict(cls, state: dict[str, Any]) -> StateSignature:
        """Restore what `state_dict` returned."""
        return cls(
            name=str(state["name"]),
            time=float(state["time"]),
            times=int(state["times"]),
            rows=int(state["rows"]),
            changed=np.array(state["changed"], dtype=np.float64),
            shift=np.array(state["shift"], dtype=np.float64),
            place=np.array(state["place"], dtype=np.intp).reshape(-1, 3),
            strength=np.array(state["strength"], dtype=np.float64),
        )


class StateMemory:
    """The signatures of the last closed states, newest last.

    Parameters
    ----------
    max_states : int, >= 0
        Number kept; the one not seen for longest goes first.
    """

    def __init__(self, max_states: int) -> None:
        if max_states < 0:
            raise ValueError(f"`CausalGraph` requires max_states >= 0, got {max_states}.")
        self.signatures: tuple[StateSignature, ...] = ()
        self._max_states = max_states

    def recall(self, state: StateSignature) -> StateSignature | None:
        """Find the kept state that the present one is a return of, None if it is new."""
        if state.rows < GRAPH.recall_rows:
            return None
        found = max(self.signatures, key=state.similarity, default=None)
        if found is None or state.similarity(found) < GRAPH.similar:
            return None
        return found

    def keep(self, state: StateSignature) -> None:
        """Keep a closed state; one that returned replaces what it returned as."""
        if self._max_states == 0:
            return
        before = self.recall(state)
        if before is not None:
            state = replace(state, times=before.times + 1)
        others = [signature for signature in self.signatures if signature is not before]
        self.signatures = (*others, state)[-self._max_states :]

    def select(self, index: IndexArray) -> None:
        """Follow the series to their new places."""
        self.signatures = tuple(signature.select(index) for signature in self.signatures)

    def rescale(self, unit: FloatArray) -> None:
        """Follow a change of units; see `StateSignature.rescaled`."""
        self.signatures = tuple(signature.rescaled(unit) for signature in self.signatures)

    def state_dict(self) -> list[dict[str, Any]]:
        """Numbers and arrays, for the checkpoint."""
        return [signature.state_dict() for signature in self.signatures]

    def load_state_dict(self, state: list[dict[str, Any]]) -> None:
        """Restore what `state_dict` returned."""
        self.signatures = tuple(StateSignature.from_state_dict(item) for item in state)


def signature_of(
    state: Part, base: Part, changed: FloatArray, *, name: str = "", time: float = math.nan
) -> StateSignature:
    """Digest of an open state; `changed` as of `CausalGraph.changed_nodes`."""
    place = np.argwhere(state.coefs)
    deviations = np.sqrt(base.moments.variances)
    varied = deviations[deviations > 0.0]
    floor = _LEAST_DEVIATION * float(np.median(varied)) if varied.size else 1.0
    seen = state.moments.effective_cells() > 0.0
    shift = (state.moments.means - base.moments.means) / np.maximum(deviations, floor)
    return StateSignature(
        name=name,
        time=time,
        times=1,
        rows=state.moments.rows_seen,
        changed=changed,
        shift=np.where(seen, shift, 0.0),
        place=place,
        strength=state.coefs[tuple(place.T)],
    )
