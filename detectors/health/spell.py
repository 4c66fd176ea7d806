"""A condition with hysteresis in time: it turns once the opposite has lasted."""

import math
from typing import ClassVar, Final

from detectors.base import Stateful

__all__ = ["SLACK", "Spell"]

SLACK: Final = 1e-3
"""Share of a step that two durations may differ by and be equal: times are rounded numbers."""


class Spell(Stateful):
    """Whether a condition has lasted, and has not been absent for as long since.

    A gap longer than what has to last begins the count anew, as nobody knows what happened in it;
    a shorter one counts for the readings around it. So do the rules of Prometheus with ``for``
    and ``keep_firing_for``.

    Parameters
    ----------
    begin : float
        How long the condition has to hold until the spell begins, >= 0, in units of the clock.
    end : float
        How long it has to fail until the spell ends, >= 0.
    step : float
        Between two readings with no gap, > 0.

    Attributes
    ----------
    active : bool
        Whether the spell goes on.

    Examples
    --------
    >>> spell = Spell(begin=2.0, end=2.0, step=1.0)
    >>> [spell.update(clock, clock < 4.0) for clock in map(float, range(8))]
    [False, False, True, True, True, True, False, False]
    """

    _STATE: ClassVar[tuple[str, ...]] = ("active", "_since", "_last")

    def __init__(self, begin: float, end: float, step: float) -> None:
        self._begin, self._end, self._step = begin, end, step
        self.active = False
        self._since = math.nan  # of the first reading that speaks for a turn
        self._last = math.nan

    def update(self, clock: float, holds: bool) -> bool:
        """Take whether the condition holds now; return whether the spell goes on.

        Parameters
        ----------
        clock : float
            Later than at the call before.
        holds : bool
        """
        if holds == self.active:
            self._since = math.nan
        else:
            wait, slack = self._end if self.active else self._begin, SLACK * self._step
            if math.isnan(self._since) or clock - self._last - self._step > wait + slack:
                self._since = clock
            if clock - self._since >= wait - slack:
                self.active = holds
                self._since = math.nan
        self._last = clock
        return self.active
