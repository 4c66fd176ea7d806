"""How a Prometheus is reached: what options and the section `[prometheus]` say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from coral.cli.options import UsageError
from coral.errors import CoralError

if TYPE_CHECKING:
    from ssl import SSLContext

    from coral.settings import Settings
    from coral.settings.connections import PrometheusHttp
    from streams.prometheus import Access

__all__ = ["access_of", "login_flags"]


def login_flags(header: Sequence[str], token_file: Path | None) -> list[str]:
    """Return what --header and --token-file say, as settings."""
    flags = [] if token_file is None else [f"prometheus.token_file={token_file}"]
    held = {}
    for text in header:
        name, _, value = text.partition(":")
        if not name.strip() or not value.strip():
            raise UsageError("--header 'NAME: VALUE' expected, got one without a value")
        held[name.strip()] = value.strip()
    return [*flags, f"prometheus.headers={json.dumps(held)}"] if held else flags


def access_of(url: str, settings: Settings) -> Access:
    """Return how the section `[prometheus]` says that a server is reached."""
    import base64

    from streams.prometheus import Access

    held, login = settings.prometheus, ""
    if held.token is not None:
        login = f"Bearer {held.token.reveal()}"
    elif held.username is not None and held.password is not None:
        pair = f"{held.username}:{held.password.reveal()}"
        login = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return Access(url, login, held.headers, _tls(held))


def _tls(held: PrometheusHttp) -> SSLContext:
    import ssl

    try:
        context = ssl.create_default_context(cafile=held.tls_ca_file)
        context.check_hostname = held.tls_check_hostname
        if held.tls_cert_file is not None:
            password = "" if held.tls_key_password is None else held.tls_key_password.reveal()
            context.load_cert_chain(held.tls_cert_file, held.tls_key_file, lambda: password)
    except OSError as error:
        files = (held.tls_ca_file, held.tls_cert_file, held.tls_key_file)
        named = ", ".join(str(file) for file in files if file is not None)
        raise CoralError(f"certificates and key in PEM expected in {named}: {error}") from None
    return context
