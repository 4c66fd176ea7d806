"""Rules that concern more than one value, or need more than a type."""

import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from coral.settings.connections import Encryption, Kafka, PrometheusHttp
from coral.settings.outbound_rules import broken_outbound
from coral.settings.problem import Path
from coral.settings.sections import MAPPING_KEYS, Http, Settings, Topic
from coral.settings.start import start_of
from detectors.statistics.river_catalogue import parse
from detectors.statistics.river_catalogue import problems as statistics_problems
from streams.codec import template_problem

Broken = tuple[Path, str, str, str]
"""Key, where in its value (``[1]``, or empty), what is expected there, and what is there."""


def broken_items(path: Path, value: Any) -> Iterator[tuple[str, str, str]]:
    """Yield the items of a value with which its section refuses to be made.

    Where each stands in the value, what is expected there, and what is there.
    """
    if path == ("engine", "statistics"):
        for number, rule in statistics_problems(value):
            yield f"[{number}]", rule, _shown(value[number])


def broken_rules(settings: Settings) -> Iterator[Broken]:
    """Yield what does not fit together."""
    for key, rule, got in _kafka(settings.kafka):
        yield ("kafka", key), "", rule, got
    for key, rule, got in _http(settings.http):
        yield ("http", key), "", rule, got
    for key, rule, got in _prometheus(settings.prometheus):
        yield ("prometheus", key), "", rule, got
    for name, topic in settings.input.topics.items():
        for key, inside, rule, got in _topic(topic):
            yield ("input", "topics", name, key), inside, rule, got
    for number, template in enumerate(settings.alerts.system):
        problem = template_problem(template)
        if problem is not None:
            yield ("alerts", "system"), f"[{number}]", problem, repr(template)
    for name, system in settings.systems.items():
        for key, number, rule in system.problems():
            yield ("systems", name, key), f"[{number}]", rule, _shown(getattr(system, key)[number])
    try:
        start_of(settings.input.start, 0.0)
    except ValueError as error:
        yield ("input", "start"), "", f"time expected ({error})", repr(settings.input.start)
    yield from _topics(settings)
    yield from broken_outbound(settings)
    yield from _statistics(settings)
    if settings.state.publish == "exactly-once" and settings.state.store != "kafka":
        rule = "at-least-once, or `state.store` kafka, expected"
        yield ("state", "publish"), "", rule, "exactly-once with the file store"


def _tls(section: Encryption) -> Iterator[tuple[str, str, str]]:
    for key in _TLS_FILES:
        file = getattr(section, key)
        if file is not None and not os.access(file, os.R_OK):
            yield key, "file that can be read expected", repr(file)
    if section.tls_key_file is not None and section.tls_cert_file is None:
        yield "tls_cert_file", "the certificate of `tls_key_file` expected", "nothing"


_TLS_FILES = ("tls_ca_file", "tls_cert_file", "tls_key_file")


def _prometheus(held: PrometheusHttp) -> Iterator[tuple[str, str, str]]:
    yield from _tls(held)
    if held.username is not None and held.token is not None:
        yield "username", "nothing expected beside `token`", "a value"
    if (held.username is None) != (held.password is None):
        key = "username" if held.username is None else "password"
        yield key, "both `username` and `password` expected", "one of them"
    for name, value in held.headers.items():
        if not _HEADER.fullmatch(name) or not value.isprintable() or not value.isascii():
            yield "headers", "names and values that HTTP knows expected", repr(name)
        elif name.lower() == "authorization":
            rule = (
                "`token`, or `username` and `password`, which are not shown, expected in its place"
            )
            yield "headers", rule, repr(name)


_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _kafka(kafka: Kafka) -> Iterator[tuple[str, str, str]]:
    yield from _tls(kafka)
    protocol = f"security_protocol {kafka.security_protocol}"
    for key in _TLS_FILES:
        if getattr(kafka, key) is not None and not kafka.security_protocol.endswith("SSL"):
            yield key, f"nothing expected with {protocol}", repr(getattr(kafka, key))
    needed: tuple[str, ...] = ()
    if kafka.security_protocol.startswith("SASL"):
        needed = _LOGIN.get(kafka.sasl_mechanism or "", ("sasl_mechanism",))
    for key in needed:
        if getattr(kafka, key) is None:
            with_what = kafka.sasl_mechanism or protocol
            yield key, f"a value expected with {with_what}", "nothing"
    for key in _LOGIN_KEYS:
        if key not in ("sasl_mechanism", *needed) and getattr(kafka, key) is not None:
            yield key, f"nothing expected with {kafka.sasl_mechanism or protocol}", "a value"
    url = kafka.oauth_token_url
    if url is not None and (urlsplit(url).scheme != "https" or not urlsplit(url).hostname):
        yield "oauth_token_url", "https address expected", repr(url)


_PASSWORD = ("sasl_username", "sasl_password")
_LOGIN = {
    "PLAIN": _PASSWORD,
    "SCRAM-SHA-256": _PASSWORD,
    "SCRAM-SHA-512": _PASSWORD,
    "OAUTHBEARER": ("oauth_token_url", "oauth_client_id", "oauth_client_secret"),
}
_LOGIN_KEYS = ("sasl_mechanism", *_PASSWORD, *_LOGIN["OAUTHBEARER"])


def _http(http: Http) -> Iterator[tuple[str, str, str]]:
    """Yield that a stranger could read, or guess what keeps him from it."""
    if http.token is not None:
        token = http.token.reveal()
        if not _TOKEN.fullmatch(token):
            yield "token", "at least 16 letters, digits or any of -._~+/= expected", "other text"
    elif http.enabled and not http.is_loopback and not http.allow_without_token:
        rule = f"a value, or `http.allow_without_token`, expected with `http.host` {http.host!r}"
        yield "token", rule, "nothing"


# What may stand behind `Bearer` (RFC 6750).
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*")


def _topic(topic: Topic) -> Iterator[tuple[str, str, str, str]]:
    if topic.format == "native":
        for key in MAPPING_KEYS:
            if getattr(topic, key) is not None:
                yield key, "", "nothing expected with format native", _shown(getattr(topic, key))
    for key in ("system", "entity"):
        for number, template in enumerate(getattr(topic, key) or ()):
            problem = template_problem(template)
            if problem is not None:
                yield key, f"[{number}]", problem, repr(template)
    for number, (_, *ends) in enumerate(topic.calls or ()):
        for place, template in enumerate(ends, start=1):
            problem = template_problem(template)
            if problem is not None:
                yield "calls", f"[{number}][{place}]", problem, repr(template)


def _topics(settings: Settings) -> Iterator[Broken]:
    """Yield the topics that would be read and written at once, or written for two purposes."""
    outputs = {("output", "incidents"): settings.output.incidents}
    outputs["output", "dead_letters"] = settings.output.dead_letters
    if settings.state.store == "kafka":
        outputs["state", "topic"] = settings.state.topic
    outputs["alerts", "topic"] = settings.alerts.topic
    taken = dict.fromkeys(settings.input.topics, "input.topics")
    for path, name in outputs.items():
        if name in taken:
            yield path, "", f"topic other than that of `{taken[name]}` expected", repr(name)
        taken[name] = ".".join(path)


def _statistics(settings: Settings) -> Iterator[Broken]:
    """Yield that there may be more series than a further statistic can watch."""
    most = settings.limits.max_series
    for setting in settings.engine.statistics:
        detector = parse(setting)
        can = detector.entry.most_series
        if 0 < can < most:
            rule = f"at most {can} expected with `{detector.name}` in `engine.statistics`"
            yield ("limits", "max_series"), "", rule, str(most)


def _shown(value: object) -> str:
    """Return a value the way it was written: lists are tuples here, tables sections."""
    if isinstance(value, msgspec.Struct):
        held = msgspec.to_builtins(value).items()
        value = {key: list(each) if isinstance(each, tuple) else each for key, each in held}
    return repr(list(value) if isinstance(value, tuple) else value)
