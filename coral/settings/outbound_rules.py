"""Rules on who is told over HTTP: addresses, secrets and templates."""

import re
import ssl
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from coral.contract.template import KEY, Template
from coral.errors import TemplateError
from coral.settings.base import Secret
from coral.settings.outbound import Alertmanager, Outbound, Webhook
from coral.settings.problem import Path
from coral.settings.sections import Settings
from streams.http.reach import Reach

__all__ = ["CLOUDEVENTS", "broken_outbound", "reach_of"]

Broken: TypeAlias = tuple[Path, str, str, str]

CLOUDEVENTS = "cloudevents"
"""The template that is none: the event itself."""

_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LEAST_SECRET = 16


def reach_of(outbound: Outbound) -> Reach:
    """Return what may be connected to.

    Raises
    ------
    ValueError
        If a network is none.
    """
    return Reach(outbound.hosts, tuple(ip_network(text) for text in outbound.networks))


def broken_outbound(settings: Settings) -> Iterator[Broken]:
    """Yield what is wrong: key, where in its value, what is expected there, and what is there."""
    outbound, output = settings.outbound, settings.output
    yield from _outbound(outbound)
    for key, inside, rule, got in _alertmanager(output.alertmanager, outbound):
        yield ("output", "alertmanager", key), inside, rule, got
    for name, webhook in output.webhooks.items():
        for key, rule, got in _webhook(webhook, outbound):
            yield ("output", "webhooks", name, key), "", rule, got
    if output.link is not None and _split(output.link) is None:
        yield ("output", "link"), "", "address of http or https expected", repr(output.link)


def _outbound(outbound: Outbound) -> Iterator[Broken]:
    for number, text in enumerate(outbound.networks):
        try:
            ip_network(text)
        except ValueError as error:
            rule = "network such as 10.0.0.0/8 expected"
            yield ("outbound", "networks"), f"[{number}]", rule, str(error)
    file = outbound.tls_ca_file
    if file is not None and not _is_of_certificates(file):
        yield ("outbound", "tls_ca_file"), "", "file of certificates (PEM) expected", repr(file)


def _alertmanager(held: Alertmanager, outbound: Outbound) -> Iterator[tuple[str, str, str, str]]:
    for number, url in enumerate(held.urls):
        rule = _not_to_be_reached(url, outbound)
        if rule is None and ("?" in url or "#" in url):
            rule = "address without ? and # expected"
        if rule is not None:
            yield "urls", f"[{number}]", rule, "another one" if "@" in url else repr(url)
    for name in held.labels:
        if not _LABEL.fullmatch(name):
            yield "labels", "", "names of letters, digits and _ expected", repr(name)
    if not _is_header(held.authorization):
        yield "authorization", "", "one line of ASCII expected", "other text"


def _webhook(held: Webhook, outbound: Outbound) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with a webhook; never its address, which may be a secret."""
    rule = "a value expected"
    if held.url is None or (rule := _not_to_be_reached(held.url.reveal(), outbound) or ""):
        yield "url", rule, "nothing" if held.url is None else "another one"
    if held.secret is not None and len(held.secret.reveal()) < _LEAST_SECRET:
        yield "secret", f"at least {_LEAST_SECRET} characters expected", "fewer"
    if not _is_header(held.authorization):
        yield "authorization", "one line of ASCII expected", "other text"
    names = set[str]()
    if held.template != CLOUDEVENTS:
        try:
            names = Template.of(held.template).names
        except TemplateError as error:
            yield "template", "template that can be filled in expected", str(error)
            return
    if (KEY in names) != (held.key is not None):
        what = "a value" if KEY in names else "nothing"
        got = "nothing" if KEY in names else "a value"
        yield "key", f"{what} expected with template {held.template}", got


def _not_to_be_reached(url: str, outbound: Outbound) -> str | None:
    """Return the rule that an address breaks, as far as that can be said without asking for it."""
    parts = _split(url)
    if parts is None:
        return "address of http or https, without a user and a password, expected"
    host = parts.hostname or ""
    try:
        reach = reach_of(outbound)
        address = ip_address(host)
    except ValueError:  # a name, which leads where it leads; or a network that is told elsewhere
        address = None
        reach = Reach(outbound.hosts)
    if not reach.names(host):
        return "host among `outbound.hosts` expected"
    if address is not None and not reach.allows(address):
        return "public address, or one within `outbound.networks`, expected"
    return None


def _split(url: str) -> SplitResult | None:
    """Return the parts of an address of http or https; None if it is none, or has a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    plain = url.isascii() and url.isprintable() and " " not in url and "@" not in parts.netloc
    known = parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0
    return parts if plain and known else None


def _is_of_certificates(file: str) -> bool:
    try:
        ssl.create_default_context(cafile=file)
    except OSError:
        return False
    return True


def _is_header(text: Secret | None) -> bool:
    return text is None or re.fullmatch(r"[\x20-\x7e]+", text.reveal()) is not None
