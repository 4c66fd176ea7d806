"""From a recording into a topic, and from a topic into a recording."""

import json
import re
import signal
import time
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from kafkas import Broker
from makers import shop_rows, write_recording
from webhooks import alertmanager, fired

from coral.cli import record as command
from coral.cli import record_silence
from coral.cli.main import main
from coral.contract.events import encode
from coral.errors import Exit
from coral.replay.alerts import recorded_alerts
from coral.replay.changes import recorded_changes
from coral.replay.driver import replay, system_of
from streams.base import Source
from streams.clock import SystemClock
from streams.kafka import KafkaSource
from streams.memory.broker import MemoryBroker, MemorySink
from streams.recorded import RecordedSource, Recording, validate
from streams.records import Frame

CASE = Path(str(files("coral") / "recordings")) / "pool-leak__orders"
CLOCK = r"\d\d:\d\d:\d\d"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return Recording.open(CASE)


@pytest.fixture
def filled(kafka: Broker) -> str:
    """A topic that the command produced the recording into."""
    topic = kafka.topic(partitions=2)
    where = ["--kafka", kafka.connection.bootstrap, "--topic", topic]
    assert Exit.OK == main(["replay", str(CASE), *where, "--speed", "max"])
    return topic


class Drained(KafkaSource):
    """A reader that is done at the end of the log."""

    @property
    def exhausted(self) -> bool:
        owned = self.assignment()
        return bool(owned) and all(self.position(p) == self.end_offset(p) for p in owned)


def events(source: Source, recording: Recording) -> list[bytes]:
    """What the engine publishes, byte by byte."""
    found: list[bytes] = []
    replay(
        source,
        MemorySink(broker_of_events()),
        system_of(recording.meta),
        SystemClock(),
        observe=lambda step: found.extend(encode(event) for event in step.events),
    )
    return found


def broker_of_events() -> MemoryBroker:
    broker = MemoryBroker()
    broker.create_topic("coral.incidents.v1")
    return broker


class TestReplayIntoKafka:
    def test_every_row_is_there(self, kafka: Broker, filled: str, recording: Recording) -> None:
        """Each row of the recording is one record, keyed by its system, in order."""
        records = kafka.records(filled)
        rows = RecordedSource(recording, SystemClock()).poll(100_000, 0)

        assert [row.value for row in rows] == [record.value for record in records]
        assert {recording.meta.system.encode()} == {record.key for record in records}

    def test_same_events(self, kafka: Broker, filled: str, recording: Recording) -> None:
        """By way of Kafka the engine publishes the same bytes as from the folder."""
        straight = events(RecordedSource(recording, SystemClock()), recording)
        by_kafka = events(Drained(kafka.connection, [filled], f"group-{filled}"), recording)

        assert straight
        assert straight == by_kafka


class TestRecord:
    def test_there_and_back(
        self, kafka: Broker, filled: str, recording: Recording, tmp_path: Path
    ) -> None:
        """What is recorded from the topic is the recording it came from."""
        rows = list(recording.rows())
        meta, out = recording.meta, tmp_path / "window"
        arguments = ["record", meta.system, "--kafka", kafka.connection.bootstrap]
        arguments += ["--topic", filled, "--since", "3600", "--out", str(out)]
        arguments += ["--interval", str(meta.interval_s), "--kpi", meta.kpi[0]]
        arguments += ["--seconds", str(meta.interval_s * (len(rows) - 1))]
        code = main(arguments)
        again = Recording.open(out)
        back = list(again.rows())

        assert Exit.OK == code
        assert [] == [str(p) for p in validate(out) if p.severity == "error"]
        assert (recording.names, meta.kpi[:1]) == (again.names, again.meta.kpi)
        assert [time for time, _ in rows[:-1]] == [time for time, _ in back]
        for (_, expected), (_, actual) in zip(rows, back, strict=False):
            np.testing.assert_array_equal(expected, actual)

    def test_another_format(self, kafka: Broker, tmp_path: Path) -> None:
        """A window of any format is what the daemon makes of it: counters are rates."""
        topic, file, out = kafka.topic(), tmp_path / "coral.toml", tmp_path / "window"
        file.write_text(
            f"""
            [kafka]
            bootstrap_servers = ["{kafka.connection.bootstrap}"]
            [input.topics.{topic}]
            format = "influx"
            system = ["{{@key}}"]
            [systems.shop]
            interval_s = 10
            kpi = ["web:cpu.idle"]
            edges = [["web", "db"]]
            """
        )
        sink = kafka.sink()
        for t in range(12):
            stamp = (1_700_000_000 + 10 * t) * 10**9
            for host, key in (("web", b"shop"), ("db", b"shop"), ("web", b"other")):
                idle = f"cpu,host={host} idle={t} {stamp}"
                sent = f"net,host={host} bytes_recv={50 * t}i {stamp}"
                sink.send(topic, key, f"{idle}\n{sent}".encode())
        sink.flush(30)
        arguments = ["record", "shop", "--config", str(file), "--since", "3600"]
        code = main([*arguments, "--seconds", "100", "--out", str(out)])
        again = Recording.open(out)
        rows = [dict(zip(again.names, row.tolist(), strict=True)) for _, row in again.rows()]

        assert Exit.OK == code
        meta = again.meta
        assert ("shop", 10.0, ("web:cpu.idle",)) == (meta.system, meta.interval_s, meta.kpi)
        assert (("web", "db"),) == meta.edges
        assert [float(t) for t in range(10)] == [row["web:cpu.idle"] for row in rows]
        assert [5.0] * 9 == [row["db:net.bytes_recv"] for row in rows[1:]]

    def test_folder_in_the_way(
        self, kafka: Broker, filled: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An existing folder is not touched."""
        arguments = ["record", "shop", "--kafka", kafka.connection.bootstrap, "--topic", filled]
        code = main([*arguments, "--interval", "1", "--out", str(tmp_path)])

        assert Exit.FAILURE == code
        assert "exists already" in capsys.readouterr().err


class TestBeside:
    def test_there_and_back(
        self, kafka: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Change events and alerts of the window go with the rows, into their topics and back."""
        shop = write_recording(tmp_path / "shop", shop_rows(rows=320))
        first = 1_700_000_000.0
        done = [
            {"kind": "deployed", "timestamp": first + second, "entity": "db", "text": "v1.42"}
            for second in (-3600, -60, 180)
        ]
        (shop / "changes.json").write_text(json.dumps(done))
        told = alertmanager(fired(first + 190, first + 250), fired(first + 200, fingerprint="b"))
        told["alerts"][1]["fingerprint"] = "b"
        (shop / "alerts.json").write_text(json.dumps(told))
        rows, changes, alerts = (kafka.topic(1) for _ in range(3))
        where = ["--kafka", kafka.connection.bootstrap, "--topic", rows]
        where += ["--set", f"input.changes={changes}", "--set", f"alerts.topic={alerts}"]
        assert Exit.OK == main(["replay", str(shop), *where])
        assert (3, 3) == (len(kafka.records(changes)), len(kafka.records(alerts)))

        sink = kafka.sink()
        for topic in (changes, alerts):
            sink.send(topic, b"other", b"junk")
        sink.flush(60)
        out = tmp_path / "window"
        arguments = ["record", "shop", *where, "--since", "3600", "--out", str(out)]
        assert Exit.OK == main([*arguments, "--interval", "1", "--seconds", "300"])
        assert "2 change events, 2 alerts" in capsys.readouterr().out
        before, after = (Recording.open(folder) for folder in (shop, out))
        assert recorded_changes(before)[0][1:] == recorded_changes(after)[0]
        assert recorded_alerts(before)[0] == recorded_alerts(after)[0]

    def test_without_the_topics(
        self, kafka: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The rows are written, and what is left out is told."""
        shop = write_recording(tmp_path / "shop", shop_rows(rows=320))
        (shop / "alerts.json").write_text(json.dumps(alertmanager(fired(1_700_000_190.0))))
        where = ["--kafka", kafka.connection.bootstrap, "--topic", kafka.topic(1)]
        where += ["--set", "alerts.topic=test-there-is-none"]
        assert Exit.OK == main(["replay", str(shop), *where])
        said = capsys.readouterr().out
        assert "alerts are left out: there is no topic test-there-is-none" in said


class TestUnknownSystem:
    def test_it_is_named_with_the_nearest(
        self,
        kafka: Broker,
        filled: str,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Rows of other systems come, and none of it: it ends in one line."""
        monkeypatch.setattr(command, "PATIENCE_S", 0.0)
        where = ["--kafka", kafka.connection.bootstrap, "--topic", filled, "--since", "1e12"]
        out = ["--interval", "0.1", "--out", str(tmp_path / "window")]
        code = main(["record", "shpo", *where, *out])
        told = capsys.readouterr().err.splitlines()[-1]

        assert Exit.NOTHING_FOUND == code
        assert f"no row of system `shpo` from {filled} came in" in told
        assert "but of `shop`; did you mean `shop`?" in told
        assert not (tmp_path / "window").exists()


class TestSilence:
    """A topic that says nothing more ends a recording, and who waits is told for what."""

    @pytest.fixture(autouse=True)
    def _hurried(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(command, "PATIENCE_S", 1.0)
        monkeypatch.setattr(record_silence, "TELL_S", 0.0)

    def test_nothing_at_all(
        self, kafka: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """An empty topic: what is waited for and until when, then an exit code of its own."""
        topic, out = kafka.topic(), tmp_path / "window"
        where = ["--kafka", kafka.connection.bootstrap, "--topic", topic]
        code = main(["record", "shop", *where, "--interval", "0.1", "--out", str(out)])
        waits, ended = capsys.readouterr().err.splitlines()

        assert Exit.NOTHING_FOUND == code
        said = f"coral: no row of system `shop` from {topic} came"
        assert re.fullmatch(
            rf"{said} since {CLOCK}; without one this ends at {CLOCK} UTC, or at Ctrl-C", waits
        )
        assert f"{said} in 1 s, nor of any other." == ended
        assert not out.exists()

    def test_the_end_of_the_topic(
        self,
        kafka: Broker,
        filled: str,
        recording: Recording,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """A window that is over, and longer than what is there, holds that, and it is told."""
        rows, out = list(recording.rows()), tmp_path / "window"
        where = ["--kafka", kafka.connection.bootstrap, "--topic", filled, "--since", "3600"]
        long = ["--interval", str(recording.meta.interval_s), "--seconds", "1e5"]
        code = main(["record", recording.meta.system, *where, *long, "--out", str(out)])
        back = list(Recording.open(out).rows())

        assert Exit.OK == code
        assert [time for time, _ in rows] == [time for time, _ in back]
        lasted = f"{rows[-1][0] - rows[0][0] + recording.meta.interval_s:g} of 100000 s"
        assert f"coral: {lasted} are recorded: no row of system" in capsys.readouterr().err

    def test_interrupted(
        self,
        kafka: Broker,
        filled: str,
        recording: Recording,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Ctrl-C keeps what there is of a window; without a row there is no folder."""
        monkeypatch.setattr(command, "PATIENCE_S", 60.0)
        monkeypatch.setattr(record_silence, "TELL_S", 2.0)
        monkeypatch.setattr(command, "_tell", lambda _: signal.raise_signal(signal.SIGINT))
        where = ["--kafka", kafka.connection.bootstrap, "--topic", filled, "--since", "3600"]
        grid = ["--interval", str(recording.meta.interval_s), "--seconds", "1e7"]
        known, none = tmp_path / "known", tmp_path / "none"

        assert Exit.OK == main(
            ["record", recording.meta.system, *where, *grid, "--out", str(known)]
        )
        assert recording.names == Recording.open(known).names
        assert Exit.INTERRUPTED == main(["record", "other", *where, *grid, "--out", str(none)])
        assert not none.exists()
        assert signal.default_int_handler is signal.getsignal(signal.SIGINT)

    def test_a_window_that_goes_on(self) -> None:
        """What falls silent within it may be what is to be recorded: it is waited for."""
        told: list[str] = []
        silence = record_silence.Silence("no row of `shop`", 0.0, 600.0, told.append)
        newest = Frame("shop", time.time() - 599.0, ("web:cpu",), np.zeros(1))
        over = Frame("shop", time.time() - 601.0, ("web:cpu",), np.zeros(1))
        assert not silence.is_too_long([newest])
        assert silence.is_too_long([over])
        assert "without one this ends at" in told[0]

    def test_nobody_deals_the_partitions(
        self,
        kafka: Broker,
        filled: str,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A group that never comes to an end of its dealing is an error of the brokers."""
        monkeypatch.setattr(command, "DEALT_S", -1.0)
        where = ["--kafka", kafka.connection.bootstrap, "--topic", filled]
        code = main(["record", "shop", *where, "--out", str(tmp_path / "window")])

        assert Exit.INVALID == code
        assert f"no broker dealt the partitions of {filled}" in capsys.readouterr().err
