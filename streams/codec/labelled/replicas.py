"""Sources of one series (replicas, cores) to one value a tick."""

import math
from typing import Final, TypeAlias

from streams.codec.labelled.mapping import Rule

Held: TypeAlias = dict[str, tuple[float, float]]

MAX_SOURCES: Final = 10_000
"""Most sources of one series in one tick."""


class Replicas:
    """Values of the sources of one series, in the ticks that may still be open.

    Within a tick each source keeps its value with the largest event time; of equal times the last
    to arrive wins. The combined value has the largest event time of them all, so that it replaces
    the one before in the aligner: neither order of arrival nor duplicates change what stands when
    the tick closes. A source without a value in a tick is not part of it.

    Parameters
    ----------
    ticks : dict of tick number to (dict of source to (time, value))
        To go on from.
    """

    __slots__ = ("name", "ticks", "touched")

    def __init__(self, ticks: dict[int, Held] | None = None) -> None:
        self.ticks: dict[int, Held] = ticks or {}
        self.touched, self.name = 0, ""  # for its owner, to know which are silent, and whose

    def put(self, tick: int, source: str, time: float, value: float) -> None:
        """Take one value; of more than `MAX_SOURCES` sources the further ones are left out."""
        held = self.ticks.get(tick)
        if held is None:
            held = self.ticks[tick] = {}
        known = held.get(source)
        if known is None and len(held) >= MAX_SOURCES:
            return
        if known is None or time >= known[0]:
            held[source] = (time, value)

    def trim(self, tick: int, keep: int) -> None:
        """Keep at most `keep` ticks, those nearest to this one."""
        while len(self.ticks) > keep:
            del self.ticks[max(self.ticks, key=lambda other: abs(other - tick))]

    def combined(self, tick: int, rule: Rule) -> tuple[float, float]:
        """Return time and value of a tick that something was put into.

        Sums are correctly rounded (`math.fsum`), so that they do not depend on the order.
        """
        held = self.ticks[tick].values()
        if len(held) == 1:
            return next(iter(held))
        values = [value for _, value in held]
        time = max(time for time, _ in held)
        if rule == "sum":
            return time, math.fsum(values)
        if rule == "mean":
            return time, math.fsum(values) / len(values)
        return time, max(values) if rule == "max" else min(values)
