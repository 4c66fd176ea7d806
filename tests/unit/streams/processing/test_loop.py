"""The loop: order of a commit, crashes at each step, dead letters, lost partitions."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from typed import there

from streams.align.aligner import Aligner
from streams.clock import ManualClock
from streams.codec import NativeCodec
from streams.errors import DecodeError, SinkError
from streams.memory.broker import MemoryBroker, MemorySink, MemorySource
from streams.processing.dead_letters import DeadLetterPolicy, DeadLetters
from streams.processing.left_out import MAX_NAMES, LeftOut
from streams.processing.loop import Loop, LoopPolicy
from streams.records import Frame, Message, Problem, Record, TopicPartition

IN = TopicPartition("in", 0)


def row(time: float, system: str = "shop", value: float = 1.0) -> bytes:
    return json.dumps({"system": system, "timestamp": time, "metrics": {"a:x": value}}).encode()


def handler(frame: Frame) -> list[Message]:
    return [Message("out", frame.system.encode(), b"%d" % frame.time)]


class World:
    """A broker with input and output, and loops on it."""

    def __init__(self, partitions: int = 1) -> None:
        self.clock = ManualClock(1000.0)
        self.broker = MemoryBroker(self.clock)
        for topic in ("in", "out", "dlq"):
            self.broker.create_topic(topic, partitions if topic == "in" else 1)
        self.sink = MemorySink(self.broker)

    def put(self, *values: bytes, partition: int = 0) -> None:
        for value in values:
            self.broker.produce("in", None, value, partition=partition)

    def loop(self, **options: Any) -> Loop:
        source = MemorySource(self.broker, ["in"], "group", self.clock)
        letters = DeadLetters(DeadLetterPolicy("dlq", max_letters=2), self.clock)
        settings: dict[str, Any] = {
            "sink": self.sink,
            "handler": handler,
            "dead_letters": letters,
            "policy": LoopPolicy(commit_interval_s=0.0),
        } | options
        return Loop(
            source,
            settings.pop("sink"),
            NativeCodec().decode,
            settings.pop("handler"),
            lambda _: Aligner(1.0),
            self.clock,
            **settings,
        )

    def out(self, topic: str = "out") -> list[bytes]:
        return [r.value for r in self.broker.records(topic)]

    def committed(self) -> int | None:
        return self.broker.committed("group", IN)


class CrashError(Exception):
    """The process ends here."""


class TestCommit:
    def test_order(self) -> None:
        """A commit is: send, flush, checkpoint, commit."""
        world, steps = World(), []

        class Sink(MemorySink):
            def send(self, *message: Any, **more: Any) -> None:
                steps.append("1 send")
                super().send(*message, **more)

            def flush(self, timeout_s: float) -> None:
                steps.append("2 flush")
                super().flush(timeout_s)

        def checkpoint(offsets: dict[TopicPartition, int]) -> None:
            steps.append("3 checkpoint")
            assert {IN: 2} == offsets
            assert world.committed() is None

        world.put(row(1), row(2))
        world.loop(sink=Sink(world.broker), checkpoint=checkpoint).run_once()

        assert ["1 send", "2 flush", "3 checkpoint"] == steps
        assert 2 == world.committed()

    def test_nothing_new_commits_nothing(self) -> None:
        """Without records there is no flush, no checkpoint and no commit."""
        world, offsets = World(), list[Mapping[TopicPartition, int]]()
        loop = world.loop(checkpoint=offsets.append)
        loop.run_once()
        loop.commit()

        assert ([], 0, None) == (offsets, loop.commits, world.committed())

    def test_by_records(self) -> None:
        """A commit comes after so many records, though the time is not up."""
        world = World()
        world.put(*[row(t) for t in range(5)])
        policy = LoopPolicy(max_poll_records=1, commit_records=2, commit_interval_s=1e9)
        loop = world.loop(policy=policy)
        commits = []
        for _ in range(5):
            loop.run_once()
            commits.append(world.committed())

        assert [None, 2, 2, 4, 4] == commits

    def test_by_time(self) -> None:
        """A commit comes after so many seconds, though the records are few."""
        world = World()
        world.put(row(1))
        loop = world.loop(policy=LoopPolicy(commit_records=100, commit_interval_s=5.0))
        loop.run_once()
        before = world.committed()
        world.clock.advance(5.0)
        loop.run_once()

        assert (None, 1) == (before, world.committed())

    @pytest.mark.parametrize("step", ["send", "flush", "stored", "checkpoint"])
    def test_crash_at_any_step_loses_nothing(self, step: str) -> None:
        """After a crash at any step nothing is committed, and a new start gives every message."""
        world = World()

        def crash(*_: dict[TopicPartition, int]) -> None:
            raise CrashError

        class Sink(MemorySink):
            def send(self, *message: Any, **more: Any) -> None:
                if step == "send":
                    raise CrashError
                super().send(*message, **more)

            def flush(self, timeout_s: float) -> None:
                if step == "flush":
                    raise CrashError
                super().flush(timeout_s)
                if step == "stored":
                    raise CrashError

        world.put(row(1), row(2), row(3))
        with pytest.raises(CrashError):
            world.loop(sink=Sink(world.broker), checkpoint=crash).run_once()
        committed = world.committed()
        world.broker.leave("group", 1)
        world.loop().run_once()

        assert committed is None
        assert {b"1", b"2"} == set(world.out())
        assert 3 == world.committed()

    def test_failed_flush_stops(self) -> None:
        """If the sink cannot store a message nothing is committed."""
        world = World()
        world.put(row(1), row(2))
        loop = world.loop(handler=lambda _: [Message("nowhere", None, b"")])
        with pytest.raises(SinkError):
            loop.run_once()

        assert world.committed() is None

    def test_failed_handler_stops(self) -> None:
        """An exception of the handler ends the loop without a commit."""
        world = World()
        world.put(row(1), row(2))

        def fail(_: Frame) -> None:
            raise CrashError

        with pytest.raises(CrashError):
            world.loop(handler=fail).run()

        assert world.committed() is None


class TestRun:
    def test_stop(self) -> None:
        """A stop commits what was processed and leaves the open tick open."""
        world = World()
        world.put(row(1), row(2))
        polls = []
        policy = LoopPolicy(commit_interval_s=1e9)
        loop = world.loop(policy=policy, progress=lambda loop: polls.append(loop.records))
        loop.run(stop=lambda: len(polls) == 3)

        assert [2, 2, 2] == polls
        assert (2, [b"1"]) == (world.committed(), world.out())

    def test_restart_from_a_checkpoint(self) -> None:
        """State and offsets of a checkpoint together give what one run would have given."""
        world, saved = World(), list[Any]()
        world.put(row(1), row(2))
        first: Loop = world.loop(checkpoint=lambda o: saved.append((o, first.systems.state_dict())))
        first.run_once()
        world.broker.leave("group", 1)
        world.put(row(2.5, value=9.0), row(3))
        seen = []

        def see(frame: Frame) -> list[Message]:
            seen.append((frame.time, frame.values.tolist()))
            return []

        second = world.loop(handler=see)
        second.systems.load_state_dict(saved[-1][1])
        second.run_once()

        assert [(2.5, [9.0])] == seen
        assert {IN: 2} == saved[-1][0]

    def test_systems_are_apart(self) -> None:
        """Each system has its own watermark."""
        world = World()
        world.put(row(1), row(50, "other"), row(2), row(3))
        loop = world.loop()
        loop.run_once()

        assert [b"1", b"2"] == world.out()
        assert {"shop", "other"} == loop.systems.aligners.keys()


class TestDeadLetters:
    def test_bad_records_are_letters(self) -> None:
        """A bad record is kept with its bytes and reason, and the good ones go on."""
        world = World()
        world.put(row(1), b"garbage", row(2))
        loop = world.loop()
        loop.run_once()
        (letter,) = world.broker.records("dlq")

        assert ([b"1"], b"garbage", 3) == (world.out(), letter.value, world.committed())
        assert {
            "reason": b"$: JSON expected: Expecting value: line 1 column 1 (char 0)",
            "topic": b"in",
            "partition": b"0",
            "offset": b"1",
            "length": b"7",
            "left_out": b"1",
        } == dict(letter.headers)
        assert (3, 1, 1, 2) == (loop.records, loop.bad, loop.frames, loop.messages)

    def test_limit(self) -> None:
        """Beyond the limit bad records are only counted; the offset goes on."""
        world = World()
        world.put(*[b"garbage"] * 5)
        loop = world.loop()
        loop.run_once()

        assert (5, 2, 5) == (loop.bad, len(world.out("dlq")), world.committed())

    def test_a_record_is_used_and_kept(self) -> None:
        """What can be used of it counts; the letter has all of it, and names the parts."""
        world = World()
        wide = json.dumps({"system": "shop", "timestamp": 1, "metrics": {"a:x": 1, "b": 2, "c": 3}})
        world.put(wide.encode(), row(2))
        loop = world.loop()
        loop.run_once()
        (letter,) = world.broker.records("dlq")
        headers = dict(letter.headers)

        assert ([b"1"], wide.encode(), 1) == (world.out(), letter.value, loop.bad)
        assert (b"2", 2) == (headers["left_out"], headers["reason"].count(b"name of the form"))
        assert [("name", "b", 1), ("name", "c", 1)] == loop.left_out.most()

    def test_null_and_empty_values_are_counted_only(self) -> None:
        """Tombstones are no letters."""
        world = World()
        world.put(b"", b"", row(1))
        loop = world.loop()
        loop.run_once()

        assert ([], 0, {"empty": 2}) == (
            world.broker.records("dlq"),
            loop.bad,
            dict(loop.left_out.by_kind),
        )

    def test_a_letter_names_ten_parts(self) -> None:
        """And says how many more there are."""
        letters = DeadLetters(DeadLetterPolicy(), ManualClock())
        problems = [Problem("value", "m", f"[{i}]", "bad") for i in range(13)]
        letter = there(letters.letter(Record("t", 0, 0, None, b"v"), problems))
        reason = dict(letter.headers)["reason"]

        assert (10, True) == (reason.count(b"bad"), reason.endswith(b"; and 3 more"))

    def test_counts_are_bounded(self) -> None:
        """Metrics that were silent longest are forgotten; the sum by reason is not."""
        counts = LeftOut()
        for i in range(3 * MAX_NAMES):
            counts.count(
                [Problem("value", f"m{i}", "$", "bad"), Problem("value", "m0", "$", "bad")]
            )

        assert MAX_NAMES == len(counts.by_name)
        assert {"value": 6 * MAX_NAMES} == dict(counts.by_kind)
        assert ("value", "m0", 3 * MAX_NAMES + 1) == counts.most()[0]

    def test_without_dead_letters(self) -> None:
        """Bad records are counted if there is no place for them."""
        world = World()
        world.put(b"garbage")
        loop = world.loop(dead_letters=None)
        loop.run_once()

        assert (1, 0, 1) == (loop.bad, loop.messages, world.committed())

    def test_too_many_systems(self) -> None:
        """A system beyond the cap is a dead letter; the known ones go on."""
        world = World()
        world.put(row(1), row(1, "other"), row(2))
        loop = world.loop(policy=LoopPolicy(max_systems=1, commit_interval_s=0.0))
        loop.run_once()

        assert (1, [b"1"], ["shop"]) == (loop.bad, world.out(), [*loop.systems.aligners])

    def test_window(self) -> None:
        """A new window allows new letters, and the rest was counted."""
        clock = ManualClock()
        letters = DeadLetters(DeadLetterPolicy(max_letters=1, window_s=60.0), clock)
        record = Record("in", 0, 0, b"k", b"v", headers=(("old", b"1"),))
        problems = [DecodeError.of(record, "bad \ud800").problem()]
        made = [letters.letter(record, problems), letters.letter(record, problems)]
        clock.advance(60.0)
        made.append(letters.letter(record, problems))

        assert [True, False, True] == [letter is not None for letter in made]
        assert (2, 1) == (letters.written, letters.suppressed)
        assert (b"k", b"$: bad \\ud800", ("old", b"1")) == (
            there(made[0]).key,
            dict(there(made[0]).headers)["reason"],
            there(made[0]).headers[-1],
        )

    def test_long_records_are_cut(self) -> None:
        """A letter fits into its topic, whatever the record was, and says how long that was."""
        letters = DeadLetters(DeadLetterPolicy(max_bytes=10), ManualClock())
        record = Record("in", 0, 0, b"k" * 20, b"v" * 30, headers=(("old", b"1" * 9),))
        letter = there(letters.letter(record, [DecodeError.of(record, "bad").problem()]))

        assert (b"k" * 2, b"v" * 10) == (letter.key, letter.value)
        assert (b"30", None) == (dict(letter.headers)["length"], dict(letter.headers).get("old"))

    @pytest.mark.parametrize("wrong", [{"max_letters": -1}, {"window_s": 0}, {"max_bytes": 0}])
    def test_rejects(self, wrong: dict[str, Any]) -> None:
        """A policy that makes no sense is refused."""
        with pytest.raises(ValueError, match="`DeadLetterPolicy` requires"):
            DeadLetterPolicy(**wrong)


class TestTransactions:
    def test_commit_of_another_kind(self) -> None:
        """What takes the place of the source's commit gets the same offsets, in the same place."""
        world, commits = World(), list[Mapping[TopicPartition, int]]()
        world.put(row(1), row(2))
        loop = world.loop(commit=commits.append)
        loop.run_once()

        assert ([{IN: 2}], None) == (commits, world.committed())

    def test_commit_after_send(self) -> None:
        """With messages sent there is a commit before the next poll; without there is none."""
        world = World()
        loop = world.loop(policy=LoopPolicy(commit_interval_s=1e9, commit_after_send=True))
        made = []
        for value in (row(1), row(2), row(2)):
            world.put(value)
            loop.run_once()
            made.append((loop.messages, loop.commits))

        assert [(0, 0), (1, 1), (1, 1)] == made


class TestRebalance:
    def test_lost_partitions_are_forgotten(self) -> None:
        """Systems of a lost partition are dropped and named; the new owner reads them again."""
        world, lost = World(partitions=2), list[frozenset[str]]()
        for partition in range(2):
            world.put(row(1, f"s{partition}"), row(2, f"s{partition}"), partition=partition)
        policy = LoopPolicy(commit_interval_s=1e9)
        one = world.loop(policy=policy, lost=lost.append)
        one.run_once()
        two = world.loop(policy=policy)
        two.run_once()
        one.commit()  # refused: a partition of it is gone
        refused = one.commits
        one.run_once()
        one.commit()

        assert [two.systems.aligners.keys()] == lost
        assert {"s0", "s1"} == one.systems.aligners.keys() | two.systems.aligners.keys()
        assert (0, 1, 2) == (refused, one.commits, two.records)

    def test_restored_state_waits_for_its_partition(self) -> None:
        """A first poll without an assignment does not throw a restored state away."""
        world = World()
        world.put(row(1))
        first = world.loop()
        first.run_once()
        keeper = world.loop(lost=pytest.fail)
        keeper.systems.load_state_dict(first.systems.state_dict())
        keeper.run_once()

        assert ["shop"] == [*keeper.systems.aligners]

    def test_restore_comes_before_the_first_record(self) -> None:
        """New partitions are restored and sought before any of their records is processed."""
        world, restored = World(partitions=2), []
        world.put(row(1), row(2), row(3))

        def restore(partitions: frozenset[TopicPartition]) -> None:
            restored.append((partitions, loop.records))
            loop._source.seek(IN, 2)

        loop = world.loop(restore=restore)
        loop.run(stop=lambda: loop.records > 0)
        world.loop()  # takes a partition away
        loop.run_once()

        assert [(frozenset({IN, TopicPartition("in", 1)}), 0)] == restored
        assert 1 == loop.records

    def test_no_systems_allowed(self) -> None:
        """A cap of no systems is a mistake."""
        with pytest.raises(ValueError, match="max_systems >= 1, got 0"):
            World().loop(policy=LoopPolicy(max_systems=0))


def test_stop_is_heard_between_two_records() -> None:
    """What was polled but not processed is neither handled nor committed."""
    broker = MemoryBroker(ManualClock())
    broker.create_topic("in")
    for t in range(10):
        broker.produce("in", b"s", row(t))
    source, handled = MemorySource(broker, ["in"], "g", ManualClock()), []

    def handle(frame: Frame) -> list[Message]:
        handled.append(frame.time)
        return []

    loop = Loop(
        source,
        MemorySink(broker),
        NativeCodec().decode,
        handle,
        lambda _: Aligner(1.0),
        ManualClock(),
    )
    loop.run(stop=lambda: len(handled) >= 3)

    assert handled == [0.0, 1.0, 2.0]
    assert source.committed(TopicPartition("in", 0)) == loop.records < 10


class TestRepeat:
    """Records whose messages were committed, but not the state that followed from them."""

    def test_nothing_is_sent_twice_and_the_state_is_made_up_for(self) -> None:
        """Messages and letters before the end are left out; a frame across it is whole."""
        world = World()
        world.put(row(0.0), b"junk", row(1.0), row(2.0), row(3.0))
        caught: list[tuple[TopicPartition, int]] = []
        loop: Loop = world.loop(caught_up=lambda tp: caught.append((tp, loop.records)))
        loop.repeat(IN, 3)
        assert loop.repeating == {IN}
        for _ in range(3):
            loop.run_once()

        assert ([b"1", b"2"], []) == (world.out(), world.out("dlq"))
        assert ([(IN, 3)], set()) == (caught, loop.repeating)
        assert (5, 3) == (loop.records, loop.frames)

    def test_the_group_never_moves_back(self) -> None:
        """A commit in between keeps what the process before has committed."""
        world = World()
        world.put(*(row(float(t)) for t in range(6)))
        loop = world.loop(policy=LoopPolicy(commit_interval_s=0.0, max_poll_records=1))
        loop.repeat(IN, 4)
        reached = []
        for _ in range(6):
            loop.run_once()
            reached.append(world.committed())

        assert [4, 4, 4, 4, 5, 6] == reached

    def test_a_partition_that_goes_is_forgotten(self) -> None:
        """Who gets it back reads what its last owner committed."""
        world = World(partitions=2)
        loop = world.loop()
        loop.run_once()
        loop.repeat(IN, 4)
        MemorySource(world.broker, ["in"], "group", world.clock).poll(1, 0.0)
        loop.run_once()
        loop.run_once()
        assert loop.repeating <= loop._owned
