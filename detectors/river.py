"""Both ways between this package and river, the online machine-learning library.

River itself is not needed here: what fits its conventions fits these two classes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, Self

import numpy as np

from detectors._validate import check_integer, check_row
from detectors.base import Detector, FloatArray

__all__ = ["AnyOf", "Named", "Univariate"]


class Univariate(Protocol):
    """A change detector of single numbers, such as ``river.drift.ADWIN``."""

    @property
    def drift_detected(self) -> bool:
        """Whether a change was declared on the newest number."""

    def update(self, x: float) -> object:
        """Take one number."""


class AnyOf:
    """One univariate detector per series; a change in any of them is a change of the system.

    Parameters
    ----------
    make : callable
        Returns a new univariate detector.
    n_series : int
        Number of series.

    Examples
    --------
    >>> from river.drift import ADWIN  # doctest: +SKIP
    >>> detector = AnyOf(ADWIN, n_series=3)  # doctest: +SKIP
    """

    def __init__(self, make: Callable[[], Univariate], n_series: int) -> None:
        n = check_integer("AnyOf", "n_series", n_series, 1)
        self._detectors = [make() for _ in range(n)]
        self._drifted: list[int] = []

    @property
    def drift_detected(self) -> bool:
        """Whether a change was declared on the newest row."""
        return bool(self._drifted)

    @property
    def drifted(self) -> tuple[int, ...]:
        """Series in which a change was declared on the newest row."""
        return tuple(self._drifted)

    def update(self, x: FloatArray) -> Self:
        """Take one row.

        Parameters
        ----------
        x : ndarray of shape (n,), float64, NaN or infinite = missing
            A missing cell leaves its detector as it is.

        Raises
        ------
        ValueError
            If the row has another number of series.
        """
        row = check_row("AnyOf", x, len(self._detectors))
        self._drifted = []
        for series in np.flatnonzero(np.isfinite(row)).tolist():
            detector = self._detectors[series]
            detector.update(float(row[series]))
            if detector.drift_detected:
                self._drifted.append(series)
        return self


class Named:
    """A detector of rows in river's convention: a dictionary of features, or a single number.

    Parameters
    ----------
    detector : Detector
        For as many series as there are names.
    names : sequence of str
        Features, in the order of the detector's series.

    Examples
    --------
    >>> from detectors.trigger import Trigger
    >>> trigger = Named(Trigger(n_series=2, interval_s=60.0), ["load", "latency"])
    >>> trigger.update({"load": 0.4, "latency": 12.0}).drift_detected
    False
    """

    def __init__(self, detector: Detector, names: Sequence[str]) -> None:
        self.detector = detector
        self._column = {name: column for column, name in enumerate(names)}
        if len(self._column) != len(names):
            raise ValueError(f"`Named` requires names that differ, got {list(names)}.")

    @property
    def drift_detected(self) -> bool:
        """Whether a change was declared on the newest row."""
        return self.detector.drift_detected

    def update(self, x: Mapping[str, float] | float) -> Self:
        """Take one row.

        Parameters
        ----------
        x : mapping of str to float, or float
            A feature that is not there is missing; a single number is the only series.

        Raises
        ------
        ValueError
            If a feature is unknown, or a single number comes and there are several series.
        """
        row = np.full(len(self._column), np.nan)
        if isinstance(x, Mapping):
            for name, value in x.items():
                if name not in self._column:
                    known = ", ".join(self._column)
                    raise ValueError(f"`Named` knows the features {known}, got {name}.")
                row[self._column[name]] = value
        elif len(row) == 1:
            row[0] = x
        else:
            raise ValueError(f"`Named` requires a mapping of {len(row)} features, got {x!r}.")
        self.detector.update(row)
        return self
