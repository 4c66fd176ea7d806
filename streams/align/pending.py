"""Ticks in the future of event time, which wait until a second one confirms them."""

from collections.abc import Iterator
from typing import Any, Final

from streams.align.agreement import FEW, FIRST_TICKS
from streams.align.tick import Tick

__all__ = ["PendingTicks"]

MOST: Final = 4


class _Pending:
    """A tick, how many samples it took, and who sent them: the first sources."""

    __slots__ = ("count", "sources", "tick")

    def __init__(self, tick: Tick, count: int = 0, sources: list[str] | None = None) -> None:
        self.tick, self.count, self.sources = tick, count, sources or []


class PendingTicks:
    """Samples far ahead of event time: the stamp is wrong, or time made a jump.

    A second tick near a pending one confirms it, if another source sent it, or the same one and
    nobody had an ordinary time in between. Where there are sources enough to compare, one alone
    confirms itself after eight ticks only. An ordinary sample shows that what the same source sent
    before was wrong.
    """

    def __init__(self) -> None:
        self._held: dict[int, _Pending] = {}
        self._alone = 0  # ticks that began to wait since the last sample in the ordinary range

    def __bool__(self) -> bool:
        return bool(self._held)

    def ticks(self) -> Iterator[Tick]:
        """Return the ticks that are held."""
        return (pending.tick for pending in self._held.values())

    def find(self, number: int) -> Tick | None:
        """Return a tick that is held, None if it is not."""
        pending = self._held.get(number)
        return None if pending is None else pending.tick

    def confirmed(self, number: int, near: tuple[float, float], source: str, *, few: bool) -> int:
        """Return the number of the pending tick that a sample confirms, -1 if it confirms none.

        Parameters
        ----------
        number : int
            Tick of the sample.
        near : (float, float)
            Range of the event times that are the same new time, unix seconds.
        source : str
            Who sent it.
        few : bool
            Whether there are too few sources to compare.
        """
        alone = self._alone >= (1 if few else FIRST_TICKS)
        for other, pending in self._held.items():
            if other == number or not near[0] <= pending.tick.latest <= near[1]:
                continue
            if alone or any(sender != source for sender in pending.sources):
                return other
        return -1

    def hold(self, number: int, tick: Tick, source: str) -> int:
        """Hold a tick with a sample of this source in it; return how many samples it drove out."""
        pending = self._held.get(number)
        if pending is None:
            pending = self._held[number] = _Pending(tick)
            self._alone += 1
        pending.tick, pending.count = tick, pending.count + 1
        if len(pending.sources) < FEW and source not in pending.sources:
            pending.sources.append(source)
        return self._held.pop(next(iter(self._held))).count if len(self._held) > MOST else 0

    def first(self) -> int:
        """Return the number of the tick that is held longest."""
        return next(iter(self._held))

    def take(self, number: int) -> tuple[Tick, list[str]]:
        """Give up a tick; return it and who sent its first samples."""
        pending = self._held.pop(number)
        return pending.tick, pending.sources

    def discard(self, source: str) -> int:
        """Take note of an ordinary sample; return how many earlier ones of its source go."""
        self._alone = 0
        wrong = [at for at, pending in self._held.items() if pending.sources == [source]]
        return sum(self._held.pop(at).count for at in wrong)

    def clear(self) -> int:
        """Give up all ticks; return how many samples they took."""
        count = sum(pending.count for pending in self._held.values())
        self._held.clear()
        return count

    def state(self) -> list[tuple[Any, ...]]:
        """Return all state as plain values and arrays, to go into a checkpoint."""
        return [
            (number, *pending.tick.state(), pending.count, list(pending.sources), self._alone)
            for number, pending in self._held.items()
        ]

    def load(self, state: list[tuple[Any, ...]]) -> None:
        """Continue from what `state` returned; older checkpoints have no sources."""
        self._held = {}
        for number, latest, values, times, count, *more in state:
            sources, self._alone = (list(more[0]), more[1]) if more else ([], 1)
            self._held[number] = _Pending(Tick(values, latest, times), count, sources)
