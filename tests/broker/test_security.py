"""Encryption and log-in at a real listener."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import Cluster
from daemons import BUNDLED, World, contents, replayed, rows_of, stopped
from kafkas import Broker

from coral.cli.main import main
from coral.errors import Exit
from coral.replay.driver import system_of
from streams.errors import BrokerError
from streams.kafka import KafkaConnection, KafkaSink, KafkaSource, Sasl, Tls
from streams.kafka.connection import Mechanism
from streams.recorded import Recording

QUICK = {"bootstrap_timeout_ms": 5_000}


@pytest.fixture
def broker(cluster: Cluster) -> Iterator[Broker]:
    """The shared node; `kafka` may be another one, without encryption."""
    from kafkas import Broker

    broker = Broker(cluster.bootstrap)
    yield broker
    broker.close()


@pytest.fixture
def topic(broker: Broker) -> str:
    return broker.topic()


def token(path: Path) -> Path:
    """An unsigned token, as brokers without a key server take them."""
    now = int(time.time())
    parts = ({"alg": "none"}, {"sub": "coral", "iat": now, "exp": now + 600})
    text = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts]
    path.write_text(".".join([*text, ""]))
    return path


@pytest.fixture(params=["PLAIN", "SCRAM-SHA-512", "OAUTHBEARER"])
def sasl(request: pytest.FixtureRequest, tmp_path: Path) -> Sasl:
    if request.param == "OAUTHBEARER":
        return Sasl("OAUTHBEARER", token=token(tmp_path / "token").read_text)
    return Sasl(request.param, "coral", "coral-test")


class TestSecurity:
    def test_there_and_back(self, cluster: Cluster, topic: str, sasl: Sasl) -> None:
        """A message goes over an encrypted connection with every kind of log-in."""
        connection = KafkaConnection(cluster.secure_bootstrap, tls=Tls(cluster.ca), sasl=sasl)
        sink = KafkaSink(connection)
        sink.send(topic, b"key", b"value")
        sink.flush(30)
        sink.close()
        source = KafkaSource(connection, [topic], f"group-{topic}")
        records = []
        for _ in range(100):
            records += source.poll(1, 0.2)
            if records:
                break
        source.close()

        assert [b"value"] == [record.value for record in records]

    @pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
    def test_wrong_password(self, cluster: Cluster, mechanism: Mechanism) -> None:
        """A refused log-in is an error that does not show the password."""
        sasl = Sasl(mechanism, "coral", "wr0ng-passw0rd")
        connection = KafkaConnection(cluster.secure_bootstrap, tls=Tls(cluster.ca), sasl=sasl)
        with pytest.raises(BrokerError, match="connecting to localhost") as caught:
            KafkaSink(connection, overrides=QUICK)

        assert "wr0ng" not in f"{caught.value} {connection!r}"

    def test_unknown_certificate(self, cluster: Cluster) -> None:
        """A broker whose certificate nobody vouches for is not talked to."""
        sasl = Sasl("PLAIN", "coral", "coral-test")
        connection = KafkaConnection(cluster.secure_bootstrap, tls=Tls(), sasl=sasl)
        with pytest.raises(BrokerError, match="connecting to localhost"):
            KafkaSink(connection, overrides=QUICK)


class TestCommands:
    @pytest.mark.parametrize("publish", ["at-least-once", "exactly-once"])
    def test_replay_run_record(
        self,
        cluster: Cluster,
        broker: Broker,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        publish: str,
    ) -> None:
        """All commands that talk to a Kafka take the same settings, and `coral run` works so."""
        (tmp_path / "password").write_text("coral-test\n")
        monkeypatch.setenv("CORAL_KAFKA__SASL_PASSWORD_FILE", str(tmp_path / "password"))
        held = {
            "security_protocol": "SASL_SSL",
            "tls_ca_file": cluster.ca,
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_username": "coral",
        }
        login = [word for key, value in held.items() for word in ("--set", f"kafka.{key}={value}")]
        world, case = World(broker, tmp_path, "kafka", publish), BUNDLED / "pool-leak__orders"
        meta = system_of(Recording.open(case).meta)
        where = ["--kafka", cluster.secure_bootstrap, "--topic", world.metrics, *login]
        sent = main(["replay", str(case), *where])
        assert Exit.OK == sent
        world.put(rows_of(case)[-1:])
        expected = contents(replayed(case, tmp_path))
        address = f"kafka.bootstrap_servers={cluster.secure_bootstrap}"
        process = world.start("--set", address, *login)
        found = world.wait_for(process, lambda events: len(contents(events)) >= len(expected))
        code, log = stopped(process)
        window = ["--since", "3600", "--seconds", "60", "--interval", str(meta.interval_s)]
        kept = main(["record", meta.name, *where, *window, "--out", str(tmp_path / "window")])

        assert [Exit.OK] * 2 == [code, kept], log
        assert expected == contents(found)
        assert 60 / meta.interval_s == len(list(Recording.open(tmp_path / "window").rows()))
        assert "coral-test" not in json.dumps(log)
        world.close()


class TestRules:
    @pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
    def test_password_needed(self, mechanism: Mechanism) -> None:
        """A log-in by password needs one."""
        with pytest.raises(ValueError, match="username and password"):
            Sasl(mechanism, "coral")

    def test_token_needed(self) -> None:
        """A log-in by token needs its file."""
        with pytest.raises(ValueError, match="token"):
            Sasl("OAUTHBEARER", "coral", "secret")
