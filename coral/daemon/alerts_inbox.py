"""Alerts of others: from their topic to the engines, and from HTTP into that topic."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from coral.contract.alerts import Addresses, Alert, decode
from coral.daemon.inbox import Inbox, Refuse
from coral.engine import Engine
from coral.errors import EventError
from coral.http.state import AlertsTaken
from coral.settings import Settings
from streams.base import Sink
from streams.clock import Clock

__all__ = ["AlertsPost", "addresses_of", "alerts_inbox"]

log = structlog.stdlib.get_logger()

_MOST_HELD: Final = 100
_FLUSH_S: Final = 5.0
_MOST_REASONS: Final = 5
_HEADERS: Final = (("content-type", b"application/json"),)


def addresses_of(settings: Settings) -> Addresses:
    """Return how the system of an alert is found."""
    named = tuple(name for name in settings.systems if name != "*")
    return Addresses(settings.alerts.system, named)


def alerts_inbox(
    read: Callable[[], Iterable[bytes]], addresses: Addresses, clock: Clock, max_systems: int
) -> Inbox[Alert]:
    """Return the inbox of alerts.

    Parameters
    ----------
    read : callable
        Returns the messages that came since it was called last.
    addresses : Addresses
    clock : Clock
    max_systems : int
        Alerts of further systems are refused.
    """

    def collect(refuse: Refuse) -> list[Alert]:
        found: list[Alert] = []
        for message in read():
            try:
                found += decode(message, addresses, refuse)
            except EventError as error:
                refuse(str(error))
        return found

    return Inbox(
        "alerts",
        collect,
        Engine.alert,
        _tell,
        clock,
        max_systems=max_systems,
        max_held=_MOST_HELD,
    )


class AlertsPost:
    """Writes alerts that somebody sends over HTTP into their topic, where every member reads them.

    What is stored there is not lost with this process, and reaches the member that has the system.

    Parameters
    ----------
    sink : Sink
        Nobody else's.
    topic : str
    addresses : Addresses
    """

    def __init__(self, sink: Sink, topic: str, addresses: Addresses) -> None:
        self._sink, self._topic, self._addresses = sink, topic, addresses
        self._one = threading.Lock()  # a sink belongs to one thread at a time

    def __call__(self, message: bytes) -> AlertsTaken:
        """Return what was taken, and why the rest was not, when it is stored.

        Raises
        ------
        EventError
            If it holds no alert of any system.
        SinkError
            If the brokers do not store it.
        """
        refused = list[str]()
        taken = decode(message, self._addresses, refused.append)
        if refused and not taken:
            raise EventError(refused[0])
        if taken:
            with self._one:
                self._sink.send(self._topic, None, message, _HEADERS)
                self._sink.flush(_FLUSH_S)
        return AlertsTaken(len(taken), [*dict.fromkeys(refused)][:_MOST_REASONS])


def _tell(taken: Sequence[Alert]) -> None:
    """Log alerts that were taken: one by one as they come, in sum as a start finds them."""
    if len(taken) > 1:
        firing = sum(alert.ends is None for alert in taken)
        systems = sorted({alert.system for alert in taken})
        log.info("alerts_taken", count=len(taken), firing=firing, systems=systems)
    for alert in taken if len(taken) == 1 else ():
        log.info("alert_taken", system=alert.system, alert=alert.name, firing=alert.ends is None)
