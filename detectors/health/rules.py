"""The three rules by which a health signal breaches its objective; each takes readings alone."""

import math
from typing import ClassVar, Final, NamedTuple

from detectors.base import Stateful
from detectors.health.spell import SLACK, Spell
from detectors.health.window_mean import WindowMean

__all__ = ["BurnRate", "Counted", "Lasting", "Limit", "Rule"]


# Weights are counted in whole units, so that their sums are exact.
WEIGHT_UNITS: Final = 1 << 20
MOST_WEIGHT: Final = float(1 << 40)


class Limit(NamedTuple):
    """A value that readings are to stay at or on one side of."""

    value: float
    above: bool

    def passed(self, reading: float) -> bool:
        """Whether a reading lies on the other side; at the limit it does not."""
        return reading > self.value if self.above else reading < self.value


class Rule(Stateful):
    """When an objective is breached.

    One principle for all: the breach ends once its condition has failed for as long as the
    shortest breach takes to begin. A row without a reading is not shown and changes nothing.
    """

    _PARTS: ClassVar[tuple[str, ...]] = ("_spell",)

    def __init__(self, begin: float, end: float, step: float) -> None:
        self._spell = Spell(begin, end, step)

    @property
    def breached(self) -> bool:
        """Whether the objective is breached now."""
        return self._spell.active

    def update(self, time: float, reading: float, weight: float = 1.0) -> None:
        """Take a reading, finite, at an event time in unix seconds, later than the one before.

        A ratio weighs as much as it has requests.
        """
        raise NotImplementedError


class Lasting(Rule):
    """Breached once every reading for a duration is beyond the limit; ends once none is for it.

    A gap longer than the duration begins the count anew (`Spell`).

    Parameters
    ----------
    limit : Limit
    for_s : float
        Event time from the first reading beyond the limit to the breach, seconds, >= 0.
    interval_s : float
        Seconds between two rows.
    """

    def __init__(self, limit: Limit, for_s: float, interval_s: float) -> None:
        super().__init__(for_s, for_s, interval_s)
        self._limit = limit

    def update(self, time: float, reading: float, weight: float = 1.0) -> None:  # noqa: ARG002
        """Take a reading."""
        self._spell.update(time, self._limit.passed(reading))


class Counted(Rule):
    """Breached at once when so many of the newest readings are beyond the limit.

    It ends once they have been fewer for `rows` readings in succession.

    Parameters
    ----------
    limit : Limit
    rows, of : int
        How many readings of how many, 1 <= rows <= of.
    """

    _STATE: ClassVar[tuple[str, ...]] = ("_beyond", "_readings", "_count")

    def __init__(self, limit: Limit, rows: int, of: int) -> None:
        super().__init__(0.0, rows - 1.0, 1.0)
        self._limit, self._rows = limit, rows
        self._beyond = [False] * of
        self._readings = 0
        self._count = 0

    def update(self, time: float, reading: float, weight: float = 1.0) -> None:  # noqa: ARG002
        """Take a reading."""
        at, beyond = self._readings % len(self._beyond), self._limit.passed(reading)
        self._count += beyond - self._beyond[at]
        self._beyond[at] = beyond
        self._readings += 1
        self._spell.update(float(self._readings), self._count >= self._rows)


class BurnRate(Rule):
    """Breached at once when the mean error ratio of both windows is too large.

    The long window says that it matters, the short one that it goes on. Before the long window is
    full the mean is of what there is; the short one has to be covered: by readings with no gap
    longer than itself, that began at least its length ago. The breach ends once the condition has
    failed for the length of the short window.

    Parameters
    ----------
    limit : float
        Error ratio, the burn rate times 1 - target.
    long_s, short_s : float
        Lengths of the windows, seconds, > 0.
    interval_s : float
        Seconds between two rows.
    weighted : bool
        Whether each ratio weighs as many requests as it is told to have; else all weigh the same.

    Notes
    -----
    Beyer et al. (eds.), The Site Reliability Workbook, 2018, chapter 5, "Multiwindow,
    Multi-Burn-Rate Alerts". There errors are divided by requests over the whole window, as here
    where each row weighs as many as it has; a ratio alone says nothing of them, and each row counts
    the same.
    """

    _STATE: ClassVar[tuple[str, ...]] = ("_first", "_last")
    _PARTS: ClassVar[tuple[str, ...]] = ("_spell", "_long", "_short")

    def __init__(
        self,
        limit: float,
        long_s: float,
        short_s: float,
        interval_s: float,
        *,
        weighted: bool = False,
    ) -> None:
        super().__init__(0.0, short_s, interval_s)
        self._limit, self._short_s, self._interval_s = limit, short_s, interval_s
        self._weighted = weighted
        self._long = WindowMean(max(1, round(long_s / interval_s)))
        self._short = WindowMean(max(1, round(short_s / interval_s)))
        self._first = math.nan  # reading since the newest long gap
        self._last = math.nan

    def update(self, time: float, reading: float, weight: float = 1.0) -> None:
        """Take a reading."""
        number = math.floor(time / self._interval_s + 0.5)
        units = int(min(weight, MOST_WEIGHT) * WEIGHT_UNITS) if self._weighted else 1
        self._long.push(number, reading, units)
        self._short.push(number, reading, units)
        slack = SLACK * self._interval_s
        if not time - self._last - self._interval_s <= self._short_s + slack:
            self._first = time
        self._last = time
        covered = time - self._first + self._interval_s >= self._short_s - slack
        burns = self._long.exceeds(self._limit) and self._short.exceeds(self._limit)
        self._spell.update(time, covered and burns)
