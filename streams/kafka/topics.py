"""Topics that CORAL uses: what they must be like, creating them, checking them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import errors
from kafka.admin import ConfigResource, ConfigResourceType

from streams.kafka.connection import KafkaConnection, administrator
from streams.kafka.rights import HIDDEN, NO_TOPIC, described, group_problem, lacking_rights

_DAY_MS: Final = 24 * 3600 * 1000
_READ: Final = frozenset({"READ"})
_WRITE: Final = frozenset({"WRITE"})


@dataclass(frozen=True)
class TopicSpec:
    """What a topic must be like.

    Parameters
    ----------
    name : str
    partitions : int
        At least so many, >= 1.
    config : mapping of str to str
        Options of the topic that are set when it is created, and compared when it is checked.
    max_message_bytes : int
        The topic must take messages at least this long.
    rights : frozenset of str
        What this process does with it: "READ", "WRITE".
    """

    name: str
    partitions: int = 1
    config: Mapping[str, str] = field(default_factory=dict)
    max_message_bytes: int = 1_048_588
    rights: frozenset[str] = frozenset()


def metrics_topic(name: str, partitions: int, retention_days: float = 7.0) -> TopicSpec:
    """Return what an input topic must be like: kept longer than CORAL may stand still."""
    return TopicSpec(name, partitions, _kept(retention_days), rights=_READ)


def incidents_topic(name: str, partitions: int, retention_days: float = 90.0) -> TopicSpec:
    """Return what the topic of published incidents must be like."""
    return TopicSpec(name, partitions, _kept(retention_days), rights=_WRITE)


def dead_letter_topic(name: str, retention_days: float = 14.0) -> TopicSpec:
    """Return what the topic of dead letters must be like."""
    return TopicSpec(name, 1, _kept(retention_days), rights=_WRITE)


def feedback_topic(name: str) -> TopicSpec:
    """Return what the topic of feedback must be like: the last word on every incident is kept."""
    return TopicSpec(name, 1, {"cleanup.policy": "compact"}, rights=_READ)


def alerts_topic(name: str, retention_days: float = 7.0) -> TopicSpec:
    """Return what the topic of alerts of others must be like."""
    return TopicSpec(name, 1, _kept(retention_days), rights=_READ | _WRITE)


def changes_topic(name: str, retention_days: float = 7.0) -> TopicSpec:
    """Return what the topic of change events must be like: kept as long as the metrics."""
    return TopicSpec(name, 1, _kept(retention_days), rights=_READ)


def state_topic(name: str, partitions: int) -> TopicSpec:
    """Return what the topic of checkpoints must be like: compacted, or restarts lose them."""
    config = {
        "cleanup.policy": "compact",
        # Segments are small and cleaned early: a restore reads what compaction has left.
        "segment.bytes": str(64 << 20),
        "min.cleanable.dirty.ratio": "0.1",
    }
    return TopicSpec(name, partitions, config, rights=_READ | _WRITE)


def create(
    connection: KafkaConnection, specs: Iterable[TopicSpec], replicas: int = -1
) -> list[str]:
    """Create the topics that do not exist yet, and return their names.

    Parameters
    ----------
    connection : KafkaConnection
    specs : iterable of TopicSpec
    replicas : int
        Copies of each partition; -1 = what the cluster does by default.

    Raises
    ------
    BrokerError
        If one cannot be created; those before it were.
    """
    created = []
    with administrator(connection, "creating topics") as admin:
        for spec in specs:
            wanted = dict(spec.config) | {"max.message.bytes": str(spec.max_message_bytes)}
            new = {
                "num_partitions": spec.partitions,
                "replication_factor": replicas,
                "configs": wanted,
            }
            try:
                admin.create_topics({spec.name: new}, wait_for_metadata=True)
            except errors.TopicAlreadyExistsError:
                continue
            created.append(spec.name)
    return created


def missing(connection: KafkaConnection, names: Iterable[str]) -> list[str]:
    """Return which of the topics do not exist.

    Raises
    ------
    BrokerError
        If that cannot be found out.
    """
    with administrator(connection, "looking for topics") as admin:
        held = described(admin, dict.fromkeys(names))
    return [name for name, found in held.items() if found["error_code"] == NO_TOPIC]


def check(
    connection: KafkaConnection, specs: Iterable[TopicSpec], group: str | None = None
) -> list[str]:
    """Return what is wrong with the topics, a sentence each with what to do; empty if nothing.

    Parameters
    ----------
    connection : KafkaConnection
    specs : iterable of TopicSpec
    group : str, optional
        Consumer group that must be usable.

    Raises
    ------
    BrokerError
        If that cannot be found out.
    """
    wanted = {spec.name: spec for spec in specs}
    with administrator(connection, "checking topics") as admin:
        found = described(admin, wanted)
        problems = [
            problem for spec in wanted.values() for problem in _problems(admin, spec, found)
        ]
        return [*problems, *([] if group is None else group_problem(admin, group))]


def _problems(admin: Any, spec: TopicSpec, found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    held = found[spec.name]
    if held["error_code"] == NO_TOPIC:
        yield f"{spec.name}: there is no such topic. Create it: coral topics create."
        return
    lacking = lacking_rights(spec.name, held, spec.rights)
    if lacking is not None:
        yield lacking
    if held["error_code"] == HIDDEN:
        return
    count = len(held["partitions"])
    if count < spec.partitions:
        yield (
            f"{spec.name}: {spec.partitions} partitions expected, got {count}. Add some; keys "
            "move to other partitions by that, so do it before the first record."
        )
    config = _config_of(admin, spec.name)
    if not config:
        yield (
            f"{spec.name}: the right DESCRIBE_CONFIGS on the topic is missing, so its options are "
            "not checked. Grant it, or compare them with those of `coral topics create`."
        )
        return
    for option, wanted in spec.config.items():
        if option in _JUDGED and config.get(option) != wanted:
            yield f"{spec.name}: {option}={wanted} expected, got {config.get(option)}. Alter it."
    longest = int(config.get("max.message.bytes", 0))
    if longest < spec.max_message_bytes:
        yield (
            f"{spec.name}: max.message.bytes of at least {spec.max_message_bytes} expected, "
            f"got {longest}. Alter it."
        )


_JUDGED: Final = frozenset({"cleanup.policy"})
"""Options that break something when they differ; others are a matter of taste."""


def _config_of(admin: Any, topic: str) -> dict[str, str]:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    described = admin.describe_configs([resource], config_filter="all")
    (options,) = (held[topic] for held in described.values() if topic in held)
    return {name: option["value"] for name, option in options.items()}


def _kept(days: float) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(round(days * _DAY_MS))}
