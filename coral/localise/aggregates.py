"""Health signals that are named with fewer labels than the series of the data have."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.localise.layout import metric_of
from coral.localise.roles import adds_up, healthy_direction
from coral.text import quoted
from streams.records import Frame
from streams.series import parts_of

__all__ = ["Aggregates"]

Floats = NDArray[np.float64]

# Parts of an aggregate that are named.
NAMED: Final = 4


class _Aggregate(NamedTuple):
    """How a signal is made of others."""

    name: str
    how: str
    combine: Callable[[Floats], float]
    places: NDArray[np.intp]


class Aggregates:
    """Adds to a frame the signals that stand for several of its series.

    A name that does not occur, but with more labels, is the aggregate over these: counts and rates
    are summed, of anything else the worst counts, which is the largest unless more is better. A
    missing part is left out; without any the aggregate is missing. Which parts there are is looked
    up when the series of the frames change.

    Parameters
    ----------
    wanted : sequence of str
        Names of series, as configured.

    Attributes
    ----------
    parts : dict of str to tuple of str
        Of each aggregate of the newest frame, the series that it is made of.

    Examples
    --------
    >>> frame = Frame("shop", 0.0, ("web:p95{code=200}", "web:p95{code=500}"), np.array([2.0, 9.0]))
    >>> made = Aggregates(["web:p95"]).of(frame)
    >>> made.names[2:], made.values.tolist()
    (('web:p95',), [2.0, 9.0, 9.0])
    """

    def __init__(self, wanted: Sequence[str]) -> None:
        self._wanted = tuple(wanted)
        self._sent: tuple[str, ...] = ()  # names of the newest frame, and with the aggregates
        self._names: tuple[str, ...] = ()
        self._made: tuple[_Aggregate, ...] = ()
        self.parts: dict[str, tuple[str, ...]] = {}

    def of(self, frame: Frame) -> Frame:
        """Return a frame with the aggregates behind its series; itself where there are none.

        Its names are the same object while those of the frames are.
        """
        if frame.names is not self._sent:
            self._resolve(frame.names)
        if not self._made:
            return frame
        more = [one.combine(frame.values[one.places]) for one in self._made]
        values = np.append(frame.values, more)
        return Frame(frame.system, frame.time, self._names, values, frame.late)

    @property
    def said(self) -> list[str]:
        """What each of them is made of, in words."""
        found = []
        for one in self._made:
            parts = self.parts[one.name]
            listed = ", ".join(map(quoted, parts[:NAMED]))
            more = f" and {len(parts) - NAMED} more" if len(parts) > NAMED else ""
            found.append(f"{quoted(one.name)} is the {one.how} of {listed}{more}")
        return found

    def _resolve(self, names: tuple[str, ...]) -> None:
        self._sent = names
        places = ((name, parts_of(name, names)) for name in self._wanted)
        self._made = tuple(_aggregate(name, at) for name, at in places if at)
        self._names = (*names, *(one.name for one in self._made))
        self.parts = {one.name: tuple(names[i] for i in one.places) for one in self._made}


def _aggregate(name: str, places: list[int]) -> _Aggregate:
    metric = metric_of(name).partition("{")[0]
    at = np.array(places, dtype=np.intp)
    if adds_up(metric):
        return _Aggregate(name, "sum", _sum, at)
    if healthy_direction(metric) > 0:
        return _Aggregate(name, "smallest", np.fmin.reduce, at)
    return _Aggregate(name, "largest", np.fmax.reduce, at)


def _sum(values: Floats) -> float:
    there = values[np.isfinite(values)]
    return float(there.sum()) if there.size else np.nan
