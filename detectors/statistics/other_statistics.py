"""A saved trigger for one with other further statistics: what both know is kept."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from detectors.base import State
from detectors.names import STATISTICS

__all__ = ["fitted_to"]

_PARTS: Final = ("_tail", "_onset", "_acceptance")
_ARRAYS: Final = ("_peak", "_log_p", "_bonus")
_INDICES: Final = ("_worst", "_raised_by")


def fitted_to(state: Mapping[str, Any], present: State) -> Mapping[str, Any]:
    """Return a saved state in the order of the present statistics.

    A statistic that is gone is left out, and one that is new, or has other parameters, is as it is
    in a trigger that has seen nothing: it warms up beside the others.

    Parameters
    ----------
    state : mapping
        Of a `Trigger`.
    present : dict
        State of a new trigger with the present statistics.
    """
    old, new = _keys(state), _keys(present)
    if old == new:
        return state
    fitted = {**state, "_bank": {**state["_bank"]}}
    for name in _PARTS:
        fitted[name] = {
            key: _moved(key, value, present[name][key], old, new)
            for key, value in state[name].items()
        }
    for name in _ARRAYS:
        fitted[name] = _moved(name, state[name], present[name], old, new)
    for name in _INDICES:
        held = old[state[name]]
        fitted[name] = new.index(held) if held in new else 0
    statistics = state["_bank"]["statistics"], present["_bank"]["statistics"]
    fitted["_bank"]["statistics"] = _moved("statistics", *statistics, old, new)
    return fitted


def _keys(state: Mapping[str, Any]) -> list[str]:
    """Return what stands for each statistic: those that are built in for themselves."""
    further = [held["key"] for held in state["_bank"].get("further", ())]
    return [*STATISTICS[:-1], *further, STATISTICS[-1]]


def _moved(name: str, saved: Any, fresh: Any, old: Sequence[str], new: Sequence[str]) -> Any:
    """Return an array with the saved entries of what is known to both."""
    if not isinstance(fresh, np.ndarray):
        return saved
    axis = 1 if name == "_counts" else 0
    n_tails = fresh.shape[axis]  # the last one, missingness, has no tail
    both = [key for key in new[:n_tails] if key in old]
    moved, saved = fresh.copy().swapaxes(0, axis), np.asarray(saved).swapaxes(0, axis)
    moved[[new.index(key) for key in both]] = saved[[old.index(key) for key in both]]
    return moved.swapaxes(0, axis)
