"""How much each health signal has to serve: the requests that its entity is asked for."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from coral.localise.layout import metric_of
from coral.localise.roles import healthy_direction, is_offered
from streams.series import entity_of

__all__ = ["OfferedLoad"]

Floats = NDArray[np.float64]


class OfferedLoad:
    """Adds up what the entity of each health signal is asked to serve.

    As of any aggregate a missing part is left out. Without any the load is not known, nor is it of
    a signal that does not get worse upwards, as latency and errors do.

    Parameters
    ----------
    signals : sequence of str
    series : sequence of str
        Of the rows to come.

    Examples
    --------
    >>> series = ["web:requests{code=200}", "web:requests{code=500}"]
    >>> load = OfferedLoad(["web:latency"], series)
    >>> load.of(np.array([7.0, np.nan]))
    array([7.])
    """

    def __init__(self, signals: Sequence[str], series: Sequence[str]) -> None:
        worse = [one for one in signals if healthy_direction(metric_of(one)) < 0]
        entities = {entity: at for at, entity in enumerate(dict.fromkeys(map(entity_of, worse)))}
        asked = [
            (place, entities[entity])
            for place, name in enumerate(series)
            if (entity := entity_of(name)) in entities and is_offered(metric_of(name))
        ]
        # Places of what is asked for, and of whom it is.
        self._asked, self._entity = np.array(asked, dtype=np.intp).reshape(-1, 2).T
        # The last one stands for entities of which nothing is known.
        self._n_entities = len(entities) + 1
        rises = set(worse)
        places = [entities[entity_of(one)] if one in rises else -1 for one in signals]
        self._signal = np.array(places, dtype=np.intp)

    def of(self, x: Floats) -> Floats:
        """Return the load of each signal in a row, shape (n_signals,), NaN = not known.

        Parameters
        ----------
        x : ndarray of shape (n_series,), float64, raw units, NaN = missing
        """
        values = x[self._asked]
        there = np.isfinite(values)
        entity, n = self._entity[there], self._n_entities
        load = np.bincount(entity, values[there], n)
        known = np.bincount(entity, minlength=n) > 0
        result: Floats = np.where(known, load, np.nan)[self._signal]
        return result
