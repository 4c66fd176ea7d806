"""All systems of one loop: an aligner for each, and the one partition it comes from."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from streams.align.aligner import Aligner
from streams.errors import DecodeError
from streams.records import Frame, Record, Samples, TopicPartition


class Systems:
    """Aligners by system, made when a system first appears.

    A partition is what moves between the members of a group, so a system belongs to the partition
    it was first seen in: records of it from any other one are refused. Otherwise two members
    could own halves of it, and neither would know.

    Parameters
    ----------
    aligner : callable
        System id to a new `Aligner` for it.
    max_systems : int
        Further systems are refused, >= 1.
    """

    def __init__(self, aligner: Callable[[str], Aligner], max_systems: int) -> None:
        if max_systems < 1:
            raise ValueError(f"`Systems` requires max_systems >= 1, got {max_systems!r}.")
        self._new_aligner = aligner
        self._max_systems = max_systems
        self._aligners: dict[str, Aligner] = {}
        self._home: dict[str, TopicPartition] = {}

    @property
    def aligners(self) -> Mapping[str, Aligner]:
        """Aligner of each system, for its counters and its watermark."""
        return self._aligners

    def push(self, samples: Samples, record: Record) -> list[Frame]:
        """Return the frames that samples decoded from `record` complete.

        Raises
        ------
        DecodeError
            If they belong to a new system and there are `max_systems` already, or to one of
            another partition.
        """
        home = self._home.setdefault(samples.system, record.topic_partition)
        if home != record.topic_partition:
            reason = (
                f"records from {home.topic}[{home.partition}] alone expected, where this system "
                "was first seen; give all records of a system the same key, or use coral rekey"
            )
            raise DecodeError.of(record, reason, "system")
        aligner = self._aligners.get(samples.system)
        if aligner is None:
            if len(self._aligners) >= self._max_systems:
                del self._home[samples.system]
                reason = f"at most {self._max_systems} systems expected, got a further one"
                raise DecodeError.of(record, reason, "system")
            aligner = self._aligners[samples.system] = self._new_aligner(samples.system)
        return aligner.push(samples)

    def flush(self) -> list[Frame]:
        """Close the open ticks of every system, in order of their ids."""
        return [
            frame for system in sorted(self._aligners) for frame in self._aligners[system].flush()
        ]

    def forget(self, partitions: AbstractSet[TopicPartition]) -> frozenset[str]:
        """Drop the systems that come from these partitions, and return their ids."""
        gone = frozenset(system for system, tp in self._home.items() if tp in partitions)
        for system in gone:
            del self._aligners[system], self._home[system]
        return gone

    def state_dict(self) -> dict[str, Any]:
        """Return the state of all aligners, and where each system comes from."""
        return {
            "aligners": {system: a.state_dict() for system, a in self._aligners.items()},
            "home": {system: tuple(tp) for system, tp in self._home.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned.

        Raises
        ------
        ValueError
            If the state of a system does not fit its aligner, or it is known from another
            partition; those before it are taken over.
        """
        for system, held in state["aligners"].items():
            home = TopicPartition(*state["home"][system])
            known = self._home.get(system, home)
            if known != home:
                raise ValueError(f"{home} expected to be its only partition, got {known} too.")
            aligner = self._new_aligner(system)
            aligner.load_state_dict(held)
            self._aligners[system] = aligner
            self._home[system] = home
