"""Alerts that others raise: the webhooks of Alertmanager and Grafana, as such or as CloudEvents."""

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from coral.contract.events import Alerted, timestamp
from coral.errors import EventError
from coral.text import printable
from streams.codec.labelled.mapping import filled
from streams.series import MAX_NAME, canonical

__all__ = ["ALERTS", "Addresses", "Alert", "alerted", "decode", "encode"]

ALERTS: Final = "coral.alerts.v1"
"""Topic of the alerts, unless the configuration names another."""
MOST_ALERTS: Final = 1000
"""Of one message."""
LONGEST_TEXT: Final = 300
_LONGEST_NAME: Final = 200
_LONGEST_KEY: Final = 64
# What the senders write into the summary of an alert, the first that is there.
_TEXTS: Final = ("summary", "description", "message")


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What one alert of one system says now.

    Parameters
    ----------
    system : str
    key : str
        The same for the same labels.
    name : str
        Label `alertname`.
    severity : str
        Label `severity`; empty where there is none.
    text : str
        Its annotation `summary`, or `description`; at most 300 characters.
    starts : float
        When it began to fire, unix s: later than what is wrong by as long as it had to last.
    ends : float or None
        When it ended, unix s; None while it fires.
    """

    system: str
    key: str
    name: str
    starts: float
    ends: float | None = None
    severity: str = ""
    text: str = ""

    @property
    def since(self) -> float:
        """When it began."""
        return self.starts


class Addresses(NamedTuple):
    """How the system of an alert is found.

    Attributes
    ----------
    templates : tuple of str
        Over its labels; the first that can be filled names the system.
    systems : tuple of str
        Systems of the configuration: one that is alone needs not be named.
    """

    templates: tuple[str, ...]
    systems: tuple[str, ...] = ()

    def system_of(self, labels: Mapping[str, str]) -> str:
        """Return the system that an alert with these labels is about.

        Raises
        ------
        EventError
            Naming what is expected and the labels that there are.
        """
        found = filled(self.templates, lambda label: labels.get(label, ""))
        if found:
            return canonical(found)
        if len(self.systems) == 1:
            return self.systems[0]
        known = ", ".join(sorted(labels))[:_LONGEST_NAME] or "none"
        wanted = " or ".join(self.templates)
        raise EventError(
            f"labels for the system {wanted} expected (`alerts.system`), got {printable(known)}"
        )


_Time = Annotated[dt.datetime, Meta(tz=True)]


class _Sent(msgspec.Struct, frozen=True, rename="camel"):
    """One alert, as both senders write it."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    starts_at: _Time
    ends_at: _Time | None = None
    annotations: dict[str, str] | None = None
    fingerprint: str = ""


class _Webhook(msgspec.Struct, frozen=True):
    alerts: Annotated[list[_Sent], Meta(max_length=MOST_ALERTS)]


class _CloudEvent(msgspec.Struct, frozen=True):
    """Structured mode; in binary mode the value of the record is the webhook itself."""

    specversion: Literal["1.0"]
    data: _Webhook


class _AlertForm(msgspec.Struct, frozen=True):
    """Which of the two a message is."""

    specversion: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def decode(message: bytes, addresses: Addresses, refuse: Callable[[str], None]) -> list[Alert]:
    """Return the alerts of a message; one that cannot be used is refused alone.

    Parameters
    ----------
    message : bytes
        JSON.
    addresses : Addresses
    refuse : callable
        Gets why an alert is left out.

    Raises
    ------
    EventError
        Naming the path and the rule, when the message holds no alerts.
    """
    found = []
    for sent in _sent(message):
        try:
            found.append(_read(sent, addresses))
        except EventError as error:
            refuse(str(error))
    return found


def encode(alert: Alert) -> bytes:
    """Return an alert as a webhook of Alertmanager, with its system as the label `system`."""
    labels = {"alertname": alert.name, "severity": alert.severity, "system": alert.system}
    sent = _Sent(
        status="firing" if alert.ends is None else "resolved",
        labels={label: value for label, value in labels.items() if value},
        starts_at=dt.datetime.fromtimestamp(alert.starts, dt.UTC),
        ends_at=None if alert.ends is None else dt.datetime.fromtimestamp(alert.ends, dt.UTC),
        annotations={"summary": alert.text},
        fingerprint=alert.key,
    )
    return msgspec.json.encode(_Webhook([sent]))


def alerted(alert: Alert) -> Alerted:
    """Return an alert as the events of an incident name it."""
    ends = None if alert.ends is None else timestamp(alert.ends)
    return Alerted(alert.name, alert.severity, alert.text, timestamp(alert.starts), ends)


def _sent(message: bytes) -> list[_Sent]:
    try:
        form = msgspec.json.decode(message, type=_AlertForm)
        if form.specversion is msgspec.UNSET:
            return msgspec.json.decode(message, type=_Webhook).alerts
        return msgspec.json.decode(message, type=_CloudEvent).data.alerts
    except (ValueError, RecursionError) as error:
        raise EventError(f"no alerts of Alertmanager or Grafana: {error}") from error


def _read(sent: _Sent, addresses: Addresses) -> Alert:
    if sent.labels.get("source") == "coral":
        raise EventError("an alert of somebody else expected, got one that CORAL sent")
    system = addresses.system_of(sent.labels)
    if len(system) > MAX_NAME:
        raise EventError(f"system of at most {MAX_NAME} characters expected, got {len(system)}")
    notes, starts = sent.annotations or {}, sent.starts_at.timestamp()
    ends = None
    if sent.status == "resolved":  # while it fires, this is when it would be given up
        ends = starts if sent.ends_at is None else max(sent.ends_at.timestamp(), starts)
    return Alert(
        system=system,
        key=sent.fingerprint[:_LONGEST_KEY] or _digest(sent.labels),
        name=sent.labels.get("alertname", "")[:_LONGEST_NAME] or "unnamed",
        severity=sent.labels.get("severity", "")[:_LONGEST_KEY],
        text=next(filter(None, map(notes.get, _TEXTS)), "")[:LONGEST_TEXT],
        starts=starts,
        ends=ends,
    )


def _digest(labels: Mapping[str, str]) -> str:
    """Return a fingerprint of labels, for a sender that writes none."""
    text = msgspec.json.encode(labels, order="sorted")
    return hashlib.blake2b(text, digest_size=8).hexdigest()
