"""Records, clocks, errors, registry: the bottom of `streams`."""

import msgspec
import pytest

from streams.clock import ManualClock, SystemClock
from streams.errors import DecodeError, UnassignedError
from streams.records import Record, TopicPartition
from streams.series import SeriesRegistry, entity_of


class TestRecord:
    def test_topic_partition(self) -> None:
        """A record knows its partition as a value that can be a key."""
        assert TopicPartition("t", 3) == Record("t", 3, 9, None, b"").topic_partition

    def test_immutable(self) -> None:
        """A record cannot be changed."""
        with pytest.raises(AttributeError):
            Record("t", 3, 9, None, b"").offset = 10  # type: ignore[misc]

    def test_is_a_value(self) -> None:
        """Two records of the same content are equal."""
        record = Record("t", 0, 1, b"k", b"v", 5, (("h", b"1"),))

        assert record == msgspec.structs.replace(record)


class TestClock:
    def test_manual_clock_moves_when_told(self) -> None:
        """Sleeping and advancing move both readings."""
        clock = ManualClock(10.0)
        clock.sleep(2.0)
        clock.advance(0.5)

        assert (12.5, 12.5) == (clock.time(), clock.monotonic())

    def test_manual_clock_never_goes_back(self) -> None:
        """Time cannot be advanced by a negative amount."""
        with pytest.raises(ValueError, match="seconds >= 0, got -1"):
            ManualClock().advance(-1)

    def test_system_clock(self) -> None:
        """The system clock is past 2023, and monotonic."""
        clock = SystemClock()
        before = clock.monotonic()
        clock.sleep(0.0)

        assert clock.time() > 1.7e9
        assert clock.monotonic() >= before


class TestErrors:
    def test_decode_error_says_where(self) -> None:
        """The text has path, rule and position."""
        error = DecodeError.of(Record("t", 1, 42, None, b""), "number expected", "metrics.`a:b`")

        assert "metrics.`a:b`: number expected (topic t, partition 1, offset 42)" == str(error)

    def test_unassigned_error_names_the_partition(self) -> None:
        """The text has topic and partition."""
        assert "t[3] is not assigned to this source" == str(UnassignedError(TopicPartition("t", 3)))


class TestSeriesRegistry:
    def test_index_never_changes(self) -> None:
        """A name keeps its index whatever is added later and in whatever order it is asked for."""
        registry = SeriesRegistry(10)
        first = registry.index(["a:x", "b:x"]).tolist()
        later = registry.index(["c:x", "b:x", "a:x"]).tolist()

        assert [[0, 1], [2, 1, 0]] == [first, later]
        assert ("a:x", "b:x", "c:x") == registry.names

    def test_names_are_the_same_object(self) -> None:
        """The tuple of names is replaced only when a name is added."""
        registry = SeriesRegistry(10)
        registry.index(["a:x"])
        names = registry.names
        registry.index(["a:x"])
        same = registry.names is names
        registry.index(["b:x"])

        assert (True, False) == (same, registry.names is names)

    def test_cap(self) -> None:
        """Beyond the cap names are refused, old ones still found, and offenders named."""
        registry = SeriesRegistry(1)
        found = registry.index(["a:x", "pod:1", "pod:2", "web:1", "a:x"]).tolist()

        assert [0, -1, -1, -1, 0] == found
        assert [("pod", 2), ("web", 1)] == registry.top_refused()
        assert 1 == len(registry)

    def test_offenders_are_bounded(self) -> None:
        """A flood of new entities does not grow the memory of the offenders."""
        registry = SeriesRegistry(1)
        registry.index(["a:x"] + ["big:x"] * 50 + [f"pod-{i}:x" for i in range(5000)])

        assert ("big", 50) == registry.top_refused(1)[0]
        assert len(registry.top_refused(10_000)) <= 1024

    def test_rejects_no_room(self) -> None:
        """A registry without room is a mistake."""
        with pytest.raises(ValueError, match="max_series >= 1, got 0"):
            SeriesRegistry(0)

    def test_entity_is_before_the_first_colon(self) -> None:
        """Metric names may hold colons, entity names not."""
        assert "job" == entity_of("job:http:rate5m")
