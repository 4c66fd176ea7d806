"""The store that is a compacted topic, so that any replica can go on with any partition."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from coral.checkpoint.store import Refused
from coral.errors import CheckpointError, StoreError
from streams.errors import BrokerError, FencedError, SinkError
from streams.kafka import CompactedTopic, KafkaConnection, KafkaSink

__all__ = ["KafkaStore"]

_T = TypeVar("_T")
_ASIDE: Final = ".refused"


class KafkaStore:
    """Two newest entries of each key in a compacted topic.

    Parameters
    ----------
    connection : KafkaConnection
    topic : str
        With ``cleanup.policy=compact``.
    sink : KafkaSink, optional
        What is saved goes through it: a `TransactionalSink` makes a checkpoint part of its
        transaction. Without it the store has a producer of its own, and may be used beside the
        loop by another thread.

    Raises
    ------
    BrokerError
        If there is no such topic, or no broker.
    """

    def __init__(
        self, connection: KafkaConnection, topic: str, sink: KafkaSink | None = None
    ) -> None:
        self._topic = topic
        # What is tidied up is no part of any transaction.
        self._own = KafkaSink(connection)
        try:
            self._tidy = CompactedTopic(connection, topic, self._own)
            self._states = CompactedTopic(connection, topic, sink) if sink else self._tidy
        except BaseException:
            self._own.close()
            raise

    def save(self, key: str, data: bytes) -> None:
        """Keep `data` as the newest entry; see `Store.save`.

        In a transaction it is durable when that is committed.

        Raises
        ------
        FencedError
            If another process has the transactional id now.
        """
        with self._reported("write"):
            self._states.write(key, data)

    def load(self, key: str, decode: Callable[[bytes], _T], refused: Refused) -> _T | None:
        """Return the newest entry that `decode` accepts; see `Store.load`."""
        with self._reported("read"):
            entries = self._states.read(key)
        for data in entries:
            try:
                return decode(data)
            except CheckpointError as error:
                refused(f"{self._topic}: {key} {hashlib.sha256(data).hexdigest()[:12]}", error)
                self._set_aside(key, data)
        return None

    def delete(self, key: str) -> None:
        """Drop all entries of `key`; see `Store.delete`."""
        with self._reported("write"):
            self._tidy.delete(key)

    def keys(self) -> list[str]:
        """Return the keys that have an entry; see `Store.keys`."""
        with self._reported("read"):
            kept = self._tidy.keys()
        return [key for key in kept if not key.endswith(_ASIDE)]

    def close(self) -> None:
        """Give up the connection."""
        self._own.close()

    def _set_aside(self, key: str, data: bytes) -> None:
        with self._reported("write"):
            self._tidy.write(key + _ASIDE, data)
            self._tidy.drop(key, data)
            self._states.read(key)  # the next entry takes the place of the refused one

    @contextlib.contextmanager
    def _reported(self, doing: str) -> Iterator[None]:
        """Turn errors of the stream into the store's, but for the one that must end the process."""
        try:
            yield
        except FencedError:
            raise
        except (BrokerError, SinkError) as error:
            raise StoreError(f"checkpoint store {self._topic}: cannot {doing}: {error}") from error
