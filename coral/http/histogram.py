"""Durations in buckets: cheap enough for every row."""

from bisect import bisect_left
from typing import Final

from coral.http.state import Durations

__all__ = ["BOUNDS", "Stopwatch"]

BOUNDS: Final = (
    *(2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3),
    *(0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0),
)
"""Upper bounds of the buckets, seconds."""


class Stopwatch:
    """Counts durations by bucket; belongs to the loop's thread.

    A histogram of the Prometheus client takes a lock twice for each value, several times the cost
    of this.
    """

    __slots__ = ("_counts", "_total")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._total = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._total += seconds

    def taken(self) -> Durations:
        """Return what was counted so far; later counts do not show in it."""
        return Durations(tuple(self._counts), self._total)
