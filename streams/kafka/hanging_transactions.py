"""Transactions that are over for their coordinator and still open in a log.

A broker that is killed between the decision on a transaction and its markers may forget markers
when it comes back (seen with Kafka 4.3.1 on a single node, docs/explanation/kafka-guarantees.md).
Such a transaction never times out, and readers of committed messages wait for it without end. The
next process of the same name has to end it as the coordinator did: to abort what was committed
would lose messages whose offsets are committed already.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from kafka import errors
from kafka.admin import TransactionState

from streams.errors import RefusedError
from streams.records import TopicPartition

__all__ = ["committed_before", "open_partitions"]

_ANSWER_S: Final = 30.0
_AGAIN_S: Final = 0.1
# Nobody had the name before; or an old broker.
_UNKNOWN: Final = (errors.TransactionalIdNotFoundError, errors.UnsupportedVersionError)
_REFUSED: Final = (
    errors.TransactionalIdAuthorizationFailedError,
    errors.TopicAuthorizationFailedError,
)


def committed_before(admin: Any, transactional_id: str) -> int | None:
    """Return the producer id whose last transaction was committed; None if it was not.

    Raises
    ------
    RefusedError
        Without the right to ask.

    Parameters
    ----------
    admin : kafka.KafkaAdminClient
    transactional_id : str
        Before it is taken over, which makes a new state.
    """
    asked = f"DESCRIBE on the transactional id {transactional_id}"
    states = _ask(admin.describe_transactions, [transactional_id], asked)
    if states is None:
        return None
    last = states[transactional_id]
    committed = last.state in (TransactionState.PREPARE_COMMIT, TransactionState.COMPLETE_COMMIT)
    return int(last.producer_id) if committed else None


def open_partitions(
    admin: Any, partitions: Sequence[TopicPartition], producer_id: int
) -> list[TopicPartition] | None:
    """Return the partitions in which a transaction of a producer is open; None if unknown.

    Raises
    ------
    RefusedError
        Without the right to ask.
    """
    topics = ", ".join(sorted({partition.topic for partition in partitions}))
    found = _ask(admin.describe_producers, partitions, f"READ on each of the topics {topics}")
    if found is None:
        return None
    return sorted(
        TopicPartition(*partition)
        for partition, state in found.items()
        for producer in state.active_producers
        if producer.producer_id == producer_id and producer.current_transaction_start_offset >= 0
    )


def _ask(question: Callable[[Any], Any], about: Any, right: str) -> Any:
    """Return the answer, None if there can be none; ask again while the brokers elect theirs."""
    deadline = time.monotonic() + _ANSWER_S
    while True:
        try:
            return question(about)
        except _UNKNOWN:
            return None
        except _REFUSED as error:
            # To go on without an answer would be to abort what may be committed.
            raise RefusedError(
                f"Kafka: the right {right} is missing: how the last transaction of this name ended "
                "must be known before the next one begins. Grant it."
            ) from error
        except errors.RetriableError:
            if time.monotonic() > deadline:
                raise
        time.sleep(_AGAIN_S)
