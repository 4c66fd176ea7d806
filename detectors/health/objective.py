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

__all__ = ["Objective", "Objectives", "readings_of"]


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
    total, good : str, optional
        With `target`: series of all requests, and of those without error. With `total` alone the
        series counts those with one.
    burn_rate : float
        With `target`: how many times as fast as allowed the errors come, > 0.
    windows_s : tuple of float
        With `target`: lengths of the long and the short window, seconds.
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
    def total(self) -> str | None: ...  # noqa: D102
    @property
    def good(self) -> str | None: ...  # noqa: D102
    @property
    def burn_rate(self) -> float | None: ...  # noqa: D102
    @property
    def windows_s(self) -> tuple[float, float] | None: ...  # noqa: D102


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
    >>> slow = Fields(name="web:latency", above=0.5, target=None, for_s=20.0, of=1)
    >>> objectives = Objectives([slow], interval_s=10.0)
    >>> [objectives.update(10.0 * row, np.array([0.7])).tolist() for row in range(3)]
    [[False], [False], [True]]
    """

    def __init__(self, objectives: Sequence[Objective], interval_s: float) -> None:
        interval_s = check_real("Objectives", "interval_s", interval_s, 0.0)
        self._rules = [_rule(one, interval_s) for one in objectives]
        self._keys = [_key(one) for one in objectives]

    def update(
        self, time: float, readings: FloatArray, requests: FloatArray | None = None
    ) -> NDArray[np.bool_]:
        """Take one row; return which objectives are breached now.

        Parameters
        ----------
        time : float
            Event time of the row, unix s, later than that of the row before.
        readings : ndarray of shape (n,), float64, NaN or infinite = missing
            Of each objective (`readings_of`). A row without one leaves an objective as it was.
        requests : ndarray of shape (n,), float64, optional
            How many requests it is of; counts for objectives with `total`.

        Returns
        -------
        ndarray of shape (n,), bool

        Raises
        ------
        ValueError
            If there are not as many readings as objectives.
        """
        n = len(self._rules)
        row = check_row("Objectives", readings, n)
        weights = np.ones(n) if requests is None else check_row("Objectives", requests, n)
        for rule, reading, weight in zip(self._rules, row.tolist(), weights.tolist(), strict=True):
            if math.isfinite(reading):
                rule.update(time, reading, weight)
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


def readings_of(
    objectives: Sequence[Objective], counts: FloatArray, totals: FloatArray
) -> FloatArray:
    """Return what each objective is about: the reading of its series, or the ratio of errors.

    Parameters
    ----------
    objectives : sequence of Objective, length n
    counts : ndarray of shape (n,), float64, raw units, NaN = missing
        Reading of its series, or of `good` where it has one.
    totals : ndarray of shape (n,), float64, NaN = missing
        Reading of `total` where it has one.

    Returns
    -------
    ndarray of shape (n,), float64
        NaN where there is none: a row without requests has no ratio.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace as Fields
    >>> failed, good = Fields(total="web:all", good=None), Fields(total="web:all", good="web:ok")
    >>> readings_of([failed, good], np.array([1.0, 7.0]), np.array([8.0, 8.0])).tolist()
    [0.125, 0.125]
    """
    counted = np.array([one.total is not None for one in objectives], dtype=np.bool_)
    good = np.array([one.good is not None for one in objectives], dtype=np.bool_)
    there = np.where((totals > 0.0) & np.isfinite(totals), totals, np.nan)
    share = counts / there
    found: FloatArray = np.where(counted, np.where(good, 1.0 - share, share), counts)
    return found


def _key(objective: Objective) -> str:
    """Return what makes an objective the same after a restart: its series and its rule."""
    if objective.target is not None:
        rate, windows = _burning(objective)
        numbers = map(float, (objective.target, rate, *windows))
        ratio = [objective.good, objective.total] if objective.total else []
        return json.dumps([objective.name, "target", *numbers, *ratio])
    limit = _limit(objective)
    counted, side = objective.of > 1, "above" if limit.above else "below"
    how = [objective.rows, objective.of] if counted else [float(objective.for_s)]
    return json.dumps([objective.name, side, float(limit.value), *how])


def _rule(objective: Objective, interval_s: float) -> Rule:
    if objective.target is not None:
        rate, windows = _burning(objective)
        limit, weighted = rate * (1.0 - objective.target), objective.total is not None
        return BurnRate(limit, *windows, interval_s, weighted=weighted)
    if objective.of > 1:
        return Counted(_limit(objective), objective.rows, objective.of)
    return Lasting(_limit(objective), objective.for_s, interval_s)


def _burning(objective: Objective) -> tuple[float, tuple[float, float]]:
    if objective.burn_rate is None or objective.windows_s is None:
        raise ValueError(
            f"`Objectives` requires burn_rate and windows_s beside target, got {objective!r}."
        )
    return objective.burn_rate, objective.windows_s


def _limit(objective: Objective) -> Limit:
    if objective.above is not None:
        return Limit(objective.above, above=True)
    if objective.below is not None:
        return Limit(objective.below, above=False)
    raise ValueError(
        f"`Objectives` requires above, below or target of every objective, got {objective!r}."
    )
