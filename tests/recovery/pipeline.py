"""A process between two topics, put together as the daemon is, that can be killed at any step.

Its handler is a running sum: a record processed twice, or left out, shows in every later message.
"""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from streams.align.aligner import Aligner
from streams.clock import SystemClock
from streams.codec import NativeCodec
from streams.kafka import (
    CompactedTopic,
    KafkaConnection,
    KafkaSink,
    KafkaSource,
    TransactionalSink,
)
from streams.processing.loop import Loop, LoopPolicy
from streams.processing.watchdog import Watchdog
from streams.records import Frame, Message, TopicPartition

MEMBER = {"heartbeat_interval_ms": 100, "session_timeout_ms": 3_000, "retry_backoff_ms": 20}
PRODUCER = {"linger_ms": 0}
PARTITIONS = 2
PATIENT = 60


class Job(msgspec.Struct):
    """What a run is told, as JSON on the command line."""

    bootstrap: str
    metrics: str
    events: str
    states: str
    group: str
    member: str
    exactly_once: bool
    kill_at: str = ""
    kill_after: int = 1
    calm: int = 3  # polls at the end of everything before it ends


class Pipeline:
    """Loop, state and its way into the compacted topic and back."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.steps: Counter[str] = Counter()
        self.sums: dict[str, tuple[int, float]] = {}
        connection = KafkaConnection(job.bootstrap, client_id=job.member)
        self.source = KafkaSource(connection, [job.metrics], job.group, overrides=MEMBER)
        self.sink: KafkaSink | TransactionalSink
        store: Callable[[Mapping[TopicPartition, int]], None]
        if job.exactly_once:
            self.sink = TransactionalSink(
                connection,
                self.source,
                [job.events, job.states],
                f"{job.group}-{job.member}",
                overrides=PRODUCER,
            )
            store = self.sink.commit
        else:
            self.sink = KafkaSink(connection, overrides=PRODUCER)
            store = self.source.commit
        self.states = CompactedTopic(connection, job.states, self.sink)
        self.loop = Loop(
            self.source,
            self.sink,
            NativeCodec().decode,
            self.handle,
            lambda _: Aligner(1.0),
            SystemClock(),
            policy=LoopPolicy(
                max_poll_records=7,
                poll_timeout_s=0.1,
                commit_records=10,
                commit_interval_s=1e9,
                commit_after_send=job.exactly_once,
            ),
            checkpoint=self.checkpoint,
            commit=self.killed_around("commit", store),
            restore=self.restore,
            lost=self.lose,
        )
        self.sink.send = self.killed_around("send", self.sink.send)  # type: ignore[method-assign]
        self.sink.flush = self.killed_around("flush", self.sink.flush)  # type: ignore[method-assign]

    def handle(self, frame: Frame) -> Iterator[Message]:
        """Every third frame says what all frames so far add up to."""
        count, total = self.sums.get(frame.system, (0, 0.0))
        count, total = count + 1, total + float(frame.values.sum())
        self.sums[frame.system] = (count, total)
        if count % 3 == 0:
            body = {"id": f"{frame.system}:{count}", "total": total, "writer": self.job.member}
            yield Message(self.job.events, frame.system.encode(), msgspec.json.encode(body))

    def checkpoint(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Store each partition's offset and systems under its name."""
        held = self.loop.systems.state_dict()
        for partition, offset in offsets.items():
            mine = [s for s, home in held["home"].items() if tuple(home) == partition]
            state = {
                "offset": offset,
                "sums": {s: self.sums[s] for s in mine if s in self.sums},
                "systems": {part: {s: held[part][s] for s in mine} for part in held},
            }
            data = msgspec.msgpack.encode(state, enc_hook=lambda array: array.tolist())
            self.killed_around("checkpoint", self.states.write)(key(partition), data)

    def restore(self, partitions: Iterable[TopicPartition]) -> None:
        """Go on from the newest stored state of each partition."""
        for partition in partitions:
            for data in self.states.read(key(partition))[:1]:
                state = msgspec.msgpack.decode(data, strict=False)
                self.loop.systems.load_state_dict(state["systems"])
                self.sums |= {s: tuple(held) for s, held in state["sums"].items()}
                self.source.seek(partition, state["offset"])

    def lose(self, systems: Iterable[str]) -> None:
        """Forget what another member goes on with."""
        for system in systems:
            self.sums.pop(system, None)

    def killed_around(self, step: str, work: Callable[..., object]) -> Callable[..., None]:
        """Do the work of a step; at the chosen time die before or after it."""

        def run(*args: Any) -> None:
            self.die_at(f"before-{step}")
            work(*args)
            self.die_at(f"after-{step}")

        return run

    def die_at(self, step: str) -> None:
        """Die as by `kill -9`, if this is the step and the time to."""
        self.steps[step] += 1
        if step == self.job.kill_at and self.steps[step] == self.job.kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    def run(self) -> None:
        """Run until everything was read, then end in good order."""
        done = 0

        def stop() -> bool:
            nonlocal done
            watchdog.beat()
            owned = self.source.assignment()
            read = all(self.source.position(p) == self.source.end_offset(p) for p in owned)
            done = done + 1 if owned and read else 0
            # The rest may still be a dead member's, until its session times out.
            return done > (self.job.calm if len(owned) == PARTITIONS else PATIENT)

        with Watchdog(60.0) as watchdog:
            self.loop.run(stop)
        self.sink.close()
        self.source.close()


def key(partition: TopicPartition) -> str:
    """Name of a partition's state."""
    return f"{partition.topic}/{partition.partition}"


if __name__ == "__main__":
    Pipeline(msgspec.json.decode(sys.argv[1], type=Job)).run()
