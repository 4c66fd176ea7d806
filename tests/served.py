"""A daemon on the in-memory broker, seen through a real server on a real socket."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from coral.checkpoint import FileStore
from coral.contract.alerts import ALERTS, Alert
from coral.daemon.alerts_inbox import AlertsPost, addresses_of, alerts_inbox
from coral.daemon.daemon import Daemon
from coral.daemon.inbox import Inbox
from coral.daemon.notify.notifiers import Notifiers
from coral.http.api import application
from coral.http.board import Board
from coral.http.incident_answers import Give
from coral.http.page.routes import Page
from coral.http.server import listening, serving
from coral.settings import Settings, load
from coral.settings.sections import Http
from streams.clock import Clock, ManualClock
from streams.codec import encode_row
from streams.memory.broker import MemoryBroker, MemorySink, MemorySource

TOPIC = "coral.metrics.v1"
START = 1_700_000_000.0


class Answer(NamedTuple):
    """What a server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Reader:
    """Asks a server on this machine."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, path: str, method: str = "GET", body: str = "", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body or None, sent)
            got = connection.getresponse()
            named = {name.lower(): value for name, value in got.getheaders()}
            return Answer(got.status, named, got.read())
        finally:
            connection.close()


def unexpected(error: Exception) -> None:
    """The server's thread ended: the test fails, as whatever it asks is not answered."""
    raise error


@contextmanager
def served(
    board: Board,
    patience_s: float = 10.0,
    give: Give | None = None,
    port: int = 0,
    **http: Any,
) -> Iterator[Reader]:
    """Show a board, with the page, at a port, by default a free one."""
    section, page = Http(**http), Page()
    listener = listening("127.0.0.1", port)
    # So little that a peer that takes nothing is soon noticed.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
    app = application(board, section, page.routes, page.public, give)
    with serving(app, listener, unexpected, patience_s):
        yield Reader(listener.getsockname()[1])


def settings_of(home: Path, text: str = "", flags: Iterable[str] = ()) -> Settings:
    """Settings with rows a second apart."""
    file = home / "coral.toml"
    file.write_text(text or '[systems."*"]\ninterval_s = 1\nkpi = ["web:latency_p95"]\n')
    return load(file, {}, flags).settings


def new_broker(clock: Clock) -> MemoryBroker:
    """A broker with the topics of a daemon."""
    broker = MemoryBroker(clock)
    for topic in (TOPIC, "coral.incidents.v1", "coral.metrics.dlq.v1"):
        broker.create_topic(topic)
    return broker


class World:
    """Broker, board and daemon, all in this process."""

    def __init__(
        self,
        home: Path,
        settings: Settings,
        clock: Clock | None = None,
        broker: MemoryBroker | None = None,
        notifiers: Notifiers | None = None,
        shadow: Settings | None = None,
        *,
        alerts: bool = False,
    ) -> None:
        self.clock = clock or ManualClock(START)
        self.board = Board(self.clock, settings.http.ready_lag)
        self.broker = broker or new_broker(self.clock)
        self.source = MemorySource(self.broker, [TOPIC], "coral", self.clock)
        store, sink = FileStore(home / "state"), MemorySink(self.broker)
        parts = (settings, self.source, sink, store, self.clock, self.board.beat)
        inboxes = [self._alerts(settings)] if alerts else []
        self.daemon = Daemon(*parts, inboxes, self.board, notifiers, shadow)

    def _alerts(self, settings: Settings) -> Inbox[Alert]:
        """The inbox of alerts, and who writes those of HTTP into its topic."""
        self.broker.create_topic(ALERTS)
        topic = MemorySource(self.broker, [ALERTS], "alerts", self.clock)
        addresses = addresses_of(settings)
        self.board.take_alerts = AlertsPost(MemorySink(self.broker), ALERTS, addresses)

        def read() -> list[bytes]:
            return [record.value for record in topic.poll(100, 0.0)]

        return alerts_inbox(read, addresses, self.clock, max_systems=10)

    def put(self, system: str, names: tuple[str, ...], rows: Iterable[Any], first: int = 0) -> None:
        """Write rows, one a second."""
        for t, row in enumerate(rows, first):
            value = encode_row(system, START + t, names, row)
            self.broker.produce(TOPIC, system.encode(), value)

    def read(self) -> None:
        """Let the daemon read all there is, and publish."""
        while True:
            before = self.daemon.loop.records
            self.clock.sleep(1.0)
            self.daemon.loop.run_once()
            if self.daemon.loop.records == before:
                break
        self.daemon.loop.commit()
        self.clock.sleep(1.0)
        self.daemon.loop.run_once()

    @contextmanager
    def running(self) -> Iterator[None]:
        """The daemon in a thread of its own, as a process has it."""
        end = threading.Event()
        thread = threading.Thread(target=partial(self.daemon.run, end.is_set))
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join(60)
            assert not thread.is_alive()


def until(reached: Callable[[], object]) -> None:
    """Wait until something holds."""
    waiting = threading.Event()
    for _ in range(1200):
        if reached():
            return
        waiting.wait(0.05)
    raise AssertionError(reached)
