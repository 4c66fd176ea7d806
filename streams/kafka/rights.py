"""What a log-in may do with topics and groups, asked before anything depends on it."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from kafka import errors

from streams.errors import RefusedError, UnknownTopicError
from streams.kafka.connection import KafkaConnection, administrator

__all__ = [
    "HIDDEN",
    "NO_TOPIC",
    "described",
    "group_problem",
    "lacking_rights",
    "require",
    "unknown",
]

NO_TOPIC: Final = errors.UnknownTopicOrPartitionError.errno
HIDDEN: Final = errors.TopicAuthorizationFailedError.errno


def require(
    connection: KafkaConnection, topics: Mapping[str, AbstractSet[str]], group: str | None = None
) -> None:
    """Check that topics are there, and that this log-in may do what it will have to.

    Parameters
    ----------
    connection : KafkaConnection
    topics : mapping of str to set of str
        The rights needed on each topic: "READ", "WRITE".
    group : str, optional
        That will be joined.

    Raises
    ------
    UnknownTopicError
        Naming every topic that does not exist.
    RefusedError
        Naming every right that is missing.
    BrokerError
        If that cannot be found out.
    """
    with administrator(connection, "looking for topics") as admin:
        found = described(admin, topics)
        problems = [
            problem
            for topic, rights in topics.items()
            if (problem := lacking_rights(topic, found[topic], rights)) is not None
        ]
        if group is not None:
            problems += group_problem(admin, group)
    missing = [topic for topic in topics if found[topic]["error_code"] == NO_TOPIC]
    if missing:
        raise unknown(*missing)
    if problems:
        raise RefusedError("Kafka: " + " ".join(problems))


def unknown(*topics: str) -> UnknownTopicError:
    """Return what to raise of topics that do not exist."""
    them = "it, or correct its name" if len(topics) == 1 else "them, or correct their names"
    return UnknownTopicError(f"there is no topic {', '.join(topics)}; create {them}")


def described(admin: Any, topics: Mapping[str, object]) -> dict[str, dict[str, Any]]:
    """Return what the brokers say of each topic, of hidden and missing ones too."""
    return {held["name"]: held for held in admin.describe_topics([*topics])} if topics else {}


def lacking_rights(topic: str, held: Mapping[str, Any], rights: AbstractSet[str]) -> str | None:
    """Return which rights on a topic are missing, in a sentence with what to do; None if none.

    Brokers that do not tell rights, and topics that do not exist, have no such problem.
    """
    if held["error_code"] == HIDDEN:
        return (
            f"{topic}: this log-in may not see the topic, whether or not it exists. Grant it "
            f"{' and '.join(sorted(rights | {'DESCRIBE'}))}."
        )
    granted = held["authorized_operations"]
    lacking = sorted(rights - set(granted)) if granted else []
    if held["error_code"] == NO_TOPIC or not lacking:
        return None
    word = "right" if len(lacking) == 1 else "rights"
    return f"{topic}: the {word} {' and '.join(lacking)} on the topic is missing. Grant it."


def group_problem(admin: Any, group: str) -> Iterator[str]:
    """Yield the sentence that a consumer group may not be used, if so."""
    try:
        held = admin.describe_groups([group])
    except errors.GroupAuthorizationFailedError:
        granted: AbstractSet[str] = frozenset()
    except errors.KafkaError:  # nobody ever joined it, or its coordinator is not chosen yet
        return
    else:
        granted = frozenset(held[group].get("authorized_operations") or {"READ"})
    if "READ" not in granted:
        yield f"{group}: the right READ on the consumer group is missing. Grant it."
