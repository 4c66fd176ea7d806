"""What every detector of this package can do."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors._validate import check_state
from detectors.places import Indices, take

__all__ = [
    "Detector",
    "FloatArray",
    "FurtherStatistic",
    "Indices",
    "IntArray",
    "PerSeries",
    "Series",
    "State",
    "Stateful",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
State = dict[str, Any]
# Attributes with entries for every series: along which axis, and what stands there at first.
Series = Mapping[str, tuple[int, ArrayLike]]


@runtime_checkable
class Detector(Protocol):
    """A change detector: give it rows, ask it after each row.

    The protocol is river's (``river.base.DriftDetector``): ``update(x)``, then read
    ``drift_detected``, which is True on the row where a change is declared and on no other.
    A row is never changed by the detector, NaN and infinities in it are missing cells, and memory
    does not grow with the number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from detectors.trigger import Trigger
    >>> isinstance(Trigger(n_series=2, interval_s=60.0), Detector)
    True
    """

    @property
    def drift_detected(self) -> bool:
        """Whether a change was declared on the newest row."""

    def update(self, x: FloatArray) -> Self:
        """Take one row."""


class FurtherStatistic(Protocol):
    """A statistic that a user adds to the trigger: z-scores in, one number a row out.

    Attributes
    ----------
    name, key : str
        Of the statistic in events; of the same statistic in a saved state.
    span : int
        Rows that a value is made of.
    """

    name: str
    key: str
    span: int

    def push(self, z: FloatArray) -> float:
        """Take a row of z-scores, shape (n,), NaN = missing; return the statistic, NaN = nothing.

        Large means unusual. Every row comes, in an alarm as well.
        """

    def learn(self) -> None:
        """Learn from the row that was pushed last: it is normal."""

    @property
    def scores(self) -> FloatArray:
        """What each series brings to it, shape (n,), >= 0; 0 = nothing or missing."""

    def clear(self) -> None:
        """Begin anew what every row moves on; what is only learned from normal rows stays."""

    def select(self, index: Indices) -> None:
        """Keep, reorder and append series: the present place of each, -1 = nothing is known."""

    def state_dict(self) -> State:
        """Everything needed to go on identically, and ``key``: plain values and arrays."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` of a statistic with the same key returned."""


class Stateful:
    """Saves and restores everything that a streaming object has learned.

    A subclass lists its learned attributes in ``_STATE``; parts of it that are stateful themselves
    go into ``_PARTS`` and are nested. Parameters are not part of the state: a state is loaded into
    an object that was built with the same parameters. Saved states outlive names in code:
    ``_SAVED_AS`` has the entry of an attribute that had another name when the format was set.
    """

    _STATE: ClassVar[tuple[str, ...]] = ()
    _PARTS: ClassVar[tuple[str, ...]] = ()
    _SAVED_AS: ClassVar[Mapping[str, str]] = {}

    def state_dict(self) -> State:
        """Return a copy of the learned state: arrays, numbers, nested dictionaries.

        Returns
        -------
        dict
            Plain values only, so that any serialiser can write it.
        """
        state: State = {}
        for name in self._STATE:
            value = getattr(self, name)
            held = isinstance(value, (np.ndarray, list))
            state[self._entry(name)] = value.copy() if held else value
        for name in self._PARTS:
            state[self._entry(name)] = getattr(self, name).state_dict()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state.

        Parameters
        ----------
        state : mapping
            What ``state_dict`` of an object with the same parameters returned.

        Raises
        ------
        ValueError
            If an entry is missing or unknown.
        """
        entries = tuple(map(self._entry, self._STATE + self._PARTS))
        check_state(type(self).__name__, state, entries)
        for name in self._STATE:
            value = state[self._entry(name)]
            old = getattr(self, name)
            if isinstance(old, np.ndarray):
                # A copy with the old type: the kernels trust float64/int64 and C order.
                setattr(self, name, np.array(value, dtype=old.dtype, order="C"))
            else:
                setattr(self, name, type(old)(value))
        for name in self._PARTS:
            getattr(self, name).load_state_dict(state[self._entry(name)])
        self._allocate()

    def _entry(self, name: str) -> str:
        """Return the entry of an attribute in a saved state."""
        return self._SAVED_AS.get(name, name)

    def _allocate(self) -> None:
        """Make scratch space of the size that the state now has."""


class PerSeries(Stateful):
    """A `Stateful` with entries for every series, whose series come and go.

    ``_SERIES`` lists its attributes with entries for every series. All its parts are of the same
    series.
    """

    _SERIES: ClassVar[Series] = {}

    def select(self, index: Indices) -> None:
        """Keep, reorder and append series.

        Parameters
        ----------
        index : ndarray of shape (n_new,), int
            Present place of each series of the next row, -1 for one of which nothing is known. A
            place that does not occur is forgotten.
        """
        for name, (axis, unknown) in self._SERIES.items():
            setattr(self, name, take(getattr(self, name), index, (axis,), unknown))
        for name in self._PARTS:
            getattr(self, name).select(index)
        self._allocate()
