"""Which health signals breach their objective, row by row."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors._validate import check_real, check_row
from detectors.base import FloatArray, State, Stateful
from detectors.health.rules import BurnRate, Counted, Lasting, Limit, Rule

__all__ = ["Objective", "Objectives"]


class Objective(Protocol):
    """What a health signal is to be: exactly one of `above`, `below` and `target` is not None.

    Attributes
    ----------
    name : str
        Of the series.
    above, below : float, optional
        Limit that readings beyond breach, in the unit of the series.
    for_s : float
        Seconds of event time for which every reading is beyond, >= 0; with `of` 1.
    rows, of : int
        How many of the newest readings are beyond, 1 <= rows <= of; with `for_s` 0.
    target : float, optional
        Share of requests without error, between 0 and 1; the series is the ratio of errors.
    burn_rate : float
        How many times as fast as allowed the errors come, > 0.
    windows_s : tuple of float
        Lengths of the long and the short window, seconds.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - said above
    @property
    def above(self) -> float | None: ...  # noqa: D102
    @property
    def below(self) -> float | None: ...  # noqa: D102
    @property
    def for_s(self) -> float: ...  # noqa: D102
    @property
    def rows(self) -> int: ...  # noqa: D102
    @property
    def of(self) -> int: ...  # noqa: D102
    @property
    def target(self) -> float | None: ...  # noqa: D102
    @property
    def burn_rate(self) -> float: ...  # noqa: D102
    @property
    def windows_s(self) -> tuple[float, float]: ...  # noqa: D102


class Objectives(Stateful):
    """The objectives of one system, each breached or not by a rule that learns nothing.

    A breach depends on the readings and on event time alone: it is there from the first row on and
    costs nothing of a budget of false alarms. Memory does not grow with the rows: an objective
    takes some numbers, and `of` truth values or two windows of at most 64 buckets.

    Parameters
    ----------
    objectives : sequence of Objective, length n
        Checked by whoever reads them.
    interval_s : float
        Seconds between two rows, > 0.

    Raises
    ------
    TypeError
        If `interval_s` is no number.
    ValueError
        If `interval_s` is not positive, or an objective has no limit and no target.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace as Fields
    >>> slow = Fields(name="web:latency", above=0.5, below=None, target=None, for_s=20.0, of=1)
    >>> objectives = Objectives([slow], interval_s=10.0)
    >>> [objectives.update(10.0 * row, np.array([0.7])).tolist() for row in range(3)]
    [[False], [False], [True]]
    """

    def __init__(self, objectives: Sequence[Objective], interval_s: float) -> None:
        interval_s = check_real("Objectives", "interval_s", interval_s, 0.0)
        self._rules = [_rule(one, interval_s) for one in objectives]
        self._keys = [_key(one) for one in objectives]

    def update(self, time: float, values: FloatArray) -> NDArray[np.bool_]:
        """Take one row; return which objectives are breached now.

        Parameters
        ----------
        time : float
            Event time of the row, unix s, later than that of the row before.
        values : ndarray of shape (n,), float64, NaN or infinite = missing
            Readings of the series of each objective, raw units. A row without a reading leaves an
            objective as it was.

        Returns
        -------
        ndarray of shape (n,), bool

        Raises
        ------
        ValueError
            If there are not as many values as objectives.
        """
        row = check_row("Objectives", values, len(self._rules))
        for rule, reading in zip(self._rules, row.tolist(), strict=True):
            if math.isfinite(reading):
                rule.update(time, reading)
        return self.breached

    @property
    def breached(self) -> NDArray[np.bool_]:
        """Which objectives are breached after the newest row, shape (n,)."""
        return np.array([rule.breached for rule in self._rules], dtype=np.bool_)

    def state_dict(self) -> State:
        """Return the state of every objective under what it says, plain values and arrays."""
        return {key: rule.state_dict() for key, rule in self._parts()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state; an objective that is not in it begins anew.

        Parameters
        ----------
        state : mapping
            What `state_dict` returned, on the same grid. The objectives may have changed since.

        Raises
        ------
        ValueError
            If an entry of an objective is missing or unknown.
        """
        for key, rule in self._parts():
            if key in state:
                rule.load_state_dict(state[key])

    def _parts(self) -> Iterator[tuple[str, Rule]]:
        """Yield each rule with what it is saved under."""
        return zip(self._keys, self._rules, strict=True)


def _key(objective: Objective) -> str:
    """Return what makes an objective the same after a restart: its series and its rule."""
    if objective.target is not None:
        numbers = (objective.target, objective.burn_rate, *objective.windows_s)
        return json.dumps([objective.name, "target", *map(float, numbers)])
    limit = _limit(objective)
    counted, side = objective.of > 1, "above" if limit.above else "below"
    how = [objective.rows, objective.of] if counted else [float(objective.for_s)]
    return json.dumps([objective.name, side, float(limit.value), *how])


def _rule(objective: Objective, interval_s: float) -> Rule:
    if objective.target is not None:
        limit = objective.burn_rate * (1.0 - objective.target)
        return BurnRate(limit, *objective.windows_s, interval_s)
    if objective.of > 1:
        return Counted(_limit(objective), objective.rows, objective.of)
    return Lasting(_limit(objective), objective.for_s, interval_s)


def _limit(objective: Objective) -> Limit:
    if objective.above is not None:
        return Limit(objective.above, above=True)
    if objective.below is not None:
        return Limit(objective.below, above=False)
    raise ValueError(
        f"`Objectives` requires above, below or target of every objective, got {objective!r}."
    )
