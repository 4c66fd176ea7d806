"""Encryption and log-in at a real listener."""

import base64
import json
import time
from pathlib import Path

import pytest

from streams.errors import BrokerError
from streams.kafka import KafkaConnection, KafkaSink, KafkaSource, Sasl, Tls

QUICK = {"bootstrap_timeout_ms": 5_000}


@pytest.fixture
def topic(cluster):
    """A topic of the shared node; `kafka` may be another broker."""
    from kafkas import Broker

    broker = Broker(cluster.bootstrap)
    yield broker.topic()
    broker.close()


def token(path: Path) -> Path:
    """An unsigned token, as brokers without a key server take them."""
    now = int(time.time())
    parts = ({"alg": "none"}, {"sub": "coral", "iat": now, "exp": now + 600})
    text = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts]
    path.write_text(".".join([*text, ""]))
    return path


@pytest.fixture(params=["PLAIN", "SCRAM-SHA-512", "OAUTHBEARER"])
def sasl(request, tmp_path):
    if request.param == "OAUTHBEARER":
        return Sasl("OAUTHBEARER", token=token(tmp_path / "token").read_text)
    return Sasl(request.param, "coral", "coral-test")


class TestSecurity:
    def test_there_and_back(self, cluster, topic, sasl):
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
    def test_wrong_password(self, cluster, mechanism):
        """A refused log-in is an error that does not show the password."""
        sasl = Sasl(mechanism, "coral", "wr0ng-passw0rd")
        connection = KafkaConnection(cluster.secure_bootstrap, tls=Tls(cluster.ca), sasl=sasl)
        with pytest.raises(BrokerError, match="connecting to localhost") as caught:
            KafkaSink(connection, overrides=QUICK)

        assert "wr0ng" not in f"{caught.value} {connection!r}"

    def test_unknown_certificate(self, cluster):
        """A broker whose certificate nobody vouches for is not talked to."""
        sasl = Sasl("PLAIN", "coral", "coral-test")
        connection = KafkaConnection(cluster.secure_bootstrap, tls=Tls(), sasl=sasl)
        with pytest.raises(BrokerError, match="connecting to localhost"):
            KafkaSink(connection, overrides=QUICK)


class TestRules:
    @pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
    def test_password_needed(self, mechanism):
        """A log-in by password needs one."""
        with pytest.raises(ValueError, match="username and password"):
            Sasl(mechanism, "coral")

    def test_token_needed(self):
        """A log-in by token needs its file."""
        with pytest.raises(ValueError, match="token"):
            Sasl("OAUTHBEARER", "coral", "secret")
