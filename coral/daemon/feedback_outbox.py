"""Feedback into its topic, from whoever has some: the command, and the page."""

import threading
from contextlib import closing
from typing import Final

from coral.contract.events import CONTENT_TYPE
from coral.contract.feedback import Feedback, encode
from coral.settings import Settings
from streams.errors import UnknownTopicError
from streams.kafka import KafkaConnection, KafkaSink, topics

__all__ = ["sent"]

FLUSH_S: Final = 30.0
# People say little: one connection at a time, for as long as it is needed.
_ONE_AT_A_TIME: Final = threading.Lock()


def sent(settings: Settings, connection: KafkaConnection, said: Feedback) -> str:
    """Write feedback into its topic; return where that is, in words.

    Raises
    ------
    UnknownTopicError
        If there is no such topic.
    BrokerError
        If no broker takes it.
    """
    topic = settings.input.feedback
    with _ONE_AT_A_TIME:
        if topics.missing(connection, [topic]):
            raise UnknownTopicError(f"there is no topic {topic}; coral topics create")
        with closing(KafkaSink(connection)) as sink:
            sink.send(topic, said.incident.encode(), encode(said), CONTENT_TYPE)
            sink.flush(FLUSH_S)
    return f"topic {topic}"
