"""All systems of one loop: an aligner for each, and the one partition it comes from."""

from collections import Counter
from collections.abc import Callable, Container, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple

from streams.align.aligner import Aligner
from streams.errors import DecodeError
from streams.records import Frame, Record, Samples, TopicPartition

# A system is silent for at least so many records of each other one before it makes room.
_ROUNDS: Final = 8


class _Life(NamedTuple):
    """First and newest record of a system, counted in its partition: no clock can be wrong."""

    born: int
    heard: int


class Systems:
    """Aligners by system, made when a system first appears.

    A partition is what moves between the members of a group, so a system belongs to the partition
    it was first seen in: records of it from any other one are refused. Otherwise two members
    could own halves of it, and neither would know.

    When there are `max_systems`, a new one takes the place of the one that has been silent for
    longest, if that is for longer than it lived; otherwise it is refused. So neither systems that
    are gone nor a flood of names lock others out.

    Parameters
    ----------
    aligner : callable
        System id to a new `Aligner` for it.
    max_systems : int
        Most systems at a time beside the configured ones, >= 1.
    configured : container of str
        Systems that are always taken and never leave.
    left : callable
        Gets a system that made room.

    Attributes
    ----------
    displaced : int
        Systems that made room so far.
    """

    def __init__(
        self,
        aligner: Callable[[str], Aligner],
        max_systems: int,
        configured: Container[str] = frozenset(),
        left: Callable[[str], None] = lambda _: None,
    ) -> None:
        if max_systems < 1:
            raise ValueError(f"`Systems` requires max_systems >= 1, got {max_systems!r}.")
        self._new_aligner = aligner
        self._max_systems = max_systems
        self._aligners: dict[str, Aligner] = {}
        self._home: dict[str, TopicPartition] = {}
        self._configured, self._left = configured, left
        self._lives: dict[str, _Life] = {}  # of those that are not configured
        self._records: Counter[TopicPartition] = Counter()
        self.displaced = 0

    @property
    def aligners(self) -> Mapping[str, Aligner]:
        """Aligner of each system, for its counters and its watermark."""
        return self._aligners

    def home(self, system: str) -> TopicPartition | None:
        """Return the partition that a system comes from, None if it is not known."""
        return self._home.get(system)

    def push(self, samples: Samples, record: Record) -> list[Frame]:
        """Return the frames that samples decoded from `record` complete.

        Raises
        ------
        DecodeError
            If they belong to a new system and there is no room, or to one of another partition.
        """
        home = self._home.setdefault(samples.system, record.topic_partition)
        if home != record.topic_partition:
            reason = (
                f"records from {home.topic}[{home.partition}] alone expected, where this system "
                "was first seen; give all records of a system the same key, or use coral rekey"
            )
            raise DecodeError.of(record, reason, "system", "system")
        self._records[home] += 1
        aligner = self._aligners.get(samples.system)
        if aligner is None:
            if not self._has_room_for(samples.system):
                del self._home[samples.system]
                reason = (
                    f"at most {self._max_systems} systems expected, got a further one; raise "
                    "limits.max_systems, or name it in [systems]"
                )
                raise DecodeError.of(record, reason, "system", "system")
            aligner = self._aligners[samples.system] = self._new_aligner(samples.system)
        if samples.system not in self._configured:
            now = self._records[home]
            self._lives[samples.system] = _Life(self._lives.get(samples.system, (now,))[0], now)
        return aligner.push(samples)

    def _has_room_for(self, system: str) -> bool:
        """Whether there is room for a new system; the one silent for longest may have to leave."""
        if system in self._configured or len(self._lives) < self._max_systems:
            return True
        oldest = max(self._lives, key=self._silent_for)
        if not self._may_go(oldest):
            return False
        self._drop(oldest)
        self.displaced += 1
        self._left(oldest)
        return True

    def _silent_for(self, system: str) -> int:
        """Return how many records of its partition came after its newest."""
        return self._records[self._home[system]] - self._lives[system].heard

    def _may_go(self, system: str) -> bool:
        """Whether a system has been silent for so long that it makes room where there is none."""
        born, heard = self._lives[system]
        return self._silent_for(system) > max(heard - born, _ROUNDS * len(self._aligners))

    def _drop(self, system: str) -> None:
        del self._aligners[system], self._home[system]
        self._lives.pop(system, None)

    def flush(self) -> list[Frame]:
        """Close the open ticks of every system, in order of their ids."""
        return [
            frame for system in sorted(self._aligners) for frame in self._aligners[system].flush()
        ]

    def forget(self, partitions: AbstractSet[TopicPartition]) -> frozenset[str]:
        """Drop the systems that come from these partitions, and return their ids."""
        gone = frozenset(system for system, tp in self._home.items() if tp in partitions)
        for system in gone:
            self._drop(system)
        return gone

    def state_dict(self) -> dict[str, Any]:
        """Return the state of all aligners, and where each system comes from.

        Where there is no room left, those that may leave are not in it: a restart keeps none of
        a flood of names.
        """
        lives = self._lives.items()
        full = len(lives) >= self._max_systems
        going = {name for name, _ in lives if full and self._may_go(name)}
        kept = ((system, a) for system, a in self._aligners.items() if system not in going)
        return {
            "aligners": {system: a.state_dict() for system, a in kept},
            "home": {system: tuple(tp) for system, tp in self._home.items()},
            # Records that it lived for, and has been silent for since.
            "lives": {name: [one.heard - one.born, self._silent_for(name)] for name, one in lives},
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
            if system not in self._configured:
                lived, silent = state.get("lives", {}).get(system, (0, 0))
                heard = self._records[home] - silent
                self._lives[system] = _Life(heard - lived, heard)
