"""What is remembered of a closed state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from coral.graph._arrays import FloatArray, IndexArray, take

if TYPE_CHECKING:
    from coral.graph.moments import LaggedMoments


def to_sparse(values: FloatArray) -> dict[str, Any]:
    """Nonzero entries of an array and its shape, for the checkpoint."""
    place = np.flatnonzero(values)
    return {"shape": list(values.shape), "place": place, "value": values.ravel()[place]}


def from_sparse(state: dict[str, Any]) -> FloatArray:
    """Array that `to_sparse` described."""
    values = np.zeros(tuple(int(size) for size in state["shape"]))
    values.ravel()[np.asarray(state["place"], dtype=np.intp)] = state["value"]
    return values


@dataclass(frozen=True, slots=True)
class StateSignature:
    """Digest of a closed state: small, whatever the number of its rows.

    Attributes
    ----------
    number : int
        Counts the closed states from 1.
    rows : int
        Rows the state lasted.
    changed : ndarray of shape (n_series,), float64
        `CausalGraph.changed_nodes` when it closed.
    shift : ndarray of shape (n_series,), float64
        Mean in the state minus the normal mean, in units of the scaled rows.
    place : ndarray of shape (n_edges, 3), int
        Effect, lag and cause of every dependent edge.
    strength : ndarray of shape (n_edges,), float64
        Their coefficients.
    """

    number: int
    rows: int
    changed: FloatArray
    shift: FloatArray
    place: IndexArray
    strength: FloatArray

    @classmethod
    def of(
        cls,
        number: int,
        state: LaggedMoments,
        base: LaggedMoments,
        changed: FloatArray,
        coefs: FloatArray,
    ) -> StateSignature:
        """Digest of a state that is about to close; `coefs` as [effect, lag, cause]."""
        place = np.argwhere(coefs)
        seen = state.effective_cells() > 0.0
        return cls(
            number=number,
            rows=state.rows_seen,
            changed=changed.copy(),
            shift=np.where(seen, state.means - base.means, 0.0),
            place=place,
            strength=coefs[tuple(place.T)],
        )

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
        return StateSignature(
            number=self.number,
            rows=self.rows,
            changed=take(self.changed, index, (0,), 1.0),
            shift=take(self.shift, index, (0,), 0.0),
            place=place[stays],
            strength=self.strength[stays],
        )

    def state_dict(self) -> dict[str, Any]:
        """Numbers and arrays, for the checkpoint."""
        return {
            "number": self.number,
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
            number=int(state["number"]),
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
        Number kept; the oldest goes first.
    """

    def __init__(self, max_states: int) -> None:
        if max_states < 0:
            raise ValueError(f"`CausalGraph` requires max_states >= 0, got {max_states}.")
        self.signatures: tuple[StateSignature, ...] = ()
        self.closed = 0
        self._max_states = max_states

    def close(
        self,
        state: LaggedMoments,
        base: LaggedMoments,
        changed: FloatArray,
        coefs: FloatArray,
        *,
        keep: bool,
    ) -> None:
        """Count a state that closes, and keep its signature if asked; as `StateSignature.of`."""
        self.closed += 1
        if keep and self._max_states > 0:
            signature = StateSignature.of(self.closed, state, base, changed, coefs)
            self.signatures = (*self.signatures, signature)[-self._max_states :]

    def select(self, index: IndexArray) -> None:
        """Follow the series to their new places."""
        self.signatures = tuple(signature.select(index) for signature in self.signatures)

    def state_dict(self) -> dict[str, Any]:
        """Numbers and arrays, for the checkpoint."""
        kept = [signature.state_dict() for signature in self.signatures]
        return {"closed": self.closed, "signatures": kept}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.closed = int(state["closed"])
        kept = (StateSignature.from_state_dict(item) for item in state["signatures"])
        self.signatures = tuple(kept)
