"""The section `[kafka]` of the configuration as a connection."""

from pathlib import Path

from coral.settings import Settings
from coral.settings.base import Secret
from coral.settings.connections import Kafka
from streams.clock import Clock
from streams.kafka import KafkaConnection, Sasl, Tls
from streams.kafka.oauth import ClientCredentials

__all__ = ["connection_of"]


def connection_of(settings: Settings, clock: Clock) -> KafkaConnection:
    """Return the connection that the settings describe; nothing is contacted.

    Parameters
    ----------
    settings : Settings
        Checked: what its protocol and mechanism need is there.
    clock : Clock
        For the age of OAUTHBEARER tokens.
    """
    kafka = settings.kafka
    return KafkaConnection(
        ",".join(kafka.bootstrap_servers),
        kafka.client_id,
        _tls(kafka) if kafka.security_protocol.endswith("SSL") else None,
        _sasl(kafka, clock) if kafka.security_protocol.startswith("SASL") else None,
        settings.limits.max_batch_bytes,
    )


def _tls(kafka: Kafka) -> Tls:
    return Tls(
        _path(kafka.tls_ca_file),
        _path(kafka.tls_cert_file),
        _path(kafka.tls_key_file),
        _revealed(kafka.tls_key_password) or None,
        kafka.tls_check_hostname,
    )


def _sasl(kafka: Kafka, clock: Clock) -> Sasl:
    mechanism = kafka.sasl_mechanism or "PLAIN"
    if mechanism != "OAUTHBEARER":
        return Sasl(mechanism, kafka.sasl_username, _revealed(kafka.sasl_password))
    credentials = ClientCredentials(
        kafka.oauth_token_url or "",
        kafka.oauth_client_id or "",
        _revealed(kafka.oauth_client_secret),
        kafka.oauth_scope,
        clock,
    )
    return Sasl(mechanism, token=credentials.token)


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)


def _revealed(secret: Secret | None) -> str:
    return "" if secret is None else secret.reveal()
