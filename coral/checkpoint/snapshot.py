"""What a checkpoint holds: for each partition its offset, and all systems that come from it.

A partition is the unit that moves between the members of a consumer group, so it is the unit that
is saved: its systems and the offset up to which they have seen its records stay together.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from msgspec import MsgspecError

from coral.checkpoint import envelope
from coral.checkpoint.store import Refused, Store
from coral.errors import CoralError, CorruptCheckpointError, ForeignCheckpointError
from streams.processing.systems import Systems
from streams.records import TopicPartition

__all__ = ["DOES_NOT_FIT", "Keeps", "capture", "key_of", "load", "restore", "save"]

State = dict[str, Any]

# What loading raises when a state is not one of this version, configuration or system.
DOES_NOT_FIT = (
    *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError),
    *(CoralError, MsgspecError),
)


class Keeps(Protocol):
    """What goes into a checkpoint: it returns its state and continues from one."""

    def state_dict(self) -> State:
        """Return everything needed to go on identically; later changes do not show in it."""

    def load_state_dict(self, state: State) -> None:
        """Continue from what `state_dict` returned, or raise ValueError."""


_Engine = TypeVar("_Engine", bound=Keeps)


def key_of(partition: TopicPartition) -> str:
    """Key under which the state of a partition is kept."""
    return f"{partition.topic}/{partition.partition}"


def capture(
    offsets: Mapping[TopicPartition, int],
    systems: Systems,
    engines: Mapping[str, Keeps],
    decoders: Mapping[TopicPartition, State] | None = None,
) -> dict[TopicPartition, State]:
    """Take a snapshot of every partition; quick, and untouched by what happens afterwards.

    Parameters
    ----------
    offsets : mapping
        Next offset to read of each partition.
    systems : Systems
        Aligners of the loop.
    engines : mapping
        Engine of each system that has one.
    decoders : mapping, optional
        What the decoder must remember of the records of a partition.
    """
    held = systems.state_dict()
    snapshots: dict[TopicPartition, State] = {
        partition: {
            "offset": offset,
            "decoder": None if decoders is None else decoders.get(partition),
            "systems": {},
        }
        for partition, offset in sorted(offsets.items())
    }
    for name in sorted(held["aligners"]):
        home = TopicPartition(*held["home"][name])
        if home in snapshots:
            engine = engines.get(name)
            snapshots[home]["systems"][name] = {
                "aligner": held["aligners"][name],
                "engine": None if engine is None else engine.state_dict(),
                "life": held["lives"].get(name),
            }
    return snapshots


def restore(
    partition: TopicPartition,
    snapshot: State,
    systems: Systems,
    engine: Callable[[str], _Engine],
    refused: Refused,
) -> dict[str, _Engine]:
    """Continue with the systems of a snapshot; seek to its offset before the next poll.

    Parameters
    ----------
    partition : TopicPartition
    snapshot : dict
        Of `capture` or `load`.
    systems : Systems
        Gets the aligners.
    engine : callable
        System id to a new engine for it.
    refused : callable
        Gets a system whose state does not fit its configuration, and why. It starts anew; the
        others continue.

    Returns
    -------
    dict
        Restored engines.
    """
    engines: dict[str, _Engine] = {}
    for name, held in snapshot["systems"].items():
        try:
            if held["engine"] is not None:
                restored = engine(name)
                restored.load_state_dict(held["engine"])
            life = held.get("life")  # older checkpoints have none, nor have configured systems
            systems.load_state_dict(
                {
                    "aligners": {name: held["aligner"]},
                    "home": {name: tuple(partition)},
                    "lives": {name: life} if life else {},
                }
            )
        except DOES_NOT_FIT as error:
            refused(name, ForeignCheckpointError(f"system {name!r}: {error}"))
            continue
        if held["engine"] is not None:
            engines[name] = restored
    return engines


def save(store: Store, snapshots: Mapping[TopicPartition, State]) -> int:
    """Store snapshots and return their bytes; may run in another thread than the engines.

    Raises
    ------
    StoreError
        If one could not be stored; all before it were.
    """
    size = 0
    for partition, snapshot in snapshots.items():
        key = key_of(partition)
        data = envelope.encode(key, snapshot)
        store.save(key, data)
        size += len(data)
    return size


def load(store: Store, partition: TopicPartition, refused: Refused) -> State | None:
    """Return the newest valid snapshot of a partition, None if there is none.

    Raises
    ------
    StoreError
        If the store cannot be read.
    """
    key = key_of(partition)

    def decode(data: bytes) -> State:
        snapshot = envelope.decode(key, data)
        if not isinstance(snapshot.get("offset"), int) or "systems" not in snapshot:
            raise CorruptCheckpointError(f"a snapshot expected, got {sorted(snapshot)}")
        return snapshot

    return store.load(key, decode, refused)
