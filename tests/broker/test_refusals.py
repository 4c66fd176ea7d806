"""What brokers refuse, told in one line with what to do, and with an exit code for people."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cluster import PASSWORD, Cluster
from daemons import World, logged
from kafka.admin import ResourceType
from kafkas import Broker

from coral.cli.main import main
from coral.errors import Exit
from streams.errors import RefusedError, UnknownTopicError
from streams.kafka import (
    KafkaConnection,
    KafkaSink,
    KafkaSource,
    KafkaTail,
    Sasl,
    Tls,
    TransactionalSink,
    require,
)

TOPIC, GROUP, NAME = ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID
Login = Callable[..., list[str]]


@pytest.fixture
def broker(cluster: Cluster) -> Iterator[Broker]:
    """The shared node: whoever comes without encryption may do everything."""
    broker = Broker(cluster.bootstrap)
    yield broker
    broker.close()


@pytest.fixture
def coral(cluster: Cluster) -> KafkaConnection:
    """Somebody whose rights end where others were given some."""
    login = Sasl("PLAIN", "coral", "coral-test")
    return KafkaConnection(cluster.secure_bootstrap, tls=Tls(cluster.ca), sasl=login)


@pytest.fixture
def login(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Login:
    """A function that returns the words of a command line that logs in, and may be wrong."""

    def words(password: str = PASSWORD, **wrong: str) -> list[str]:
        file = tmp_path / f"password-{password}"
        file.write_text(password)
        monkeypatch.setenv("CORAL_KAFKA__SASL_PASSWORD_FILE", str(file))
        held = {
            "bootstrap_servers": cluster.secure_bootstrap,
            "security_protocol": "SASL_SSL",
            "tls_ca_file": str(cluster.ca),
            "sasl_mechanism": "PLAIN",
            "sasl_username": "coral",
        }
        facts = {key: value for key, value in (held | wrong).items() if value}
        return [word for key, value in facts.items() for word in ("--set", f"kafka.{key}={value}")]

    return words


class TestConnecting:
    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"password": "wr0ng"}, "the log-in is refused (Authentication failed"),
            ({"sasl_mechanism": "SCRAM-SHA-256"}, "choose another SASL mechanism"),
            ({"tls_ca_file": ""}, "nobody who is trusted vouches for the broker's certificate"),
            ({"host": "127.1"}, "certificate is not valid for '127.1'); give its address by a"),
            (
                {"security_protocol": "SASL_PLAINTEXT", "tls_ca_file": ""},
                "check port and security protocol",
            ),
        ],
        ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
    )
    def test_one_line(
        self,
        cluster: Cluster,
        login: Login,
        capsys: pytest.CaptureFixture[str],
        wrong: dict[str, str],
        said: str,
    ) -> None:
        """Cause and remedy, and not the secret; a person must act."""
        host = wrong.pop("host", None)
        if host:
            wrong["bootstrap_servers"] = cluster.secure_bootstrap.replace("localhost", host)
        code = main(["topics", "check", *login(**wrong)])
        told = capsys.readouterr().err

        assert Exit.INVALID == code
        assert 1 == told.count("\n")
        assert said in told
        assert "wr0ng" not in told


class TestRights:
    def test_a_hidden_topic_is_not_missing(self, broker: Broker, coral: KafkaConnection) -> None:
        """It says that it may not be seen, however it is asked for."""
        topic = broker.topic()
        broker.allow(TOPIC, topic, "READ", user="other")
        for ask in (
            lambda: require(coral, {topic: {"READ"}}),
            lambda: KafkaTail(coral, topic),
            lambda: KafkaSource(coral, [topic], f"group-{topic}"),
        ):
            with pytest.raises(RefusedError, match=rf"{topic}: this log-in may not see the topic"):
                ask()
        with pytest.raises(UnknownTopicError, match="there is no topic nowhere"):
            require(coral, {topic: {"READ"}, "nowhere": {"READ"}})

    def test_each_missing_right_is_named(self, broker: Broker, coral: KafkaConnection) -> None:
        read, written, group = broker.topic(), broker.topic(), f"group-{uuid4()}"
        broker.allow(TOPIC, read, "READ")
        broker.allow(TOPIC, written, "WRITE")
        broker.allow(GROUP, group, "READ", user="other")
        require(coral, {read: {"READ"}, written: {"WRITE"}}, f"group-{uuid4()}")
        with pytest.raises(RefusedError) as caught:
            require(coral, {read: {"WRITE"}, written: {"READ"}}, group)

        assert f"{read}: the right WRITE on the topic is missing. Grant it." in str(caught.value)
        assert f"{written}: the right READ on the topic is missing" in str(caught.value)
        assert f"{group}: the right READ on the consumer group" in str(caught.value)

    def test_while_it_runs(self, broker: Broker, coral: KafkaConnection) -> None:
        """A right that was taken away is named by whoever needed it."""
        topic, group = broker.topic(), f"group-{uuid4()}"
        broker.allow(TOPIC, topic, "READ")
        sink = KafkaSink(coral)
        sink.send(topic, b"key", b"value")
        with pytest.raises(RefusedError, match=f"a right on topic {topic} is missing"):
            sink.flush(30)
        sink.close()
        broker.allow(GROUP, group, "READ", user="other")
        source = KafkaSource(coral, [topic], group)
        with pytest.raises(RefusedError, match=f"READ on group {group} is missing"):
            _polled(source)
        source.close()

    def test_no_right_to_ask_how_a_transaction_ended(
        self, broker: Broker, coral: KafkaConnection
    ) -> None:
        """What may be committed is not aborted: it does not start, and names the right."""
        topic, name = broker.topic(), f"name-{uuid4()}"
        source = KafkaSource(coral, [topic], f"group-{uuid4()}")
        sink = TransactionalSink(coral, source, [topic], name)
        sink.close()
        broker.allow(TOPIC, topic, "WRITE")
        with pytest.raises(RefusedError) as caught:
            _committed_then_taken_over(broker, coral, topic, name)
        assert f"READ on each of the topics {topic} is missing: how the" in str(caught.value)
        broker.allow(NAME, name, "WRITE", user="other")
        with pytest.raises(RefusedError, match=f"DESCRIBE on the transactional id {name}"):
            TransactionalSink(coral, source, [topic], name)
        source.close()


def _polled(source: KafkaSource) -> None:
    for _ in range(50):
        source.poll(1, 0.2)


def _committed_then_taken_over(
    broker: Broker, coral: KafkaConnection, topic: str, name: str
) -> None:
    """Commit a transaction as somebody who may read, and go on as somebody who may not."""
    owner: Any = broker.source(topic)
    first = TransactionalSink(broker.connection, owner, [topic], name)
    first._begin()
    first.send(topic, b"key", b"value")
    first._producer.commit_transaction()
    first._open = False
    first.close()
    TransactionalSink(coral, owner, [topic], name)


class TestCommands:
    def test_topics_check(
        self, broker: Broker, login: Login, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A problem each: what is hidden, what may not be written, options that may not be seen."""
        hidden, read, group = broker.topic(), broker.topic(), f"group-{uuid4()}"
        broker.allow(TOPIC, hidden, "READ", user="other")
        broker.allow(TOPIC, read, "READ")
        broker.allow(GROUP, group, "READ", user="other")
        topics = {"output.incidents": read, "output.dead_letters": hidden}
        names = [f"{key}={name}" for key, name in topics.items()]
        words = [word for name in names for word in ("--set", name)]
        code = main(["topics", "check", *login(group_id=group), *words])
        told = capsys.readouterr().out

        assert Exit.INVALID == code
        assert f"{hidden}: this log-in may not see the topic" in told
        assert f"{read}: the right WRITE on the topic is missing" in told
        assert f"{read}: the right DESCRIBE_CONFIGS" in told
        assert f"{group}: the right READ on the consumer group is missing" in told

    def test_run(self, broker: Broker, login: Login, tmp_path: Path) -> None:
        """It ends with 3 and says why; the client's own lines are a few."""
        world = World(broker, tmp_path)
        broker.allow(TOPIC, world.events, "READ")
        refused, wrong = (
            world.start(*login(password=password)) for password in (PASSWORD, "wr0ng")
        )
        codes = [process.wait(120) for process in (refused, wrong)]
        world.close()

        assert [Exit.INVALID] * 2 == codes, logged(refused)
        assert "cannot_start" == logged(refused)[-1]["event"] == logged(wrong)[-1]["event"]
        assert f"{world.events}: the right WRITE on" in logged(refused)[-1]["reason"]
        assert "the log-in is refused" in logged(wrong)[-1]["reason"]
        assert len([line for line in logged(wrong) if "logger" in line]) <= 4, logged(wrong)
