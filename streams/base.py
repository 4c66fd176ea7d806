"""The two ports of a stream, `Source` and `Sink`, and the offset contract between them."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from streams.records import Headers, Record, TopicPartition


class Source(Protocol):
    """Where records come from: one member of a consumer group.

    An offset is always that of the NEXT record to read. Committing offset X for a partition means
    that a consumer that starts from the group's commits gets a record with an offset of at least
    X first; X - 1 counts as processed. To say that the record at offset X is done, commit X + 1.

    Within a partition records arrive in the order of their offsets, each offset at most once
    between two seeks. Across partitions there is no order. Offsets may have holes.

    *Position* (next offset `poll` will read, lives in this object) and *committed* (lives in the
    group, survives this object) are independent: only `commit` moves the committed offset, there
    is no automatic commit. After a crash the next member starts at the committed offset, so every
    record that was not committed is delivered again: at least once.

    The order of a commit is fixed, whoever drives the source:

    1. ``sink.send`` everything that follows from the records,
    2. ``sink.flush``, which returns only when all of it is stored,
    3. write the checkpoint (state and offsets),
    4. ``source.commit`` the same offsets.

    A crash between any two steps then repeats work, but loses none. Finish 1-4 before the next
    `poll`: the assignment changes only inside `poll` and `close`, never between.

    A source belongs to one thread.

    Examples
    --------
    >>> records = source.poll(500, timeout_s=0.5)  # doctest: +SKIP
    >>> source.commit({r.topic_partition: r.offset + 1 for r in records})  # doctest: +SKIP
    """

    @property
    def exhausted(self) -> bool:
        """Whether no record will ever come again; a broker's source is never exhausted."""
        ...

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Return the next records, at most `max_records` >= 1, at once if there are any.

        Never blocks longer than `timeout_s` seconds; returns an empty list then. A position that
        fell out of the log (retention) is reset by the source's reset policy, never an error.

        A partition that came to this member during a poll yields its first record in the next
        one: between the two its state can be restored and its position sought. One that went and
        came back, with another owner in between, is seen to be gone first.
        """
        ...

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the partitions this source owns now; may be empty before the first `poll`."""
        ...

    def position(self, partition: TopicPartition) -> int:
        """Return the offset of the next record `poll` will read.

        Raises
        ------
        UnassignedError
            If the partition is not assigned.
        """
        ...

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Make `offset` the next one to read; the committed offset stays.

        Raises
        ------
        UnassignedError
            If the partition is not assigned.
        ValueError
            If `offset` is negative.
        """
        ...

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Store `offsets` (next record to read) for the group; returns when they are stored.

        Raises
        ------
        CommitFailedError
            If one of the partitions belongs to another member now; nothing is stored.
        """
        ...

    def committed(self, partition: TopicPartition) -> int | None:
        """Return the offset the group has committed, None if it never did."""
        ...

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Let `poll` return nothing of these partitions; they stay assigned, positions stay.

        Raises
        ------
        UnassignedError
            If one of them is not assigned.
        """
        ...

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Undo `pause`; resuming a partition that is not paused does nothing.

        Raises
        ------
        UnassignedError
            If one of them is not assigned.
        """
        ...

    def beginning_offset(self, partition: TopicPartition) -> int:
        """Return the offset of the first record still in the log."""
        ...

    def end_offset(self, partition: TopicPartition) -> int | None:
        """Return the offset the next record written will get; None if it cannot be known."""
        ...

    def lag(self) -> Mapping[TopicPartition, int | None] | None:
        """Return how many records of each owned partition were not read yet; asks nobody.

        A number is None while it is not known, and all is None until the group has dealt its
        partitions, of which this source may get none.
        """
        ...

    def close(self) -> None:
        """Leave the group without committing; the source must not be used after that."""
        ...


class Sink(Protocol):
    """Where messages go.

    `send` only queues. A message counts as stored when a `flush` that began after its `send` has
    returned; before that a crash may lose it, or may not. Messages of one key keep their order.

    Examples
    --------
    >>> sink.send("coral.incidents.v1", b"shop", b"{}")  # doctest: +SKIP
    >>> sink.flush(timeout_s=30.0)  # doctest: +SKIP
    """

    def send(self, topic: str, key: bytes | None, value: bytes, headers: Headers = ()) -> None:
        """Queue one message.

        Raises
        ------
        SinkError
            If the message can already be known to be undeliverable.
        """
        ...

    def flush(self, timeout_s: float) -> None:
        """Return when every message sent before is stored, within `timeout_s` seconds.

        Raises
        ------
        SinkError
            If one of them failed or was not acknowledged in time: do not commit.
        """
        ...

    def close(self) -> None:
        """Give up the connection without flushing."""
        ...
