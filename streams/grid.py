"""The grid of event time of one system."""

import math
from typing import NamedTuple

# Float seconds of today have steps of 2e-7; a sample this near below a border means the border.
_SNAP = 1e-3


class Grid(NamedTuple):
    """Ticks of a system, and how late its samples may be.

    Parameters
    ----------
    interval_s : float
        Tick k covers ``[k, k + 1) * interval_s`` of event time, > 0.
    lateness_s : float
        How much older than the newest a sample may be, seconds, >= 0.
    """

    interval_s: float
    lateness_s: float = 0.0

    def tick_of(self, time: float) -> int:
        """Return the number of the tick that holds `time`, unix seconds."""
        return math.floor(time / self.interval_s + _SNAP)

    @property
    def open_ticks(self) -> int:
        """Most ticks that can still be open at a time, with some to spare."""
        return math.ceil(self.lateness_s / self.interval_s) + 4
