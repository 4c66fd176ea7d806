"""Security settings in the words of kafka-python."""

from typing import Any

from coral.settings.sections import Kafka

__all__ = ["kafka_client_options"]


def kafka_client_options(kafka: Kafka, token_provider: object | None = None) -> dict[str, Any]:
    """Return the keyword arguments that consumers, producers and admin clients share.

    Parameters
    ----------
    kafka : Kafka
    token_provider : kafka.net.sasl.oauth.AbstractTokenProvider, optional
        Gives the tokens of OAUTHBEARER; needed for that alone.

    Returns
    -------
    dict
        Holds passwords in plain text: hand it on, do not log it.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": list(kafka.bootstrap_servers),
        "client_id": kafka.client_id,
        "security_protocol": kafka.security_protocol,
    }
    if kafka.security_protocol.endswith("SSL"):
        password = kafka.tls_key_password
        options |= {
            "ssl_check_hostname": kafka.tls_check_hostname,
            "ssl_cafile": kafka.tls_ca_file,
            "ssl_certfile": kafka.tls_cert_file,
            "ssl_keyfile": kafka.tls_key_file,
            "ssl_password": None if password is None else password.reveal(),
        }
    if kafka.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = kafka.sasl_mechanism
        if kafka.sasl_mechanism == "OAUTHBEARER":
            options["sasl_oauth_token_provider"] = token_provider
        elif kafka.sasl_password is not None:
            options["sasl_plain_username"] = kafka.sasl_username
            options["sasl_plain_password"] = kafka.sasl_password.reveal()
    return options
