"""Brokers that die and members that come and go, under load; the result must not show it."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cluster import Cluster
from conftest import RUN_DIRECTORY, new_cluster
from jobs import expected, feed, new_job, published, start
from kafka import ConsumerGroupMetadata, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.producer.transaction_manager import TransactionalRequestResult, TxnOffsetCommitHandler
from kafkas import Broker, settle

from streams.errors import BrokerError, CommitFailedError
from streams.kafka import KafkaSource, TransactionalSink
from streams.records import Record

ROWS = 60
LIMIT_S = 300.0  # no process needs a minute; one that hangs must fail here


@pytest.fixture(params=[1, 3], ids=["one-node", "three-nodes"])
def brokers(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster of its own, to be broken."""
    home = Path(os.environ[RUN_DIRECTORY]) / f"own-{uuid4()}"
    made = new_cluster(home, request.param)
    yield made
    made.stop()


def wait_for(condition: Callable[[], object]) -> None:
    """Return when the condition holds; fail after a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def polled(source: KafkaSource, found: list[Record], timeout_s: float) -> list[Record]:
    """What came so far, with what one more poll brings."""
    found += source.poll(10, timeout_s)
    return found


def finish(kafka: Broker, job: Mapping[str, Any], wanted: int) -> None:
    """Start the process again until everything is published, as whoever supervises it does."""
    for _ in range(5):
        if len(set(published(kafka, job))) >= wanted:
            return
        start(job).wait(LIMIT_S)


def leader(broker: Broker, topic: str) -> int:
    """Node that leads the first partition of a topic."""
    (described,) = broker.admin.describe_topics([topic])
    return int(described["partitions"][0]["leader_id"])


@pytest.mark.broker
class TestBrokers:
    def test_broker_dies_under_load(self, brokers: Cluster) -> None:
        """A killed broker, the leader where there are three, costs no message and adds none."""
        kafka = Broker(brokers.bootstrap)
        job = new_job(kafka) | {"exactly_once": True}
        sink = kafka.sink()
        feed(sink, job, range(ROWS // 2))
        working = start(job, calm=40)
        wait_for(lambda: published(kafka, job))
        victim = leader(kafka, job["metrics"])
        brokers.kill(victim)
        if len(brokers.nodes) == 1:
            brokers.launch(victim)
            brokers.wait(victim)
        feed(sink, job, range(ROWS // 2, ROWS))
        working.wait(LIMIT_S)
        finish(kafka, job, len(expected(ROWS)))
        found = published(kafka, job)
        kafka.close()

        assert sorted(expected(ROWS).items()) == sorted(found)

    @pytest.mark.parametrize("brokers", [1], indirect=True)
    def test_outage_of_all(self, brokers: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        """While no broker is there polls are empty and commits refused; then both work again."""
        monkeypatch.setattr("streams.kafka.source._ANSWER_MS", 1_000)
        kafka = Broker(brokers.bootstrap)
        topic = kafka.topic()
        source = kafka.source(topic)
        settle(source)
        (partition,) = source.assignment()
        brokers.kill(1)
        during = [source.poll(10, 0.5) for _ in range(4)]
        with pytest.raises(CommitFailedError):
            source.commit({partition: 0})
        brokers.launch(1)
        brokers.wait(1)
        sink = kafka.sink()
        sink.send(topic, None, b"after")
        sink.flush(30)
        found: list[Record] = []
        wait_for(lambda: polled(source, found, 0.5))
        wait_for(lambda: committed(source, partition))
        kafka.close()

        assert [[]] * 4 == during
        assert [b"after"] == [record.value for record in found]

    @pytest.mark.parametrize("brokers", [1], indirect=True)
    def test_forgotten_markers(self, brokers: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was committed before a broker forgot to mark it is there for the next process."""
        kafka = Broker(brokers.bootstrap)
        topic, events, group = kafka.topic(), kafka.topic(2), f"group-{uuid4()}"
        kafka.sink().send(topic, None, b"read")
        partition = TopicPartition(topic, 0)
        forget_markers(kafka, group, events, {partition: OffsetAndMetadata(1, "", -1)})
        hidden = kafka.records(events)

        waiting = kafka.source(topic, group)
        with monkeypatch.context() as impatient:
            impatient.setattr("streams.kafka.source._ANSWER_MS", 500)
            with pytest.raises(BrokerError, match="nobody tells where"):
                wait_for(lambda: waiting.poll(10, 0.1))
        waiting.close()
        source = kafka.source(topic, group)
        TransactionalSink(kafka.connection, source, [events], group).close()
        found = [record.value for record in kafka.records(events) if record.value]
        settle(source)
        offset = source.committed(*source.assignment())
        kafka.close()

        assert ([], [b"forgotten"], 1) == (hidden, found, offset)

    def test_hanging_transaction(self, kafka: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
        """A partition whose offset is held by an open transaction is told, and read in the end."""
        monkeypatch.setattr("streams.kafka.source._ANSWER_MS", 500)
        topic, group, told = kafka.topic(), f"group-{uuid4()}", []
        kafka.sink().send(topic, None, b"held")
        holder = KafkaProducer(**kafka.connection.options(), transactional_id=group, acks="all")
        holder.init_transactions()
        holder.begin_transaction()
        start = {TopicPartition(topic, 0): OffsetAndMetadata(0, "", -1)}
        holder.send_offsets_to_transaction(start, group)

        source = kafka.source(
            topic, group, on_wait=lambda partitions: told.append(list(partitions))
        )
        wait_for(lambda: source.poll(10, 0.1) or told)
        holder.abort_transaction()
        holder.close()
        found: list[Record] = []
        wait_for(lambda: polled(source, found, 0.1))

        assert [(topic, 0)] == told[0]
        assert [b"held"] == [record.value for record in found]


def forget_markers(kafka: Broker, group: str, topic: str, offsets: Mapping[Any, Any]) -> None:
    """Leave a message and offsets behind as a broker does that was killed while committing.

    They are written in a transaction of which the coordinator hears nothing, after a committed
    one: for it all is committed.
    """
    lenient = {"transaction.partition.verification.enable": "false"}
    kafka.admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, "1", lenient)])
    writer = KafkaProducer(**kafka.connection.options(), transactional_id=group, acks="all")
    writer.init_transactions()
    writer.begin_transaction()
    writer.send(kafka.topic(), b"committed")
    writer.commit_transaction()
    writer.begin_transaction()
    manager, result = writer._transaction_manager, TransactionalRequestResult()
    manager._partitions_in_transaction.add(TopicPartition(topic, 0))
    writer.send(topic, b"forgotten", partition=0)
    writer.flush()
    manager._pending_txn_offset_commits.update(offsets)
    member = ConsumerGroupMetadata(group_id=group)
    manager._enqueue_request(TxnOffsetCommitHandler(manager, member, offsets, result))
    writer._sender.wakeup()
    result.wait()
    writer.close(timeout=0)


def committed(source: KafkaSource, partition: TopicPartition) -> bool:
    """Commit, unless the group is still coming back."""
    with contextlib.suppress(CommitFailedError):
        source.commit({partition: 1})
        return source.committed(partition) == 1
    return False


class TestMembers:
    @pytest.mark.parametrize("exactly_once", [True, False])
    def test_members_come_and_go(self, kafka: Broker, exactly_once: bool) -> None:
        """Three members join, are killed, leave and come back while rows arrive."""
        job = new_job(kafka) | {"exactly_once": exactly_once}
        sink = kafka.sink()
        running = {}
        plan = ["+a", "", "+b", "", "+c", "-a", "", "+a", "-b", "-c", "+b", ""]
        for step, change in enumerate(plan):
            if change.startswith("+"):
                running[change[1]] = start(job, member=change[1], calm=10)
            elif change:
                running[change[1]].kill()
                running.pop(change[1]).wait()
            feed(sink, job, range(5 * step, 5 * step + 5))
            time.sleep(0.5)
        for process in running.values():
            process.wait(LIMIT_S)
        finish(kafka, job, len(expected(ROWS)))
        found = published(kafka, job)

        assert set(expected(ROWS).items()) == set(found)
        assert not exactly_once or len(found) == len(set(found))
