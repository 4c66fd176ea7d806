"""The one place where the loop leaves what others may see, and where they find it."""

import secrets
import sys
from collections.abc import Callable
from typing import Final, NamedTuple

from coral import __version__
from coral.contract.events import Event, timestamp
from coral.contract.feedback import Feedback
from coral.http.incidents import IncidentMemory
from coral.http.model import SystemModel
from coral.http.shadow import ShadowList
from coral.http.state import AlertsTaken, DaemonStatus, Reloads, Said, Snapshot
from coral.http.tape import Recorded
from coral.http.timelines import Timelines
from streams.clock import Clock

__all__ = ["STANDS_STILL_S", "Board", "Health"]

STANDS_STILL_S: Final = 90.0
"""Longer than any honest step (75 s), shorter than the patience of the watchdog (120 s)."""
# Kernels are compiled before the first beat: at most so long.
STARTS_S: Final = 600.0
MOST_SAID: Final = 1000

Model = Callable[[str, float | None, float | None], SystemModel | None]


class Health(NamedTuple):
    """An answer for a probe.

    Attributes
    ----------
    well : bool
    reasons : tuple of str
        Why not; empty if it is well.
    """

    well: bool
    reasons: tuple[str, ...]


class Board:
    """Newest snapshot, newest incidents, last beat. One thread writes, any may read.

    Parameters
    ----------
    clock : Clock
    ready_lag : int
        Records behind beyond which the process is not ready.

    Attributes
    ----------
    snapshot : Snapshot or None
        None before the loop has begun.
    incidents : IncidentMemory
    timelines : Timelines
    said : dict
        Entity that people say was the cause, by incident; None: they took it back.
    boot : str
        Tells this process from those before it.
    reloads : Reloads
        What became of requests to read the configuration again.
    shadow : ShadowList
        Empty without a second configuration.
    recorded : tuple of Recorded
        Recordings that are played on the page; empty where none was named.
    stopping : callable
        Returns whether the process was asked to end.
    take_alerts : callable or None
        Takes the body of a request with alerts, in any thread; None while it cannot.
    answer : callable or None
        Answers what is wrong with a system since a time, in any thread; None while it cannot.
    model : callable or None
        Answers what the model of a system is, and how its graph changed between two times, in any
        thread; None where no system is watched.
    """

    def __init__(self, clock: Clock, ready_lag: int) -> None:
        self._clock = clock
        self._ready_lag = ready_lag
        self._started, self._begun = clock.time(), clock.monotonic()
        self._beat: float | None = None
        self.snapshot: Snapshot | None = None
        self.incidents = IncidentMemory()
        self.timelines = Timelines()
        self.said: dict[str, Said] = {}
        self.boot = secrets.token_hex(4)
        self.reloads = Reloads(at=self._started)
        self.shadow = ShadowList([])
        self.recorded: tuple[Recorded, ...] = ()
        self.stopping: Callable[[], bool] = lambda: False
        self.take_alerts: Callable[[bytes], AlertsTaken] | None = None
        self.answer: Callable[[str, float | None], Event | None] | None = None
        self.model: Model | None = None

    def beat(self) -> None:
        """Say that the loop is getting on."""
        self._beat = self._clock.monotonic()

    def reloaded(self, *, accepted: bool) -> None:
        """Note that the configuration was read again, or refused: then the old one holds."""
        before = self.reloads
        if accepted:
            self.reloads = Reloads(self.now(), before.accepted + 1, before.refused)
        else:
            self.reloads = Reloads(before.at, before.accepted, before.refused + 1, well=False)

    def alive(self) -> Health:
        """Whether the loop is getting on; a process that does not should be started again."""
        if self._beat is None:
            waited = self._clock.monotonic() - self._begun
            return _health(waited > STARTS_S and f"starting for {waited:.0f} s")
        still = self.still_s
        return _health(still > STANDS_STILL_S and f"the loop has stood still for {still:.0f} s")

    @property
    def still_s(self) -> float:
        """How long the loop has been busy with one thing, s; 0 before it has begun."""
        beat = self._beat
        return 0.0 if beat is None else self._clock.monotonic() - beat

    def ready(self) -> Health:
        """Whether it does its part: state restored, partitions dealt, not far behind."""
        snapshot = self.snapshot
        if snapshot is None:
            return _health("starting")
        if not snapshot.joined:
            return _health("the group has not dealt its partitions")
        known = [part.lag for part in snapshot.partitions if part.lag is not None]
        lag = sum(known)
        return _health(
            self.stopping() and "stopping",
            len(known) < len(snapshot.partitions) and "how far it is behind is not known yet",
            lag > self._ready_lag and f"{lag:,} records behind, at most {self._ready_lag:,}",
        )

    def say(self, said: Feedback) -> None:
        """Note what people say of an incident; of the oldest that is forgotten."""
        others = [each for each in self.said.items() if each[0] != said.incident]
        noted = (said.incident, Said(said.cause, rejected=said.rejected))
        self.said = dict([*others[1 - MOST_SAID :], noted])

    def status(self) -> DaemonStatus:
        """Return the process as a whole."""
        alive, ready, held = self.alive(), self.ready(), self.snapshot
        systems = () if held is None else held.systems
        phases: dict[str, int] = {}
        for system in systems:
            phases[system.phase] = phases.get(system.phase, 0) + 1
        return DaemonStatus(
            version=__version__,
            alive=alive.well,
            ready=ready.well,
            reasons=[*alive.reasons, *ready.reasons],
            started=timestamp(self._started),
            at=None if held is None else timestamp(held.at),
            records=0 if held is None else held.counted.records,
            rows=0 if held is None else held.counted.rows,
            phases=phases,
            no_data=sum(system.no_data for system in systems),
            partitions=[] if held is None else list(held.partitions),
            sinks=[] if held is None else list(held.sinks),
            follows=held is not None and held.follows,
        )

    @property
    def facts(self) -> dict[str, str]:
        """What this build is, for its metric."""
        return {"version": __version__, "python": ".".join(map(str, sys.version_info[:3]))}

    def now(self) -> float:
        """Return wall-clock time, unix seconds."""
        return self._clock.time()


def _health(*reasons: str | bool) -> Health:
    """Return what the reasons that hold say together."""
    found = tuple(reason for reason in reasons if isinstance(reason, str))
    return Health(not found, found)
