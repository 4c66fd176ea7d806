"""Immutable values that travel through a stream: records, samples, frames, messages."""

import math
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

Headers: TypeAlias = tuple[tuple[str, bytes], ...]


class TopicPartition(NamedTuple):
    """One partition of one topic; sorts by topic, then partition."""

    topic: str
    partition: int


class Record(msgspec.Struct, frozen=True, gc=False):
    """One message as it lies in a partition.

    Parameters
    ----------
    topic, partition, offset
        Where it lies. Offsets grow within a partition, not always by one.
    key : bytes or None
        System id on CORAL's input topics.
    value : bytes
        Payload, not decoded.
    timestamp_ms : int
        Broker or producer time in unix milliseconds; CORAL itself uses the time in the payload.
    headers : tuple of (str, bytes)
        In the order sent; names may repeat.
    unread : str
        Why this record, and those before it that are missing, could not be read; "" = it was.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    timestamp_ms: int = 0
    headers: Headers = ()
    unread: str = ""

    @property
    def topic_partition(self) -> TopicPartition:
        """Partition the record lies in."""
        return TopicPartition(self.topic, self.partition)


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message to send: a record that has no partition and no offset yet."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers = ()


class Samples(msgspec.Struct, frozen=True, eq=False):
    """Values of one system at one instant, as decoded from a record.

    Parameters
    ----------
    system : str
        Id of the monitored system, not empty.
    time : float
        Event time, unix seconds.
    names : tuple of str, length n
        ``<entity>:<metric>``, without repetition. Codecs return the *same object* while the
        names stay the same, so that consumers may cache by identity.
    values : ndarray of shape (n,), float64, NaN = missing
        One value per name.
    """

    system: str
    time: float
    names: tuple[str, ...]
    values: NDArray[np.float64]


ProblemKind: TypeAlias = Literal[
    "empty",
    "form",
    "labels",
    "limit",
    "name",
    "no_counter",
    "not_metrics",
    "seen_once",
    "start",
    "system",
    "time",
    "value",
]
"""What is wrong, in one word out of a closed list, to count by."""

UNWRITTEN: Final[frozenset[ProblemKind]] = frozenset(("empty", "no_counter", "seen_once"))
"""Problems that are counted only: there is nothing in the record to look at."""


class Problem(NamedTuple):
    """A part of a record that could not be used.

    Parameters
    ----------
    kind : str
        Which sort of rule was broken.
    metric : str
        Name of the metric as it came; "" where the part has none.
    where : str
        Path in the payload; "$" is the payload as a whole.
    reason : str
        The rule and the value that came.
    """

    kind: ProblemKind
    metric: str
    where: str
    reason: str

    def __str__(self) -> str:
        """Return path, rule and value."""
        return f"{self.where}: {self.reason}"


EMPTY: Final = Problem("empty", "", "$", "a payload expected, got none")
"""What is wrong with a record whose value is null or empty."""


class Decoded(NamedTuple):
    """What a record holds: the interface of every codec.

    Parameters
    ----------
    samples : list of Samples
        Of all parts that could be used, in the order of the record.
    problems : sequence of Problem
        One for each part that could not, and for what was noticed on the way.
    """

    samples: list[Samples]
    problems: Sequence[Problem] = ()


class Late(NamedTuple):
    """Samples of one source that came too late to be used.

    Parameters
    ----------
    source : str
        Their entity.
    samples : int
        How many.
    seconds : float
        How far behind the newest event time, at most.

    Examples
    --------
    >>> Late("db", 3, 300.2).lateness_s
    301
    """

    source: str
    samples: int
    seconds: float

    @property
    def lateness_s(self) -> int:
        """A `lateness_s` with which they are in time."""
        return math.ceil(self.seconds)


class Frame(msgspec.Struct, frozen=True, eq=False):
    """All series of one system at one tick of its grid.

    Parameters
    ----------
    system : str
        Id of the monitored system.
    time : float
        Largest event time of the samples in this tick, unix seconds.
    names : tuple of str, length n
        New ones come at the end, those that have left are gone, the others keep their order. The
        *same object* as in the frame before while neither happens, so that consumers test ``is``.
    values : ndarray of shape (n,), float64, read-only, NaN = missing
        One value per name.
    late : tuple of Late
        What came since the frame before for ticks already closed.
    """

    system: str
    time: float
    names: tuple[str, ...]
    values: NDArray[np.float64]
    late: tuple[Late, ...] = ()
