"""Questions about transactions that a broker refuses, or cannot answer yet.

What they find out is tested on a real broker, `tests/recovery/test_cluster.py`.
"""

from typing import Any

import pytest
from kafka import errors

from streams.errors import RefusedError
from streams.kafka.hanging_transactions import committed_before, open_partitions
from streams.records import TopicPartition


class Refusing:
    """An administrator's client that gets these errors in turn, then hears of no producer."""

    def __init__(self, *raised: Exception) -> None:
        self.raised = list(raised)

    def describe(self, _: list[str | TopicPartition]) -> dict[str, Any]:
        if self.raised:
            raise self.raised.pop(0)
        return {}

    describe_transactions = describe_producers = describe


@pytest.mark.parametrize(
    "error", [errors.TransactionalIdNotFoundError, errors.UnsupportedVersionError]
)
def test_what_cannot_be_known_is_none(error: type[Exception]) -> None:
    """A broker too old, a new name."""
    assert committed_before(Refusing(error()), "name") is None
    assert open_partitions(Refusing(error()), [TopicPartition("events", 0)], 1) is None


@pytest.mark.parametrize(
    "error",
    [errors.TransactionalIdAuthorizationFailedError, errors.TopicAuthorizationFailedError],
)
def test_without_the_right_to_ask_nothing_is_concluded(error: type[Exception]) -> None:
    """What may be committed would be aborted; the right is named."""
    with pytest.raises(RefusedError, match="DESCRIBE on the transactional id name is missing"):
        committed_before(Refusing(error()), "name")
    with pytest.raises(RefusedError, match="READ on each of the topics events is missing"):
        open_partitions(Refusing(error()), [TopicPartition("events", 0)], 1)


def test_brokers_that_elect_are_asked_again() -> None:
    """Nothing is concluded before they answer."""
    electing = Refusing(
        errors.CoordinatorNotAvailableError(), errors.CoordinatorLoadInProgressError()
    )

    assert open_partitions(electing, [TopicPartition("events", 0)], 1) == []
    assert electing.raised == []


def test_other_errors_are_told() -> None:
    """A log-in that is refused is no answer."""
    with pytest.raises(errors.ClusterAuthorizationFailedError):
        committed_before(Refusing(errors.ClusterAuthorizationFailedError()), "name")
