"""A recording as a source: its rows as records, at the pace of a clock."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from streams.clock import Clock
from streams.codec.native import encode_row
from streams.errors import UnassignedError
from streams.recorded.problem import RecordingError
from streams.recorded.recording import Recording
from streams.records import Record, TopicPartition

_Row = tuple[float, NDArray[np.float64]]

# A row due within a millisecond is due: waiting for less is beyond what clocks can do.
_DUE_S = 1e-3


class RecordedSource:
    """Source that yields each row of a recording as one native row.

    The recording is partition 0 of the topic "recorded"; key = system, offset = number of the
    row. Commits live in this object only.

    Parameters
    ----------
    recording : Recording
    clock : Clock
        Paces the rows.
    speed : float, optional
        Seconds of the recording per second of the clock; None = as fast as it is polled. The
        first row read, also after a `seek`, is due at once.

    Examples
    --------
    >>> source = RecordedSource(recording, SystemClock(), speed=60)  # doctest: +SKIP
    >>> while not source.exhausted:  # doctest: +SKIP
    ...     records = source.poll(100, timeout_s=0.5)
    """

    def __init__(self, recording: Recording, clock: Clock, speed: float | None = None) -> None:
        if speed is not None and not speed > 0:
            raise ValueError(f"`RecordedSource` requires speed > 0, got {speed!r}.")
        self._recording = recording
        self._clock = clock
        self._speed = speed
        self._partition = TopicPartition("recorded", 0)
        self._key = recording.meta.system.encode()
        self._committed: int | None = None
        self._paused = False
        self._rows: Iterator[_Row] = iter(())
        self._next: _Row | None = None
        self._broken: RecordingError | None = None
        self._offset = 0
        self._started: tuple[float, float] | None = None
        self._restart()

    @property
    def exhausted(self) -> bool:
        """Whether every row has been returned."""
        return self._next is None and self._broken is None

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Return the rows that are due, at most `max_records`; waits for the first one.

        Raises
        ------
        RecordingError
            Where the recording turns out to be broken, once all rows before it were returned.
        """
        records: list[Record] = []
        wait = timeout_s
        while self._next is not None and not self._paused and len(records) < max_records:
            due = self._due_in(self._next[0])
            if due > _DUE_S:
                if records or due > wait:
                    break
                self._clock.sleep(due)
                wait -= due
                continue
            records.append(self._record(*self._next))
            self._offset += 1
            self._advance()
        if not records and self._next is None and self._broken is not None:
            raise self._broken
        if not records and not self.exhausted:
            self._clock.sleep(max(wait, 0.0))
        return records

    def assignment(self) -> frozenset[TopicPartition]:
        """Return the one partition."""
        return frozenset((self._partition,))

    def position(self, partition: TopicPartition) -> int:
        """Return the number of the row `poll` will return next."""
        self._check(partition)
        return self._offset

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Make row `offset` the next one; beyond the last row the source is exhausted."""
        self._check(partition)
        if offset < 0:
            raise ValueError(f"`RecordedSource.seek` requires offset >= 0, got {offset!r}.")
        if offset < self._offset:
            self._restart()
        while self._offset < offset and self._next is not None:
            self._offset += 1
            self._advance()
        self._offset = offset
        self._started = None

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Remember the offset."""
        for partition, offset in offsets.items():
            self._check(partition)
            self._committed = offset

    def committed(self, partition: TopicPartition) -> int | None:
        """Return the offset last committed."""
        self._check(partition)
        return self._committed

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Let `poll` return nothing."""
        for partition in partitions:
            self._check(partition)
            self._paused = True

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Undo `pause`."""
        for partition in partitions:
            self._check(partition)
            self._paused = False

    def beginning_offset(self, partition: TopicPartition) -> int:
        """Return 0."""
        self._check(partition)
        return 0

    def end_offset(self, partition: TopicPartition) -> int | None:
        """Return the number of rows if the labels tell, else None: rows are not read ahead."""
        self._check(partition)
        return self._recording.meta.n_rows or None

    def lag(self) -> dict[TopicPartition, int | None]:
        """Return how many rows were not read yet, if the labels tell how many there are."""
        partition, rows = self._partition, self._recording.meta.n_rows
        return {partition: max(rows - self._offset, 0) if rows else None}

    def close(self) -> None:
        """Forget the open file."""
        self._rows = iter(())
        self._next = self._broken = None

    def _check(self, partition: TopicPartition) -> None:
        if partition != self._partition:
            raise UnassignedError(partition)

    def _restart(self) -> None:
        self._rows = self._recording.rows()
        self._offset = 0
        self._started = None
        self._advance()

    def _advance(self) -> None:
        """Read one row ahead; a fault found there must not cost the rows before it."""
        self._broken = None
        try:
            self._next = next(self._rows, None)
        except RecordingError as e:
            self._next, self._broken = None, e

    def _due_in(self, time: float) -> float:
        """Return the seconds on the clock until the row of event time `time` is due."""
        if self._speed is None:
            return 0.0
        now = self._clock.monotonic()
        if self._started is None:
            self._started = (now, time)
        started, first = self._started
        return started + (time - first) / self._speed - now

    def _record(self, time: float, values: NDArray[np.float64]) -> Record:
        recording = self._recording
        value = encode_row(recording.meta.system, time, recording.names, values)
        topic, partition = self._partition
        return Record(topic, partition, self._offset, self._key, value, int(time * 1000))
