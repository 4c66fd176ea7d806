"""What a topic holds: systems, entities, series, how often they come, and what may call what."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from statistics import median
from typing import Final

from coral.localise.golden_signals import proposed
from coral.localise.layout import metric_of
from coral.localise.roles import Role, role_of
from streams.base import Source
from streams.clock import Clock
from streams.errors import DecodeError
from streams.processing.left_out import LeftOut
from streams.records import Decoded, Record, Samples
from streams.series import entity_of
from streams.topology import ends_of

__all__ = ["PEERS", "SystemSurvey", "TopicSurvey", "likely_health_signals", "survey"]

POLL_RECORDS: Final = 500
POLL_S: Final = 0.5
MAX_SERIES: Final = 20_000
"""Most series of a system, and systems, that are listed."""

MAX_GAPS: Final = 10_000
PEERS: Final = ("server.address", "peer.service", "net.peer.name")
"""Labels in which a caller names what it calls."""

_PEER = re.compile(rf"[{{,](?:{'|'.join(map(re.escape, PEERS))})=([^,}}]*)")


class SystemSurvey:
    """One system of a topic.

    Attributes
    ----------
    entities : dict of str to set of str
        Series of each entity, by the names they have without further labels.
    calls : set of (str, str)
        Caller and callee, where the labels of a series name another entity.
    behind_s : float
        How much older than the newest a sample was at most, seconds.
    """

    def __init__(self) -> None:
        self.entities: defaultdict[str, set[str]] = defaultdict(set)
        self.behind_s = 0.0
        self._peers: set[tuple[str, str]] = set()
        self._last: dict[str, float] = {}
        self._gaps: list[float] = []
        self._newest = 0.0

    def add(self, samples: Samples) -> None:
        """Take the samples of one instant."""
        self.behind_s = max(self.behind_s, self._newest - samples.time)
        self._newest = max(self._newest, samples.time)
        for name in samples.names:
            last = self._last.get(name)
            if last is None and len(self._last) >= MAX_SERIES:
                continue
            self._last[name] = max(samples.time, last or 0.0)
            if last is None:
                self._name(name)
            elif samples.time > last and len(self._gaps) < MAX_GAPS:
                self._gaps.append(samples.time - last)

    def _name(self, name: str) -> None:
        entity = entity_of(name)
        if (ends := ends_of(entity)) is not None:
            self._peers.add(ends)
            return
        self._peers |= {(entity, peer) for peer in _PEER.findall(name)}
        plain = _PEER.sub(lambda held: held[0][0] if held[0][0] == "{" else "", name)
        self.entities[entity].add(plain.replace("{,", "{").replace("{}", ""))

    @property
    def calls(self) -> set[tuple[str, str]]:
        """Caller and callee, both of them entities here."""
        by_name = {entity.rpartition("/")[2]: entity for entity in self.entities}
        by_name |= {entity: entity for entity in self.entities}
        known = (
            (by_name.get(caller), by_name.get(peer) or by_name.get(peer.partition(".")[0]))
            for caller, peer in self._peers
        )
        return {(a, b) for a, b in known if a is not None and b is not None and a != b}

    @property
    def cadence_s(self) -> float | None:
        """Seconds between two values of a series, the median; None: none came twice."""
        return median(self._gaps) if self._gaps else None

    @property
    def health_signals(self) -> list[str]:
        """Latencies and errors that are likely to show what users feel.

        Of the entities that no other one calls, where calls are known; else of all.
        """
        series = sorted(name for held in self.entities.values() for name in held)
        return likely_health_signals(series, [(callee, caller) for caller, callee in self.calls])

    def kinds(self, entity: str) -> Counter[str]:
        """Return how many series of each kind of signal an entity has."""
        return Counter(role_of(metric_of(name)).value for name in self.entities[entity])


def likely_health_signals(
    series: Sequence[str], edges: Sequence[tuple[str, str]] = ()
) -> list[str]:
    """Return the latencies and errors that are likely to show what users feel.

    Parameters
    ----------
    series : sequence of str
    edges : sequence of (str, str)
        Known topology, (cause, effect): then only where effects end.
    """
    found = proposed(series, edges) or series
    roles = {name: role_of(metric_of(name)) for name in found}
    return [
        name
        for name, role in roles.items()
        if role is Role.ERROR or (role is Role.LATENCY and "p95" in metric_of(name))
    ] or [name for name, role in roles.items() if role is Role.LATENCY]


class TopicSurvey:
    """All that a topic showed.

    Attributes
    ----------
    records : int
        Looked at.
    systems : dict of str to SystemSurvey
    left_out : LeftOut
        Parts of records that could not be used.
    """

    def __init__(self) -> None:
        self.records = 0
        self.systems: dict[str, SystemSurvey] = {}
        self.left_out = LeftOut()

    def take(self, decode: Callable[[Record], Decoded], record: Record) -> None:
        """Look at one record."""
        self.records += 1
        try:
            samples, problems = decode(record)
        except DecodeError as error:
            samples, problems = [], [error.problem()]
        self.left_out.count(problems)
        for part in samples:
            if part.system in self.systems or len(self.systems) < MAX_SERIES:
                self.systems.setdefault(part.system, SystemSurvey()).add(part)


def survey(
    source: Source, decode: Callable[[Record], Decoded], seconds: float, clock: Clock
) -> TopicSurvey:
    """Return what comes out of a source within some time.

    Parameters
    ----------
    source : Source
    decode : callable
        Record to samples and problems, with `PEERS` among the labels that stay in names.
    seconds : float
        How long to look, on the clock.
    clock : Clock
    """
    found, end = TopicSurvey(), clock.monotonic() + seconds
    while clock.monotonic() < end and not source.exhausted:
        for record in source.poll(POLL_RECORDS, POLL_S):
            found.take(decode, record)
    return found
