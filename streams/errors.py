"""Exceptions of `streams`: one small tree, with fields and not only text."""

import sys

from streams.records import Problem, ProblemKind, Record, TopicPartition


class StreamsError(Exception):
    """Base of all exceptions raised on purpose in this package."""


class DecodeError(StreamsError):
    """A record is not a message of its declared format.

    Operator action: none at once; the record goes to the dead-letter topic. Repair its producer.

    Parameters
    ----------
    reason : str
        Rule that was broken and the value that came, e.g. "number expected, got str 'abc'".
    where : str
        Path in the payload, e.g. "metrics.`cart:cpu`"; "$" is the payload as a whole.
    record : Record
        Whose position is told; its content is not kept.
    kind : str
        What sort of rule that is, to count by.
    """

    def __init__(self, reason: str, where: str, record: Record, kind: ProblemKind = "form") -> None:
        super().__init__(reason, where, kind)
        self.reason = reason
        self.where = where
        self.kind: ProblemKind = kind
        self.topic = record.topic
        self.partition = record.partition
        self.offset = record.offset

    @classmethod
    def of(
        cls, record: Record, reason: str, where: str = "$", kind: ProblemKind = "form"
    ) -> "DecodeError":
        """Return the error that says `reason` about `record`."""
        return cls(reason, where, record, kind)

    def problem(self, metric: str = "", where: str = "") -> Problem:
        """Return it as what is wrong with one part, at `where` unless it says where itself."""
        return Problem(self.kind, metric, self.where or where, self.reason)

    def __str__(self) -> str:
        return (
            f"{self.where}: {self.reason} "
            f"(topic {self.topic}, partition {self.partition}, offset {self.offset})"
        )


def to_install(extra: str) -> str:
    """Return the command that adds an extra to what is installed, from wherever that came."""
    return f"{sys.executable} -m pip install 'coral-rca[{extra}]'"


class MissingExtraError(StreamsError):
    """A feature needs packages that are not installed. Operator action: install the extra."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(feature, extra)
        self.feature = feature
        self.extra = extra

    def __str__(self) -> str:
        return f"{self.feature} needs an extra: {to_install(self.extra)}"


class TokenError(StreamsError):
    """No access token could be had. Operator action: check endpoint, client id and secret."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return f"no access token from {self.url}: {self.reason}"


class PrometheusError(StreamsError):
    """A Prometheus does not answer, or not with what was asked for.

    Operator action: what the text says. What the server says in it is made printable.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in reason)

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}"


class TooMuchAskedError(PrometheusError):
    """A Prometheus allows less in one answer. Operator action: ask for fewer series."""


class UnknownTopicError(StreamsError):
    """A topic does not exist. Operator action: create it, or correct its name."""


class UnassignedError(StreamsError):
    """A partition was used that this source does not own (any more)."""

    def __init__(self, partition: TopicPartition) -> None:
        super().__init__(partition)
        self.partition = partition

    def __str__(self) -> str:
        return f"{self.partition.topic}[{self.partition.partition}] is not assigned to this source"


class CommitFailedError(StreamsError):
    """Offsets were not stored: the group is dealing its partitions out, or has done so.

    The next poll says which partitions are still owned. Drop the state of the others; their new
    owner reads the records again.
    """


class SinkError(StreamsError):
    """At least one message sent since the last flush is not known to be stored."""


class FencedError(SinkError):
    """Another process took over this one's transactional id; it may publish, this one may not.

    Operator action: none if one is just replacing the other; else give every instance its own.
    """


class BrokerError(StreamsError):
    """A broker did not do what it was asked for, in time or at all; the text says which and why.

    Operator action: check addresses, log-in and access rights, then whether the brokers are well.
    """


class RefusedError(BrokerError):
    """The brokers refuse this log-in, certificate or right: trying again does not help.

    Operator action: what the text says.
    """


class UnreachableError(StreamsError):
    """No answer came from an address over HTTP; the text says why.

    Operator action: none at once, it is tried again; then whether the other side is well.
    """


class ForbiddenAddressError(UnreachableError):
    """An address may not be connected to.

    Operator action: allow it by `outbound.hosts` or `outbound.networks`, or correct it.
    """
