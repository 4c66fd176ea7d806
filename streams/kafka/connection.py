"""How to reach a Kafka cluster: addresses, encryption, who we are."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import kafka.errors
from kafka.net.sasl.oauth import AbstractTokenProvider

from streams.kafka.bounded import bounded
from streams.kafka.refusals import as_broker_error, constructed

# The client writes its whole configuration, passwords included, to its debug log.
logging.getLogger("kafka").setLevel(logging.WARNING)
# They say of each connection what the manager of connections says too; `refusals` listens.
for _name in ("kafka.net.connection", "kafka.net.transport"):
    logging.getLogger(_name).propagate = False
    logging.getLogger(_name).addHandler(logging.NullHandler())
logging.getLogger("kafka.net.manager").addFilter(lambda record: "not ready" not in str(record.msg))
# It warns of each step of its own that takes longer than a tenth of a second.
logging.getLogger("kafka.net.selector").setLevel(logging.ERROR)

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]


@dataclass(frozen=True)
class Tls:
    """Encryption.

    Parameters
    ----------
    ca_file : Path, optional
        Certificates (PEM) to trust; None = those of the system.
    cert_file, key_file : Path, optional
        Certificate and key (PEM) that show who we are, for brokers that ask for them.
    key_password : str, optional
    check_hostname : bool
        Whether a broker's certificate must be for its host name.
    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    key_password: str | None = field(default=None, repr=False)
    check_hostname: bool = True


@dataclass(frozen=True)
class Sasl:
    """Log-in.

    Parameters
    ----------
    mechanism : {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"}
    username, password : str, optional
        For all but OAUTHBEARER.
    token : callable, optional
        For OAUTHBEARER: returns a valid token; asked for every new connection, on the threads of
        the clients.
    """

    mechanism: Mechanism
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: Callable[[], str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.mechanism == "OAUTHBEARER":
            if self.token is None:
                raise ValueError("`Sasl` requires token for OAUTHBEARER, got none.")
        elif not self.username or not self.password:
            raise ValueError(f"`Sasl` requires username and password for {self.mechanism}.")


@dataclass(frozen=True)
class KafkaConnection:
    """A cluster, as every client of it needs to know it.

    Parameters
    ----------
    bootstrap : str
        ``host:port`` of one or more brokers, separated by commas.
    client_id : str
        Name of this process in the broker's logs and quotas.
    tls : Tls, optional
    sasl : Sasl, optional
    max_batch_bytes : int
        Longest batch of messages that is read, when it is unpacked.

    Examples
    --------
    >>> KafkaConnection("localhost:9092", sasl=Sasl("PLAIN", "coral", "secret"))
    KafkaConnection(bootstrap='localhost:9092', client_id='coral', tls=None, \
sasl=Sasl(mechanism='PLAIN', username='coral'), max_batch_bytes=33554432)
    """

    bootstrap: str
    client_id: str = "coral"
    tls: Tls | None = None
    sasl: Sasl | None = None
    max_batch_bytes: int = 32 << 20

    def consumer(self, more: Mapping[str, Any]) -> Any:
        """Return a new `kafka.KafkaConsumer`, bounded as `streams.kafka.bounded` says."""
        made = constructed(kafka.KafkaConsumer, self.options() | dict(more))
        return bounded(made, self.max_batch_bytes)

    def options(self) -> dict[str, Any]:
        """Return what consumers, producers and admin clients of kafka-python have in common."""
        protocol = "SSL" if self.tls else "PLAINTEXT"
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap.split(","),
            "client_id": self.client_id,
            "security_protocol": f"SASL_{protocol}" if self.sasl else protocol,
            "metadata_max_age_ms": 60_000,
            "reconnect_backoff_max_ms": 10_000,
        }
        if self.tls:
            options |= {
                "ssl_cafile": _text(self.tls.ca_file),
                "ssl_certfile": _text(self.tls.cert_file),
                "ssl_keyfile": _text(self.tls.key_file),
                "ssl_password": self.tls.key_password,
                "ssl_check_hostname": self.tls.check_hostname,
            }
        if self.sasl:
            options |= {
                "sasl_mechanism": self.sasl.mechanism,
                "sasl_plain_username": self.sasl.username,
                "sasl_plain_password": self.sasl.password,
            }
            if self.sasl.token:
                options["sasl_oauth_token_provider"] = _Token(self.sasl.token)
        return options


@contextmanager
def broker_errors(doing: str) -> Iterator[None]:
    """Turn what kafka-python raises inside into a `BrokerError` that says what was being done.

    It is a `RefusedError` where a person must act.
    """
    try:
        yield
    except kafka.errors.KafkaError as error:
        raise as_broker_error(doing, error) from error


@contextmanager
def administrator(connection: KafkaConnection, doing: str) -> Iterator[Any]:
    """Yield a client for questions about the brokers; errors are as of `broker_errors`."""
    with broker_errors(f"{doing} at {connection.bootstrap}"):
        admin: Any = constructed(kafka.KafkaAdminClient, connection.options())
        try:
            yield admin
        finally:
            admin.close()


class _Token(AbstractTokenProvider):  # type: ignore[misc]
    """Token for one log-in."""

    def __init__(self, ask: Callable[[], str]) -> None:
        super().__init__()
        self._ask = ask

    def token(self) -> str:
        return self._ask()


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
