"""Which event time it is, when the clocks of the sources differ."""

import math
from typing import Any, Final

from streams.grid import Grid

__all__ = ["FEW", "FIRST_TICKS", "Agreement"]

FIRST_TICKS: Final = 8
# Of fewer sources nobody can tell whose clock is wrong.
FEW: Final = 3


class Agreement:
    """The largest event time that the sources of one system agree on.

    Of one or two sources the fastest clock counts, once one has come twice and others have had
    their turn. Of three and more a time counts when two have reached it, so that one may have any
    clock: ahead, drifting, or with a single wrong stamp.

    The source that is furthest ahead leads. It is followed alone after eight of its ticks in which
    nobody else was heard, unless two sources are so far behind that they would be late: it is the
    only one left, or comes more often than the others. If two are late because of that, it takes
    twice as long from then on. A jump ahead always needs a second tick.

    It counts what came, no clock: the same samples give the same answers, after a restart too.

    Parameters
    ----------
    grid : Grid

    Attributes
    ----------
    time : float
        Largest event time agreed on, unix seconds, never falls; -inf at first.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self.time = -math.inf
        self._heard: dict[str, int] = {}  # first tick of the first sources, `FEW` at most
        self._round = False  # whether one of them has come in a second tick
        self._leader = ""
        self._ahead = -math.inf  # its newest time ...
        self._tick: float = -math.inf  # ... the tick that holds it ...
        self._limit: float = -math.inf  # ... and the first one that would be open if it counted
        self._met = False  # whether another source was heard since
        self._lonely = 0  # its ticks so far in which none was
        self._against: list[str] = []  # sources behind the limit, two at most
        self._followed = False
        self._needed = FIRST_TICKS

    @property
    def few(self) -> bool:
        """Whether there are too few sources to compare their clocks."""
        return len(self._heard) < FEW

    @property
    def fast(self) -> tuple[str, float] | None:
        """The source whose clock is ahead of two others', with its newest time; None without."""
        return (self._leader, self._ahead) if len(self._against) > 1 else None

    def hear(self, source: str, time: float, tick: int) -> None:
        """Take the time of a sample.

        Parameters
        ----------
        source : str
            Who sent it.
        time : float
            Its event time, unix seconds.
        tick : int
            The tick that holds it.
        """
        if source == self._leader:
            self._led(tick)
            self._lead(source, time, tick)
        elif time > self._ahead:
            self.time = max(self.time, self._ahead)
            self._follow_another(source, time, tick)
        else:
            self.time = max(self.time, time)
            self._follow(source, tick)
        self._count(source, tick)
        if self._followed or (self._round and self.few and not self._against):
            self.time = max(self.time, self._ahead)

    def begin(self, sources: list[str], time: float, tick: int, agreed: float) -> None:
        """Take a jump of time that was confirmed.

        Parameters
        ----------
        sources : list of str, not empty
            Who sent the samples that made it.
        time : float
            The newest of these, unix seconds.
        tick : int
            The tick that holds it.
        agreed : float
            What two agree on, unix seconds; at most `time`.
        """
        self.time = max(self.time, agreed)
        self._follow_another(sources[0], time, tick)
        for source in sources:
            self._count(source, tick)

    def state(self) -> list[Any]:
        """Return all state as plain values, to go into a checkpoint."""
        led = [self._leader, self._ahead, self._met, self._lonely, self._followed, self._needed]
        return [dict(self._heard), self._round, list(self._against), *led]

    def load(self, time: float, state: list[Any] | None) -> None:
        """Continue from a time agreed on and what `state` returned; older checkpoints have none."""
        self.time = time
        if state is None:
            return
        heard, again, against, leader, ahead, met, lonely, followed, needed = state
        self._heard, self._round, self._against = dict(heard), again, list(against)
        if ahead > -math.inf:
            self._lead(leader, ahead, self._grid.tick_of(ahead))
        self._met, self._lonely, self._followed = met, lonely, followed
        self._needed = needed

    def _count(self, source: str, tick: int) -> None:
        """Remember the first sources, and whether one has come again."""
        first = self._heard.get(source)
        if first is not None:
            self._round |= tick > first
        elif len(self._heard) < FEW:
            self._heard[source] = tick

    def _follow_another(self, source: str, time: float, tick: int) -> None:
        """Take note of a source that is ahead of the one that was."""
        self._lead(source, time, tick)
        self._met, self._lonely, self._followed = False, 0, False
        self._against.clear()

    def _lead(self, source: str, time: float, tick: int) -> None:
        self._leader, self._ahead, self._tick = source, time, tick
        self._limit = self._grid.tick_of(time - self._grid.lateness_s)

    def _led(self, tick: int) -> None:
        """Take note that the leader goes on, to this tick."""
        if tick <= self._tick:
            return
        if tick > self._tick + FIRST_TICKS:
            self._lonely, self._followed = 0, False
        self._lonely += not self._met
        self._met = False
        if self._lonely >= self._needed:
            self._followed = True
            self._against.clear()

    def _follow(self, source: str, tick: int) -> None:
        """Take note of a source that is not ahead."""
        self._met = True
        if tick >= self._limit:
            if source in self._against:
                self._against.remove(source)
            return
        if source not in self._against and len(self._against) < FEW - 1:
            self._against.append(source)
        if len(self._against) > 1:
            self._needed *= 1 + self._followed
            self._lonely, self._followed = 0, False
