"""Rows for the daemons of a cluster, and what must come out of them, each event once."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

from chaos import PATIENT, SETTINGS, expected_of
from chaos import rows_of as shop_of
from daemons import BUNDLED, replayed, rows_of
from kafkas import Broker

from coral.contract.events import decode
from streams.kafka import KafkaSink
from streams.recorded import Recording

RECORDED = BUNDLED / "pool-leak__orders"
PARTITIONS = 3
TOPICS = {"metrics": "coral.metrics.v1", "events": "coral.incidents.v1"}
SYSTEMS = 6  # of a wave: two on each partition

PATIENCE_S = 120.0


def systems() -> dict[str, Any]:
    """The section `systems` of a configuration for all that is sent here."""
    meta = Recording.open(RECORDED).meta
    shop = {
        "interval_s": meta.interval_s,
        "kpi": list(meta.kpi),
        "edges": [list(e) for e in meta.edges],
    }
    return {"*": SETTINGS, meta.system: shop}


class Load:
    """What is sent and what is expected so far.

    Parameters
    ----------
    broker : Broker
    home : Path
        For the files of `coral replay`.
    """

    def __init__(self, broker: Broker, home: Path) -> None:
        self.wanted: dict[str, bytes] = {}
        self._broker, self._home = broker, home
        self._sink = KafkaSink(broker.connection, overrides=PATIENT)
        self._waves: list[Wave] = []

    def recorded(self) -> set[str]:
        """Send a recorded incident; return the ids of the events that `coral replay` prints."""
        with redirect_stdout(StringIO()):
            events = replayed(RECORDED, self._home)
        for row in rows_of(RECORDED):
            self._sink.send(TOPICS["metrics"], b"shop", row, partition=0)
        self._sink.flush(60)
        return self._expect(events)

    def wave(self, rows_per_s: float = 12.0) -> "Wave":
        """Begin to send rows of new systems, all of which fail towards the end."""
        number = len(self._waves) + 1
        rows = {f"wave{number}-{i}": shop_of(f"wave{number}-{i}", i) for i in range(SYSTEMS)}
        ids = set[str]()
        for name, sent in rows.items():
            ids |= self._expect(expected_of(name, sent))
        self._waves.append(Wave(self._sink, rows, rows_per_s, ids))
        return self._waves[-1]

    def _expect(self, events: Sequence[bytes]) -> set[str]:
        new = {decode(event).id: event for event in events}
        self.wanted |= new
        return set(new)

    def published(self) -> list[tuple[str, bytes]]:
        """Ids and bytes of what a reader of committed events sees."""
        found = [record.value for record in self._broker.records(TOPICS["events"])]
        return [(decode(value).id, value) for value in found if value]

    def wait(self, ids: set[str], patience_s: float = PATIENCE_S) -> float:
        """Return when these events are published, and how long that took, s.

        Raises
        ------
        RuntimeError
            If they are not in time.
        """
        begun = time.monotonic()
        missing = ids
        while missing := ids - {name for name, _ in self.published()}:
            if time.monotonic() - begun > patience_s:
                raise RuntimeError(f"{len(missing)} of {len(ids)} events are not published")
            time.sleep(0.5)
        return round(time.monotonic() - begun, 1)

    def settle(self) -> None:
        """Return when all that was begun is sent and published, as far as that comes."""
        for wave in self._waves:
            wave.sent()
        with suppress(RuntimeError):
            self.wait(set(self.wanted))

    def verdict(self) -> dict[str, int]:
        """What is wrong with all that was published."""
        self._broker.decided(TOPICS["events"])
        found = self.published()
        ids = Counter(name for name, _ in found)
        contents = Counter(name for name, _ in {*found, *self.wanted.items()})
        return {
            "expected": len(self.wanted),
            "published": len(found),
            "lost": len(self.wanted.keys() - ids.keys()),
            "twice": sum(ids.values()) - len(ids),
            "two_contents": sum(count > 1 for count in contents.values()),
            "unexpected": len(ids.keys() - self.wanted.keys()),
        }

    def close(self) -> None:
        """Close the producer."""
        self._sink.close()


class Wave:
    """Rows of some systems, sent at a pace by a thread of its own.

    Attributes
    ----------
    ids : set of str
        Of the events that they lead to.
    """

    def __init__(
        self, sink: KafkaSink, rows: dict[str, list[bytes]], rows_per_s: float, ids: set[str]
    ) -> None:
        self._sink, self._rows, self._pace, self.ids = sink, rows, 1.0 / rows_per_s, ids
        self._failed: list[BaseException] = []
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self) -> None:
        try:
            for t in range(max(map(len, self._rows.values()))):
                for i, (system, rows) in enumerate(self._rows.items()):
                    partition = i % PARTITIONS
                    self._sink.send(
                        TOPICS["metrics"], system.encode(), rows[t], partition=partition
                    )
                self._sink.flush(300)
                time.sleep(self._pace)
        except BaseException as error:
            self._failed.append(error)
            raise

    def sent(self) -> None:
        """Return when all rows are sent."""
        self._thread.join()
        if self._failed:
            raise RuntimeError(f"the rows were not sent: {self._failed[0]}")
