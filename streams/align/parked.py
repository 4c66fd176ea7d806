"""Ticks too far ahead to be believed before there is a second witness of them."""

from collections.abc import Iterator
from typing import Any, Final

from streams.align.agreement import FEW, FIRST_TICKS
from streams.align.tick import Tick

__all__ = ["ParkedTicks"]

MOST: Final = 4


class _Parked:
    """A tick, how many samples it took, and who sent them: the first sources."""

    __slots__ = ("count", "sources", "tick")

    def __init__(self, tick: Tick, count: int = 0, sources: list[str] | None = None) -> None:
        self.tick, self.count, self.sources = tick, count, sources or []


class ParkedTicks:
    """Samples far ahead of event time: the stamp is wrong, or time made a jump.

    A second tick near a parked one confirms it, if another source sent it, or the same one and
    nobody had an ordinary time in between. Where there are sources enough to ask, one alone is
    believed after eight ticks only. An ordinary sample refutes what the same source sent before.
    """

    def __init__(self) -> None:
        self._held: dict[int, _Parked] = {}
        self._alone = 0  # ticks parked since the last sample in the ordinary range

    def __bool__(self) -> bool:
        return bool(self._held)

    def ticks(self) -> Iterator[Tick]:
        """Return the ticks that are held."""
        return (parked.tick for parked in self._held.values())

    def find(self, number: int) -> Tick | None:
        """Return a tick that is held, None if it is not."""
        parked = self._held.get(number)
        return None if parked is None else parked.tick

    def witness(self, number: int, near: tuple[float, float], source: str, *, few: bool) -> int:
        """Return the number of the parked tick that a sample confirms, -1 if it confirms none.

        Parameters
        ----------
        number : int
            Tick of the sample.
        near : (float, float)
            Range of the event times that are the same new time, unix seconds.
        source : str
            Who sent it.
        few : bool
            Whether there are too few sources to ask.
        """
        alone = self._alone >= (1 if few else FIRST_TICKS)
        for other, parked in self._held.items():
            if other == number or not near[0] <= parked.tick.latest <= near[1]:
                continue
            if alone or any(witness != source for witness in parked.sources):
                return other
        return -1

    def park(self, number: int, tick: Tick, source: str) -> int:
        """Hold a tick with a sample of this source in it; return how many samples it drove out."""
        parked = self._held.get(number)
        if parked is None:
            parked = self._held[number] = _Parked(tick)
            self._alone += 1
        parked.tick, parked.count = tick, parked.count + 1
        if len(parked.sources) < FEW and source not in parked.sources:
            parked.sources.append(source)
        return self._held.pop(next(iter(self._held))).count if len(self._held) > MOST else 0

    def first(self) -> int:
        """Return the number of the tick that is held longest."""
        return next(iter(self._held))

    def take(self, number: int) -> tuple[Tick, list[str]]:
        """Give up a tick; return it and who sent its first samples."""
        parked = self._held.pop(number)
        return parked.tick, parked.sources

    def refute(self, source: str) -> int:
        """Take note of an ordinary sample; return how many earlier ones of its source go."""
        self._alone = 0
        wrong = [at for at, parked in self._held.items() if parked.sources == [source]]
        return sum(self._held.pop(at).count for at in wrong)

    def clear(self) -> int:
        """Give up all ticks; return how many samples they took."""
        count = sum(parked.count for parked in self._held.values())
        self._held.clear()
        return count

    def state(self) -> list[tuple[Any, ...]]:
        """Return all state as plain values and arrays, to go into a checkpoint."""
        return [
            (number, *parked.tick.state(), parked.count, list(parked.sources), self._alone)
            for number, parked in self._held.items()
        ]

    def load(self, state: list[tuple[Any, ...]]) -> None:
        """Continue from what `state` returned; older checkpoints have no sources."""
        self._held = {}
        for number, latest, values, times, count, *more in state:
            sources, self._alone = (list(more[0]), more[1]) if more else ([], 1)
            self._held[number] = _Parked(Tick(values, latest, times), count, sources)
