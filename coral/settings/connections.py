"""The sections on how a server is reached, known and logged in to."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from coral.config import Name, Seconds
from coral.settings.base import Secret, Section

__all__ = ["Encryption", "Kafka", "PrometheusHttp"]


class Encryption(Section, frozen=True, kw_only=True):
    """How a server is known on a connection that is encrypted, and how it knows us.

    Parameters
    ----------
    tls_ca_file : str, optional
        Certificates to trust, PEM; without it those of the system.
    tls_cert_file, tls_key_file : str, optional
        Own certificate and its key, PEM, for mutual TLS.
    tls_key_password : secret, optional
        Password of the key.
    tls_check_hostname : bool
        Whether the server's certificate must be for its host name.
    """

    tls_ca_file: Name | None = None
    tls_cert_file: Name | None = None
    tls_key_file: Name | None = None
    tls_key_password: Secret | None = None
    tls_check_hostname: bool = True


class Kafka(Encryption, frozen=True, kw_only=True):
    """How to reach the brokers.

    Parameters
    ----------
    bootstrap_servers : list of str
        Brokers to ask for all others, `host:port`.
    group_id : str
        Consumer group; replicas with one name share the work.
    client_id : str
        Name in the brokers' logs and quotas.
    session_timeout_s : float
        How long the partitions of a replica that was killed wait for it to come back.
    security_protocol : str
        How connections are secured.
    sasl_mechanism : str, optional
        How to log in, with a SASL_ protocol.
    sasl_username, sasl_password : str, secret, optional
        For PLAIN and SCRAM.
    oauth_token_url : str, optional
        For OAUTHBEARER: https address that gives tokens for client credentials.
    oauth_client_id, oauth_client_secret : str, secret, optional
        The client credentials.
    oauth_scope : str, optional
        Scope to ask for.
    """

    bootstrap_servers: Annotated[tuple[Name, ...], Meta(min_length=1)] = ("localhost:9092",)
    group_id: Name = "coral"
    client_id: Name = "coral"
    session_timeout_s: Seconds = 20.0
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = None
    sasl_username: Name | None = None
    sasl_password: Secret | None = None
    oauth_token_url: Name | None = None
    oauth_client_id: Name | None = None
    oauth_client_secret: Secret | None = None
    oauth_scope: Name | None = None


class PrometheusHttp(Encryption, frozen=True, kw_only=True):
    """How `coral record prometheus` logs in; the daemon asks no Prometheus.

    Parameters
    ----------
    token : secret, optional
        Sent as `Authorization: Bearer`.
    username, password : str, secret, optional
        For basic authentication.
    headers : table of text
        Further headers, such as the tenant of Mimir: `{"X-Scope-OrgID" = "shop"}`.
    """

    token: Secret | None = None
    username: Name | None = None
    password: Secret | None = None
    headers: dict[Name, Name] = msgspec.field(default_factory=dict)
