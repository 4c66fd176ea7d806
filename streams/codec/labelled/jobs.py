"""Jobs of Prometheus by what the data show: one entity, or one for each of their instances."""

from collections.abc import Collection
from typing import Any, Final

from streams.codec.labelled.readable import host

WINDOW_S: Final = 300.0
"""How long after a job was first seen another instance of it splits it, seconds. An instance that
comes later takes the place of one that went, or is one more replica."""

MAX_SYSTEMS: Final = 1000
"""Most systems whose jobs are told apart; the first ones make room."""

MAX_JOBS: Final = 1000
"""Most jobs of one system that are told apart."""

MAX_INSTANCES: Final = 1000
"""Most instances of one job that are looked at to decide."""


class _Job:
    __slots__ = ("first", "hosts", "is_split", "with_ports")

    def __init__(self, first: float) -> None:
        self.first = first
        self.hosts: dict[str, str] = {}  # to the first instance on each
        self.is_split = False
        self.with_ports = False


class Jobs:
    """The jobs of all systems of one topic, and which of them have several instances.

    Attributes
    ----------
    changes : int
        How often a job turned out to be another one than it seemed; what was named before then is
        to be named anew.
    """

    def __init__(self) -> None:
        self._systems: dict[str, dict[str, _Job]] = {}
        self.changes = 0

    def entity(self, system: str, job: str, instance: str, time: float) -> str:
        """Return the entity of a series.

        Parameters
        ----------
        system : str
        job, instance : str
            Labels of the series; "" where it has none.
        time : float
            When its record was written, unix seconds.

        Returns
        -------
        str
            The job; if it has several instances ``<job>/<host>``, with the port if two of them
            are on one host. "" without a job.
        """
        if not job or not instance:
            return job
        jobs = self._systems.get(system)
        if jobs is None:
            jobs = self._systems[system] = {}
            if len(self._systems) > MAX_SYSTEMS:
                del self._systems[next(iter(self._systems))]
        known = jobs.pop(job, None) or _Job(time)
        jobs[job] = known  # the newest stand at the end
        if len(jobs) > MAX_JOBS:
            del jobs[next(iter(jobs))]
        if time - known.first <= WINDOW_S and len(known.hosts) < MAX_INSTANCES:
            self._look(known, instance)
        if not known.is_split:
            return job
        if known.with_ports:
            return f"{job}/{instance.rpartition('://')[2].replace(':', '-')}"
        return f"{job}/{host(instance)}"

    def _look(self, known: _Job, instance: str) -> None:
        name = host(instance)
        if name not in known.hosts:
            known.hosts[name] = instance
            if len(known.hosts) == 2:
                known.is_split = True
                self.changes += 1
        elif known.hosts[name] != instance and not known.with_ports:
            known.is_split = known.with_ports = True
            self.changes += 1

    def forget(self, systems: frozenset[str]) -> None:
        """Drop systems that went to another member of the group."""
        for system in systems & self._systems.keys():
            del self._systems[system]

    def keep(self, systems: Collection[str]) -> None:
        """Drop all systems but these."""
        self.forget(frozenset(self._systems.keys() - systems))

    def state(self, system: str) -> list[Any]:
        """Return what is known of the jobs of a system as plain values."""
        jobs = self._systems.get(system, {})
        return [
            [job, held.first, held.is_split, held.with_ports, [*held.hosts.items()]]
            for job, held in jobs.items()
        ]

    def load(self, system: str, state: list[Any]) -> None:
        """Continue from what `state` returned."""
        jobs = self._systems[system] = {}
        for job, first, is_split, with_ports, hosts in state:
            jobs[job] = held = _Job(first)
            held.is_split, held.with_ports = is_split, with_ports
            held.hosts = dict(map(tuple, hosts))
