"""Creating and checking topics."""

from uuid import uuid4

import pytest
from kafkas import Broker

from coral.cli.main import main
from coral.errors import Exit
from streams.kafka import topics


@pytest.fixture
def specs() -> list[topics.TopicSpec]:
    """The kinds of topics, under names of their own."""
    name = str(uuid4())
    return [
        topics.metrics_topic(f"{name}-m", 3),
        topics.incidents_topic(f"{name}-i", 3),
        topics.dead_letter_topic(f"{name}-d"),
        topics.state_topic(f"{name}-s", 3),
    ]


class TestTopics:
    def test_created_ones_are_right(self, kafka: Broker, specs: list[topics.TopicSpec]) -> None:
        """What was created passes the check; creating again changes nothing."""
        missing = topics.check(kafka.connection, specs)
        created = topics.create(kafka.connection, specs)

        assert [spec.name for spec in specs] == [line.split(":")[0] for line in missing]
        assert [spec.name for spec in specs] == created
        assert [] == topics.check(kafka.connection, specs)
        assert [] == topics.create(kafka.connection, specs)

    def test_wrong_ones_are_named(self, kafka: Broker, specs: list[topics.TopicSpec]) -> None:
        """Too few partitions, no compaction and too short messages each get a sentence."""
        state = specs[-1]
        kafka.make(state.name, partitions=1, max_message_bytes=1000)
        problems = topics.check(kafka.connection, [state])

        assert [
            f"{state.name}: 3 partitions expected, got 1.",
            f"{state.name}: cleanup.policy=compact expected, got delete.",
            f"{state.name}: max.message.bytes of at least 1048588 expected, got 1000.",
        ] == [line[: len(line.split(". ")[0]) + 1] for line in problems]


class TestCommand:
    def test_create_and_check(self, kafka: Broker, capsys: pytest.CaptureFixture[str]) -> None:
        """The command makes every topic of the product, and then finds nothing wrong."""
        where = ["--kafka", kafka.connection.bootstrap, "--partitions", "2"]
        made = main(["topics", "create", *where])
        checked = main(["topics", "check", *where])
        more = main(["topics", "check", *where[:2], "--partitions", "3"])

        assert (Exit.OK, Exit.OK, Exit.INVALID) == (made, checked, more)
        assert "created coral.state.v1" in capsys.readouterr().out
