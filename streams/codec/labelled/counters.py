"""Cumulative points to what happened between them."""

from bisect import bisect_left
from collections.abc import Callable
from typing import Final, Generic, NamedTuple, TypeVar

V = TypeVar("V")

LEVEL_FALLS: Final = 3
LEVEL_SHARE: Final = 10
"""Falls to more than half of the value before that make a level of a counter, if they are one in
ten of its points."""

FRESH_S: Final = 3600.0
"""Longest time from its start to its first point of a counter whose mean rate counts, seconds."""


class Point(NamedTuple, Generic[V]):
    """One reading of a cumulative series: what was counted from `start` to `time`, unix s."""

    time: float
    start: float  # 0: unknown
    value: V


class CounterStep(NamedTuple, Generic[V]):
    """What was counted up to `time`, in `elapsed` seconds."""

    time: float
    elapsed: float
    value: V


def counted(before: float, now: float) -> float:
    """Return the increase of a counter, which is reset to zero where it falls."""
    return now if now < before else now - before


class Cumulative(Generic[V]):
    """Newest points of one cumulative series, in order of event time.

    The order of arrival does not matter: a point that comes late yields its own step and the
    corrected one of its successor. The first point yields what was counted since its start where
    that is known and at most `FRESH_S` ago, else nothing; a duplicate yields nothing. A fall, or a
    start at or after the point before, is a reset: all of the value is new.

    Parameters
    ----------
    increase : callable
        Values of two points to what was counted between them; None if that is not known.
    points : list of Point
        To go on from.

    Attributes
    ----------
    touched, name : int, str
        For its owner, to know which counters are silent, and whose they are.
    """

    __slots__ = ("_falls", "_increase", "_taken", "name", "points", "touched")

    def __init__(
        self, increase: Callable[[V, V], V | None], points: list[Point[V]] | None = None
    ) -> None:
        self._increase = increase
        self.points = points or []
        self.touched, self.name = 0, ""
        self._taken = self._falls = 0

    def add(self, point: Point[V], keep: int) -> list[CounterStep[V]]:
        """Take one point, keep at most `keep` of them, and return the steps that are news."""
        points = self.points
        self._taken += 1
        at = len(points)
        if at and point.time <= points[-1].time:
            at = bisect_left(points, point.time, key=lambda p: p.time)
            if points[at].time == point.time:
                if points[at] == point:
                    return []
                del points[at]
        points.insert(at, point)
        found = [self._step(i) for i in (at, at + 1) if 0 < i < len(points)]
        if at == 0 and len(points) <= keep:  # otherwise points before it are forgotten already
            found.append(_first(point))
        if len(points) > keep:
            # A wrong time stamp far ahead must not stay for ever: the farthest one goes.
            far_ahead = points[-1].time - point.time > point.time - points[0].time
            del points[-1 if far_ahead else 0]
        return [step for step in found if step is not None]

    def behaves_as_level(self: "Cumulative[float]", point: Point[float]) -> bool:
        """Whether a point just added, of which all is new, is one fall too many for a counter.

        A counter falls to near zero, when its process starts anew; a sum of several falls in part
        when one of them goes, which is seldom.
        """
        points = self.points
        if len(points) < 2 or points[-1] is not point:
            return False
        if not points[-2].value / 2 <= point.value < points[-2].value:
            return False
        self._falls += 1
        return self._falls >= LEVEL_FALLS and self._falls * LEVEL_SHARE >= self._taken

    def _step(self, at: int) -> CounterStep[V] | None:
        before, now = self.points[at - 1], self.points[at]
        restarted = now.start != before.start and now.start >= before.time
        value = now.value if restarted else self._increase(before.value, now.value)
        return None if value is None else CounterStep(now.time, now.time - before.time, value)


def _first(point: Point[V]) -> CounterStep[V] | None:
    """Return what was counted up to the first point, None if that says nothing about now."""
    elapsed = point.time - point.start
    if point.start <= 0 or not 0 < elapsed <= FRESH_S:
        return None
    return CounterStep(point.time, elapsed, point.value)
