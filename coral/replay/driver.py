"""Driver of the engine over recordings: the same loop and the same `Engine.step` as the daemon."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from coral.config import EngineConfig, SystemConfig
from coral.contract.events import Event, message_of
from coral.contract.feedback import Feedback
from coral.engine import Engine
from coral.replay.beside import NOTHING, Beside, tell
from streams.align.aligner import Aligner
from streams.base import Sink, Source
from streams.clock import Clock
from streams.codec.native import NativeCodec
from streams.memory.broker import MemoryBroker, MemorySource
from streams.processing.loop import Loop
from streams.recorded import RecordedSource, Recording, RecordingMeta
from streams.records import Frame, Headers, Message, Record
from streams.topology import Topology

__all__ = [
    "METRICS",
    "BrokerFed",
    "NullSink",
    "Progress",
    "replay",
    "system_of",
]

METRICS = "coral.metrics.v1"


class Progress(NamedTuple):
    """Where a replay stands after a frame."""

    frame: Frame
    frames: int
    events: list[Event]  # of this frame
    engine: Engine

    @property
    def time(self) -> float:
        """Event time, unix s."""
        return self.frame.time


def system_of(meta: RecordingMeta, *, topology: bool = True, digest: str = "") -> SystemConfig:
    """Return what the engine may know of a recording: grid, health signals, known edges.

    Labels stay behind. `digest`, of what it holds, tells its incidents from those of others.
    """
    if not topology:
        known: tuple[str, ...] = ()
    elif meta.edge_semantics == "none":  # which way its edges run nobody knows
        known = ("order",)
    else:
        known = Topology.__struct_fields__
    facts = {key: getattr(meta, key) for key in ("interval_s", "kpi", *known)}
    return SystemConfig(name=meta.system, recording=digest, **facts)


def replay(
    source: Source,
    sink: Sink,
    system: SystemConfig,
    clock: Clock,
    *,
    config: EngineConfig | None = None,
    onset: float | None = None,
    feedback: Iterable[Feedback] = (),
    beside: Beside = NOTHING,
    observe: Callable[[Progress], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Loop:
    """Run one system's records through the engine; events go to the sink.

    Parameters
    ----------
    source, sink : Source, Sink
    system : SystemConfig
    clock : Clock
        Only for the pace of commits; events depend on event time alone.
    config : EngineConfig, optional
    onset : float, optional
        Told event time of the first faulty row, unix s (oracle mode).
    feedback : iterable of Feedback
        Confirmed causes; those of other systems are left out.
    beside : Beside
        What else is known of the system; each is told before the first row that is not older.
    observe : callable
        Called after every frame.
    stop : callable
        Ends the replay early when it returns True.

    Raises
    ------
    RecordingError
        Where the recording turns out to be broken, after all rows before it.
    """
    engine = Engine(system, config, onset=onset)
    for given in feedback:
        if given.system == system.name:
            engine.confirm(given)
    frames, coming = 0, deque(beside.told())

    def handle(frame: Frame) -> Iterable[Message]:
        nonlocal frames
        frames += 1
        while coming and coming[0][0] <= frame.time:
            tell(engine, coming.popleft()[1])
        events = engine.step(frame)
        observe(Progress(frame, frames, events, engine))
        return [message_of(event) for event in events]

    def aligner(_: str) -> Aligner:
        return Aligner(system.interval_s)

    loop = Loop(source, sink, NativeCodec().decode, handle, aligner, clock)
    loop.run(stop)
    return loop


class BrokerFed(MemorySource):
    """Consumer of an in-memory broker's metrics topic that a recording is produced into.

    Every poll first produces the rows that are due, so that a recorded incident takes the way of
    live data: producer, topic, consumer group.

    Parameters
    ----------
    recording : Recording
    broker : MemoryBroker
        Must have the topic `METRICS`.
    clock : Clock
    speed : float or None
        Seconds of the recording per second; None = as fast as possible.
    """

    def __init__(
        self, recording: Recording, broker: MemoryBroker, clock: Clock, speed: float | None
    ) -> None:
        super().__init__(broker, [METRICS], "coral", clock)
        self._metrics = broker
        self._recorded = RecordedSource(recording, clock, speed)

    @property
    def exhausted(self) -> bool:
        """Whether the recording has ended and everything of it was polled."""
        return self._recorded.exhausted and all(
            self.position(tp) == self._metrics.end_offset(tp) for tp in self.assignment()
        )

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """Produce what is due, then poll the broker."""
        if not self._recorded.exhausted:
            for row in self._recorded.poll(max_records, timeout_s):
                self._metrics.produce(METRICS, row.key, row.value)
            timeout_s = 0.0
        return super().poll(max_records, timeout_s)


class NullSink:
    """Sink that stores nothing; for those who only observe."""

    def send(self, topic: str, key: bytes | None, value: bytes, headers: Headers = ()) -> None:
        """Drop the message."""

    def flush(self, timeout_s: float) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
