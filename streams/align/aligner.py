"""Samples in any order to frames in order, on the grid of event time of one system."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.align.agreement import Agreement
from streams.align.lateness import LateSources
from streams.align.pending import PendingTicks
from streams.align.retirement import Lives
from streams.align.tick import Tick
from streams.align.whole import WholeRows
from streams.grid import Grid
from streams.records import Frame, Samples
from streams.series import SeriesRegistry, entity_of

_Index = tuple[NDArray[np.intp], NDArray[np.bool_] | None, int, bool]

_CACHED_INDEXES = 256
# Closed ticks between two looks for series that have left.
_TICKS_A_LOOK = 32


class Aligner:
    """Grid, watermark and series of one system.

    Tick k covers ``[k, k + 1) * interval_s`` of event time. The watermark is the largest event
    time that the sources agree on (`Agreement`) less `lateness_s`; a tick closes, and gives one
    frame, when the watermark reaches the start of the next tick. A tick without a sample gives no
    frame. The source of a sample is the entity of its first series.

    Where nothing is to be waited for (`lateness_s` 0) and one row a tick has brought the same
    series for some ticks, such a row closes its tick at once (`WholeRows`): its frame need not
    wait for the row after it. What still comes for such a tick, and would have changed it, is
    late, and ticks close by the watermark alone until rows were one a tick for twice as long.

    Within a tick each series keeps the value with the largest event time; of equal times the last
    to arrive wins. So frames do not depend on the order of arrival, as long as nothing is late
    and no series has two values for one instant. A missing value replaces nothing.

    A sample of a closed tick is late: counted and dropped. A sample that brings nothing new (same
    instant, same values) is a duplicate: counted, without effect.

    A sample more than `max_future_s` ahead of that time does not move the watermark. Its tick is
    pending (`PendingTicks`) until a second tick within `max_future_s` of it confirms that time
    really went on (a long gap in the data); then both count. Where an ordinary sample shows that
    the stamp was wrong, it is counted as future and dropped. The very first tick is pending in the
    same way, so a wrong first time stamp does not make all that follows late. At most four ticks
    are pending at a time.

    A series that has left (`Lives`) is forgotten: frames are over those that live.

    Parameters
    ----------
    interval_s : float
        Grid, seconds, > 0.
    lateness_s : float
        How much older than the newest a sample may be, seconds, >= 0.
    max_series : int
        Series beyond this number are refused, until others have been silent for a while, or an
        entity that has more than half gives up what is above (`SeriesRegistry.make_room`).
    max_future_s : float, optional
        Furthest step ahead that one sample makes, seconds, more than ``lateness_s + interval_s``.
        By default one hour or 1000 intervals, whichever is longer.

    Attributes
    ----------
    late, duplicate, future : int
        Samples dropped so far, by reason.
    refused : int
        Values dropped so far because their series is beyond `max_series`.
    sources : LateSources
        Who was late.

    Examples
    --------
    >>> aligner = Aligner(interval_s=10)
    >>> cpu = ("cart:cpu",)
    >>> [f.time for t in (0.0, 4.0, 11.0) for f in aligner.push(Samples("s", t, cpu, np.ones(1)))]
    [4.0]
    >>> [f.time for f in aligner.flush()]
    [11.0]
    """

    def __init__(
        self,
        interval_s: float,
        lateness_s: float = 0.0,
        max_series: int = 5000,
        max_future_s: float | None = None,
    ) -> None:
        if not 0 < interval_s < math.inf:
            raise ValueError(f"`Aligner` requires interval_s > 0, got {interval_s!r}.")
        if not 0 <= lateness_s < math.inf:
            raise ValueError(f"`Aligner` requires lateness_s >= 0, got {lateness_s!r}.")
        if max_future_s is None:
            max_future_s = max(3600.0, 1000.0 * interval_s, 2.0 * (lateness_s + interval_s))
        if not max_future_s > lateness_s + interval_s:
            raise ValueError(
                f"`Aligner` requires max_future_s > lateness_s + interval_s = "
                f"{lateness_s + interval_s!r}, got {max_future_s!r}."
            )
        self._grid = Grid(interval_s, lateness_s)
        self._lateness = lateness_s
        self._max_future = max_future_s
        self._registry = SeriesRegistry(max_series)
        self._system = ""
        self._agreement = Agreement(self._grid)
        self._first_open: float = -math.inf  # tick number, an int once there is a newest time
        self._open: dict[int, Tick] = {}
        self._pending = PendingTicks()
        self.sources = LateSources()
        self._whole = WholeRows()
        self._lives = Lives(interval_s)
        self._closed = 0  # since the last look for series that have left
        # Number, time and values of the tick last closed at once, while it is the newest.
        self._last_whole: tuple[int, float, NDArray[np.float64]] | None = None
        self._sources: dict[str, str] = {}  # by series
        self._cached: dict[tuple[str, ...], _Index] = {}
        self._last_names: tuple[str, ...] | None = None
        self._last_index: _Index = (np.empty(0, dtype=np.intp), None, 0, False)
        self.late = 0
        self.duplicate = 0
        self.future = 0
        self.refused = 0

    @property
    def series(self) -> SeriesRegistry:
        """Series seen so far, and the refused ones."""
        return self._registry

    @property
    def last_values(self) -> dict[str, float]:
        """Start of the tick of the newest value of each series, unix s."""
        ticks = self._lives.last.tolist()
        return {
            name: tick * self._grid.interval_s
            for name, tick in zip(self._registry.names, ticks, strict=False)
        }

    @property
    def watermark(self) -> float:
        """Event time, unix seconds, before which nothing is waited for any more; -inf at first."""
        return self._agreement.time - self._lateness

    @property
    def expired(self) -> int:
        """Return how many series it has forgotten because they were silent for too long."""
        return self._lives.expired

    @property
    def displaced(self) -> int:
        """Return how many series it has forgotten because new ones found no room."""
        return self._lives.displaced

    def push(self, samples: Samples) -> list[Frame]:
        """Take one sample set of this system and return the frames it completes, in order.

        `samples` is not kept and not changed.
        """
        time, source = samples.time, self._source_of(samples.names[0])
        tick = self._grid.tick_of(time)
        if tick < self._first_open:
            self._behind(tick, samples, source)
            return self._hear(source, time, tick)
        self._system = samples.system
        if time - self._agreement.time > self._max_future:
            near = (time - self._max_future, time + self._max_future)
            other = self._pending.confirmed(tick, near, source, few=self._agreement.few)
            if other < 0:
                merged = self._merged(self._pending.find(tick), samples)
                self.future += self._pending.hold(tick, merged, source)
                return []
            self._confirm(other, source, time)
            frames = self._close_before(self._agreement.time)
        else:
            frames = []
        if self._pending:
            self.future += self._pending.discard(source)
        if tick < self._first_open:
            self._count_late(source, time)
            return frames
        held = self._open.get(tick)
        self._open[tick] = self._merged(held, samples)
        frames += self._hear(source, time, tick)
        if held is None and not self._lateness and time <= self._agreement.time:
            frames += self._close_if_whole(tick, samples.names)
        return frames

    def flush(self) -> list[Frame]:
        """Close every open tick and return its frames, in order: nothing more will come.

        A pending tick counts only if it is the first of all. Samples pushed later that belong to
        a closed tick are late.
        """
        if self._pending and self._agreement.time == -math.inf:
            self._confirm(self._pending.first(), "", math.inf)
        self.future += self._pending.clear()
        last = max(self._open, default=self._first_open - 1)
        frames = [self._close(tick) for tick in sorted(self._open)]
        if self._agreement.time > -math.inf:
            last = max(last, self._grid.tick_of(self._agreement.time))
        self._first_open = max(self._first_open, last + 1)
        return frames

    def state_dict(self) -> dict[str, Any]:
        """Return all state as plain values and arrays, to go into a checkpoint."""
        return {
            "system": self._system,
            "interval_s": self._grid.interval_s,
            "names": list(self._registry.names),
            "newest": self._agreement.time,
            "agreement": self._agreement.state(),
            "sources": self.sources.state(),
            "first_open": self._first_open,
            "open": [(number, *tick.state()) for number, tick in sorted(self._open.items())],
            "parked": self._pending.state(),
            "whole": self._whole.state(),
            "last_whole": self._last_whole,
            "lives": self._lives.state(),
            "closed": [self._closed],
            "crowding": self._registry.state(),
            "counters": [self.late, self.duplicate, self.future, self.refused],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned.

        Raises
        ------
        ValueError
            If it has another grid, or more series than `max_series`.
        """
        ours, theirs = self._grid.interval_s, state["interval_s"]
        if theirs != ours:
            raise ValueError(f"`Aligner` requires interval_s={ours!r}, got {theirs!r}.")
        most = self._registry.max_series
        if len(state["names"]) > most:
            raise ValueError(f"`Aligner` requires <= {most} series, got {len(state['names'])}.")
        self._system = state["system"]
        self._registry = SeriesRegistry(most)
        self._registry.index(state["names"])
        self._cached.clear()
        self._last_names = None
        self._agreement.load(state["newest"], state.get("agreement"))
        if "sources" in state:  # older checkpoints have none
            self.sources.load(state["sources"])
        self._first_open = state["first_open"]
        self._open = {
            number: Tick(values, latest, times) for number, latest, values, times in state["open"]
        }
        self._pending.load(state["parked"])
        if "whole" in state:  # older checkpoints have none
            self._whole.load(state["whole"])
            self._last_whole = state["last_whole"]
        if "lives" in state:  # older checkpoints have none: lives begin with the next tick
            self._lives.load(state["lives"])
            self._closed = state["closed"][0]
        if "crowding" in state:  # older checkpoints have none
            self._registry.load(state["crowding"])
        self.late, self.duplicate, self.future, self.refused = state["counters"]

    @property
    def fast(self) -> tuple[str, float] | None:
        """The source whose clock is ahead of two others', and by how many seconds; None without."""
        fast = self._agreement.fast
        return None if fast is None else (fast[0], fast[1] - self._agreement.time)

    def _count_late(self, source: str, time: float) -> None:
        self.late += 1
        self.sources.count(source, max(self._agreement.time - time, 0.0))

    def _behind(self, tick: int, samples: Samples, source: str) -> None:
        """Count a sample of a closed tick: late, unless it would have changed nothing."""
        if self._last_whole is not None and tick == self._last_whole[0]:
            _, time, values = self._last_whole
            if not self._is_news(Tick(values, time), samples):
                self.duplicate += 1
                return
            self._last_whole = None
            self._whole.missed()
        self._count_late(source, samples.time)

    def _is_news(self, held: Tick, samples: Samples) -> bool:
        """Whether samples would change a tick; adds no series, may change `held`."""
        at = np.array([self._registry.find(name) for name in samples.names], dtype=np.intp)
        known = at >= 0
        if not known.all():
            if len(self._registry) < self._registry.max_series:
                return True
            self._registry.index(samples.names)  # those refused wait for room from now on
        held.widen(len(self._registry))
        return held.merge(samples.time, at[known], samples.values[known])

    def _source_of(self, name: str) -> str:
        """Return who sends a series: its entity."""
        source = self._sources.get(name)
        if source is None:
            if len(self._sources) >= self._registry.max_series:
                self._sources.clear()
            source = self._sources[name] = entity_of(name)
        return source

    def _confirm(self, tick: int, source: str, time: float) -> None:
        """Make a pending tick an open one: a sample of this source and time confirms it."""
        held, sources = self._pending.take(tick)
        self._open[tick] = held
        self._whole.adds()
        # Of two sources the one that is behind is not late.
        agreed = held.latest if source in sources else min(held.latest, time)
        self._agreement.begin(sources or [source], held.latest, tick, agreed)

    def _hear(self, source: str, time: float, tick: int) -> list[Frame]:
        """Note whose clock says what; close the ticks that the watermark has passed."""
        before = self._agreement.time
        self._agreement.hear(source, time, tick)
        now = self._agreement.time
        return self._close_before(now) if now > before else []

    def _merged(self, held: Tick | None, samples: Samples) -> Tick:
        """Return the tick with these samples in it; a new one if there is none."""
        names, begun = samples.names, held is not None
        known = self._registry.find(names[0]) if len(names) == 1 else -1
        if known >= 0:
            held = self._widened(held)
            news = held.put(samples.time, known, samples.values.item())
        else:
            if names is not self._last_names:
                self._last_index = self._index(names)
                self._last_names = names
            at, kept, refused, first = self._last_index
            self.refused += refused
            if held is None and first and len(at) == len(self._registry):
                return Tick(samples.values, samples.time)
            held = self._widened(held)
            values = samples.values if kept is None else samples.values[kept]
            news = held.merge(samples.time, at, values)
        if not news:
            self.duplicate += 1
        elif begun:
            self._whole.adds()
        return held

    def _widened(self, held: Tick | None) -> Tick:
        """Return the tick with room for every series known by now."""
        if held is None:
            return Tick.empty(len(self._registry))
        held.widen(len(self._registry))
        return held

    def _index(self, names: tuple[str, ...]) -> _Index:
        """Return where `names` go, which are kept (None: all), how many are refused.

        And whether they are the first series, in order: then their values are a row as it is.
        """
        known = self._cached.get(names)
        if known is not None:
            return known
        at = self._registry.index(names)
        kept = at >= 0
        refused = int(len(at) - np.count_nonzero(kept))
        first = names == self._registry.names[: len(names)]
        found: _Index = (at[kept], kept, refused, first) if refused else (at, None, 0, first)
        if len(self._cached) >= _CACHED_INDEXES:
            self._cached.clear()
        self._cached[names] = found
        return found

    def _close_before(self, time: float) -> list[Frame]:
        """Close the ticks that nobody waits for when it is `time`."""
        first_open = self._grid.tick_of(time - self._lateness)
        if first_open <= self._first_open:
            return []
        self._first_open = first_open
        return [self._close(tick) for tick in sorted(self._open) if tick < first_open]

    def _close_if_whole(self, tick: int, names: tuple[str, ...]) -> list[Frame]:
        """Close the tick that a row has just begun, if the row is taken for all of it."""
        self._last_whole = None
        if not self._whole.begins(names):
            return []
        frame = self._close(tick)
        self._first_open = tick + 1
        self._last_whole = tick, frame.time, frame.values
        return [frame]

    def _close(self, tick: int) -> Frame:
        held = self._open[tick]
        held.widen(len(self._registry))
        self._lives.note(tick, held.values)
        self._closed += 1
        if self._closed >= _TICKS_A_LOOK:
            self._retire(tick)
        del self._open[tick]
        held.values.flags.writeable = False
        late = self.sources.take()
        return Frame(self._system, held.latest, self._registry.names, held.values, late)

    def _retire(self, tick: int) -> None:
        """Forget the series that have left."""
        room: list[int] = []
        if self._registry.crowded:
            room = self._registry.make_room(self._lives.silent(tick))
            self._forget_indexes()  # those refused are looked up again, and so known to wait
        kept = self._lives.kept(tick, room)
        self._closed = 0
        if len(kept) == len(self._registry):
            return
        for held in (*self._open.values(), *self._pending.ticks()):
            held.widen(len(self._registry))
            held.keep(kept)
        if self._last_whole is not None:
            number, time, values = self._last_whole
            self._last_whole = number, time, values[kept]
        self._registry.keep(kept)
        self._forget_indexes()

    def _forget_indexes(self) -> None:
        self._cached.clear()
        self._last_names = None
