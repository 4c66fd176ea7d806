"""A recording through the daemon, in this process and with its page: what `coral run` does."""

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from rich.console import Console

from coral.checkpoint import FileStore
from coral.contract.events import INCIDENTS, decode
from coral.contract.feedback import Feedback, encode
from coral.daemon.daemon import Daemon
from coral.daemon.log import configure
from coral.daemon.models import keeping
from coral.daemon.outside import shown
from coral.daemon.warmup import warm
from coral.http.board import Board
from coral.replay.driver import METRICS, BrokerFed
from coral.report.console import RevisionPrinter
from coral.settings import Settings
from coral.settings.sections import Http, System
from streams.clock import SystemClock
from streams.memory.broker import MemoryBroker
from streams.recorded import Recording
from streams.recorded.ndjson import NdjsonSink
from streams.records import Headers
from streams.topology import Topology

__all__ = ["shown_recording"]

FEEDBACK: Final = Path("feedback.ndjson")
LOOKS_EVERY_S: Final = 0.2


class _PrintingSink(NdjsonSink):
    """Stores events, and says what is new in them."""

    def __init__(self, out: BinaryIO, console: Console) -> None:
        super().__init__(out)
        self._tell = RevisionPrinter(console)
        self.events = 0

    def send(self, topic: str, key: bytes | None, value: bytes, headers: Headers = ()) -> None:
        if topic == INCIDENTS:
            super().send(topic, key, value, headers)
            self.events += 1
            self._tell(decode(value))


def shown_recording(
    recording: Recording,
    speed: float | None,
    out: BinaryIO,
    console: Console,
    port: int,
    stop: Callable[[], bool],
) -> bool:
    """Run a recording, and show it until `stop` says so; return whether anything was found.

    Parameters
    ----------
    recording : Recording
    speed : float or None
        Seconds of the recording per second; None = as fast as possible.
    out : binary file
        Gets the events.
    console : Console
    port : int
        Of the page; 0 = a free one.
    stop : callable

    Raises
    ------
    ListenError
        If the port cannot be had.
    """
    configure("error")
    clock, broker = SystemClock(), MemoryBroker()
    broker.create_topic(METRICS)
    settings = _settings(recording, port)
    board, told = Board(clock, settings.http.ready_lag), _PrintingSink(out, console)
    with tempfile.TemporaryDirectory() as home, shown(settings.http, board, _kept) as address:
        console.print(f"The page: {address} (Ctrl-C ends it)", highlight=False)
        warm()  # a loop that waits for a compiler answers no question
        source = BrokerFed(recording, broker, clock, speed)
        store = FileStore(Path(home))
        daemon = Daemon(settings, source, told, store, clock, board.beat, board=board)
        with keeping(daemon.models, board):
            daemon.run(stop)
        console.print("The recording has ended; the page stays until Ctrl-C.")
        ended = threading.Event()
        while not stop():
            board.beat()
            daemon.show()
            ended.wait(LOOKS_EVERY_S)
    return told.events > 0


def _settings(recording: Recording, port: int) -> Settings:
    """Return what the daemon may know of a recording; labels stay behind."""
    meta = recording.meta
    facts = {key: getattr(meta, key) for key in ("interval_s", "kpi", *Topology.__struct_fields__)}
    return Settings(systems={meta.system: System(**facts)}, http=Http(port=port))


def _kept(said: Feedback) -> str:
    """Store feedback where `coral feedback` does without Kafka."""
    with FEEDBACK.open("ab") as lines:
        lines.write(encode(said) + b"\n")
    return str(FEEDBACK)
