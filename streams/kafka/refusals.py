"""What brokers refuse for good, in a sentence that says what to do about it.

The client tries a wrong password as patiently as a broker that is away, and says only in its log
why; and of rights it says no more than a number.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from kafka import errors
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

from streams.errors import BrokerError, RefusedError

__all__ = ["as_broker_error", "constructed"]

# A password that is wrong now is wrong in five seconds; a broker that is away may be back.
_STEP_S: Final = 5.0
_PATIENCE_MS: Final = 30_000
_TELLING: Final = [logging.getLogger(f"kafka.net.{name}") for name in ("manager", "connection")]

_CAUSE: Final = re.compile(r"Bootstrap (?:connection|attempt) to \S+ failed: (.*?)(?: \(backoff|$)")

_CONNECTING: Final = (
    (
        r"SaslAuthenticationFailedError: (?:SaslAuthenticationFailedError: )?(.*?)(?: \(backoff|$)",
        "the log-in is refused ({}); check mechanism, user name and password, or the token",
    ),
    (
        r"(UnsupportedSaslMechanismError)",
        "this kind of log-in is not offered ({}); choose another SASL mechanism",
    ),
    (
        r"((?:Hostname|IP address) mismatch, [^(]*?)\.? \(_ssl",
        (
            "the broker's certificate is for another name ({}); give its address by a name in the "
            "certificate"
        ),
    ),
    (
        r"certificate verify failed: ([^(]*?) \(_ssl",
        (
            "nobody who is trusted vouches for the broker's certificate ({}); trust that of its "
            "authority (CA file)"
        ),
    ),
    (
        r"(WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|UNKNOWN_PROTOCOL)",
        "no TLS is spoken there ({}); check port and security protocol",
    ),
    (
        r"(Invalid frame length)",
        "no Kafka without encryption is spoken there ({}); check port and security protocol",
    ),
    (
        r"(ALERT_(?:BAD_CERTIFICATE|CERTIFICATE_REQUIRED|UNKNOWN_CA|CERTIFICATE_UNKNOWN))",
        "the broker refuses our certificate ({}); check certificate and key",
    ),
)
_RIGHTS: Final = {
    errors.TopicAuthorizationFailedError: "a right on topic {} is missing; grant it",
    errors.GroupAuthorizationFailedError: "the right READ on group {} is missing; grant it",
    errors.ClusterAuthorizationFailedError: "a right on the cluster is missing {}; grant it",
    errors.TransactionalIdAuthorizationFailedError: (
        "the rights WRITE and DESCRIBE on the transactional id are missing {}; grant them"
    ),
}


def _hear_last_words(transport: Any) -> None:
    """Read what a broker sends just before it hangs up: why it refuses a log-in.

    kafka-python drops what came in the same moment as the end of the connection, so that on a
    busy machine a wrong password looks like a broker that is away. The end is met again by the
    next read.
    """
    receive = transport._sock_recv  # noqa: SLF001 - there is no other place

    def received(self: Any) -> tuple[bytes, Exception | None]:
        data, error = receive(self)
        return data, None if data else error

    transport._sock_recv = received  # noqa: SLF001


for _transport in (KafkaTCPTransport, KafkaSSLTransport):
    _hear_last_words(_transport)


class _ForGoodError(errors.KafkaError):  # type: ignore[misc]
    """A connection that will not come about by trying again."""


class _UnreachedError(errors.KafkaTimeoutError):  # type: ignore[misc]
    """Nobody answered."""


def constructed(make: Callable[..., Any], options: dict[str, Any]) -> Any:
    """Return a client of kafka-python that has reached a broker.

    Parameters
    ----------
    make : callable
        Its class.
    options : dict
        Of it; `bootstrap_timeout_ms` is how long brokers are waited for, 30 s by default.

    Raises
    ------
    kafka.errors.KafkaError
        With the reason: at once if trying again would not help, else when the time is over.
    """
    patience_s = options.get("bootstrap_timeout_ms", _PATIENCE_MS) / 1000
    deadline = time.monotonic() + patience_s
    with _listening() as said:
        while True:
            left = max(deadline - time.monotonic(), 0.1)
            try:
                step_ms = int(1000 * min(left, _STEP_S))
                return make(**options | {"bootstrap_timeout_ms": step_ms})
            except errors.KafkaTimeoutError as error:
                reason = _reason(said)
                if reason is not None:
                    raise _ForGoodError(reason) from error
                if time.monotonic() >= deadline:
                    raise _UnreachedError(_unreached(said, patience_s)) from error


def as_broker_error(doing: str, error: Exception) -> BrokerError:
    """Return what a kafka-python error says, and whether a person must act."""
    if isinstance(error, _ForGoodError):
        return RefusedError(f"Kafka: {doing}: {error.args[0]}")
    if isinstance(error, _UnreachedError):
        return BrokerError(f"Kafka: {doing}: {error.args[0]}")
    for kind, sentence in _RIGHTS.items():
        if isinstance(error, kind):
            about = " ".join(_names(argument) for argument in error.args)
            return RefusedError(f"Kafka: {doing}: {sentence.format(about).replace(' ;', ';')}")
    if isinstance(error, errors.AuthorizationError | errors.SaslAuthenticationFailedError):
        return RefusedError(f"Kafka: {doing}: refused: {error}")
    return BrokerError(f"Kafka: {doing}: {error}")


class _ClientLog(logging.Handler):
    """What the client's log says of its connections."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines = [*self.lines[-100:], record.getMessage()]


@contextmanager
def _listening() -> Iterator[_ClientLog]:
    said = _ClientLog()
    for logger in _TELLING:
        logger.addHandler(said)
    try:
        yield said
    finally:
        for logger in _TELLING:
            logger.removeHandler(said)


def _reason(said: _ClientLog) -> str | None:
    for pattern, sentence in _CONNECTING:
        for line in said.lines:
            found = re.search(pattern, line)
            if found:
                return sentence.format((found[1] or "").strip())
    return None


def _unreached(said: _ClientLog, patience_s: float) -> str:
    """Return that no broker answered, with the last thing that the log said of it."""
    causes = [found[1] for line in said.lines if (found := _CAUSE.search(line))]
    last = f" ({causes[-1]})" if causes else ""
    return f"no broker answered for {patience_s:g} s{last}; check addresses and security protocol"


def _names(argument: object) -> str:
    if isinstance(argument, set | frozenset | list | tuple):
        return ", ".join(sorted(map(str, argument)))
    return str(argument)
