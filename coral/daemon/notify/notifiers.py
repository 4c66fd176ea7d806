"""The sections `output.alertmanager` and `output.webhooks` as couriers, and who is told what."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog

from coral import __version__
from coral.contract.events import CONTENT_TYPE, Event
from coral.contract.notice import Notice, notice_of
from coral.contract.template import Template
from coral.daemon.notify.alert_table import AlertTable
from coral.daemon.notify.message_queue import MessageQueue, Wording
from coral.http.state import SinkState
from coral.settings import Settings
from coral.settings.base import Secret
from coral.settings.outbound import Alertmanager, Webhook
from coral.settings.outbound_rules import CLOUDEVENTS, reach_of
from streams.clock import Clock
from streams.http.client import Answer, Client
from streams.http.courier import Courier, Letter

__all__ = ["Notifiers", "notifying"]

log = structlog.stdlib.get_logger()

ALERTS_PATH: Final = "/api/v2/alerts"
DRAIN_S: Final = 5.0
"""Longest time at the end for what is still to be told."""
_REPORT_S: Final = 60.0
_MASK: Final = "********"
_AGENT: Final = {"User-Agent": f"coral/{__version__}"}
_JSON: Final = {"Content-Type": "application/json"}


class Notifiers:
    """Tells everybody of the configuration; returns at once, whatever becomes of it.

    Parameters
    ----------
    settings : Settings
    clock : Clock
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        output, outbound = settings.output, settings.outbound
        self._link = output.link or ""
        self._unfelt: dict[str, str] = {}  # system of each open change
        self._untold: dict[str, str] = {}  # by system, the open incident that is history so far
        self._alerts: dict[str, Courier[AlertTable]] = {}
        self._messages: dict[str, tuple[Courier[MessageQueue], bool]] = {}
        self._with_changes = output.alertmanager.changes
        if not output.alertmanager.urls and not output.webhooks:
            return
        client = Client(reach_of(outbound), outbound.tls_ca_file, outbound.timeout_s)
        hidden = tuple(filter(None, [_revealed(output.alertmanager.authorization)]))
        for url in output.alertmanager.urls:
            name = f"alertmanager/{urlsplit(url).netloc}{urlsplit(url).path}".rstrip("/")
            send = partial(_sent, client, url.rstrip("/") + ALERTS_PATH)
            table, said = _table(output.alertmanager, clock), _CourierLog(name, clock, hidden)
            self._alerts[name] = Courier(table, send, clock, said)
        for label, webhook in output.webhooks.items():
            name, url = f"webhooks/{label}", _revealed(webhook.url)
            queue, said = _queue(webhook, clock), _CourierLog(name, clock, _hidden(webhook))
            courier = Courier(queue, partial(_sent, client, url), clock, said)
            self._messages[name] = (courier, webhook.changes)

    def start(self) -> None:
        """Begin to tell."""
        for courier in self._couriers().values():
            courier.start()

    def told(self, event: Event, encoded: bytes, *, history: bool = False) -> None:
        """Tell what was just published.

        What opens as history wakes nobody. If it is still open when the present is reached, it
        is told as if it had opened then; if not, its end is not told either.

        Parameters
        ----------
        event : Event
        encoded : bytes
            The same, as it is published.
        history : bool
            Whether the rows that it is of were read from a backlog.
        """
        data = event.data
        was_change = self._unfelt.pop(data.incident, None) is not None
        if data.kind == "change" and data.resolution is None:
            self._unfelt[data.incident] = data.system
        if not self._alerts and not self._messages:
            return
        felt = was_change and data.kind == "incident" and data.resolution is None
        notice = notice_of(event, self._link, felt=felt)
        if history and notice.happened == "opened":
            self._untold[data.system] = data.incident
        if self._untold.get(data.system) == data.incident:
            if notice.action == "trigger" and history:
                return
            del self._untold[data.system]
            if notice.action == "resolve":
                return
            notice = msgspec.structs.replace(notice, happened="opened")
        self._alert(notice, AlertTable.put)
        if notice.happened != "updated":
            for courier, changes in self._messages.values():
                if changes or notice.kind == "incident":
                    courier.change(partial(_put_message, notice, encoded))

    def untold(self, systems: Collection[str]) -> list[str]:
        """Return those of some systems whose open incident is history so far: nobody knows it."""
        return sorted(self._untold.keys() & systems)

    def restored(self, event: Event, *, told: bool) -> None:
        """Go on with an incident that is open since before this process.

        Alerts end by themselves unless they are sent again, so these are, where it was told.
        """
        data = event.data
        if data.kind == "change":
            self._unfelt[data.incident] = data.system
        if not told:
            self._untold[data.system] = data.incident
            return
        self._alert(notice_of(event, self._link), AlertTable.hold)

    def lost(self, systems: Collection[str]) -> None:
        """Leave some systems to whoever has them now."""
        for incident, system in list(self._unfelt.items()):
            if system in systems:
                del self._unfelt[incident]
        for system in self._untold.keys() & systems:
            del self._untold[system]
        for courier in self._alerts.values():
            courier.change(lambda table: table.forget(systems))

    def states(self) -> tuple[SinkState, ...]:
        """Return how each of them does."""
        held = {name: courier.delivered() for name, courier in self._couriers().items()}
        return tuple(SinkState(name, **state._asdict()) for name, state in held.items())

    def close(self) -> None:
        """Tell what is still to be told, within some time for all of them together."""
        couriers = self._couriers().values()
        for courier in couriers:
            courier.end()
        for courier in couriers:
            courier.join(DRAIN_S / len(couriers))

    def _couriers(self) -> dict[str, Courier[AlertTable] | Courier[MessageQueue]]:
        return {**self._alerts, **{name: one for name, (one, _) in self._messages.items()}}

    def _alert(self, notice: Notice, how: Callable[[AlertTable, Notice], None]) -> None:
        if self._with_changes or notice.kind == "incident":
            for courier in self._alerts.values():
                courier.change(lambda table: how(table, notice))


@contextmanager
def notifying(settings: Settings, clock: Clock) -> Iterator[Notifiers]:
    """Yield what tells everybody, and end it in good order."""
    notifiers = Notifiers(settings, clock)
    notifiers.start()
    try:
        yield notifiers
    finally:
        notifiers.close()


def _put_message(notice: Notice, encoded: bytes, queue: MessageQueue) -> None:
    queue.put(notice, encoded)


def _sent(client: Client, url: str, letter: Letter) -> Answer:
    return client.post(url, letter.body, letter.headers)


def _table(held: Alertmanager, clock: Clock) -> AlertTable:
    headers = _AGENT | _JSON | _authorization(held.authorization)
    return AlertTable(clock, held.resend_s, held.labels, headers, held.runbook_url)


def _queue(held: Webhook, clock: Clock) -> MessageQueue:
    itself = held.template == CLOUDEVENTS
    kind = {"Content-Type": CONTENT_TYPE[0][1].decode()} if itself else _JSON
    wording = Wording(
        None if itself else Template.of(held.template),
        _revealed(held.key),
        None if held.secret is None else held.secret.reveal(),
        _AGENT | kind | _authorization(held.authorization),
    )
    return MessageQueue(clock, held.queue, wording)


def _authorization(secret: Secret | None) -> dict[str, str]:
    return {} if secret is None else {"Authorization": secret.reveal()}


def _revealed(secret: Secret | None) -> str:
    return "" if secret is None else secret.reveal()


def _hidden(held: Webhook) -> tuple[str, ...]:
    """Return what an answer might repeat and no log may show, longest first."""
    url = urlsplit(_revealed(held.url))
    parts = [url.path, url.query, *url.path.split("/"), *url.query.split("&")]
    parts += [_revealed(held.key), _revealed(held.secret), _revealed(held.authorization)]
    return tuple(sorted({part for part in parts if len(part) >= 6}, key=len, reverse=True))


class _CourierLog:
    """Logs what a courier says; of answers that refuse, one a minute."""

    def __init__(self, sink: str, clock: Clock, hidden: tuple[str, ...]) -> None:
        self._sink, self._clock, self._hidden = sink, clock, hidden
        self._refused = -_REPORT_S

    def __call__(self, what: str, reason: str) -> None:
        for part in self._hidden:
            reason = reason.replace(part, _MASK)
        match what:
            case "failing":
                log.warning("sink_failing", sink=self._sink, reason=reason)
            case "restored":
                log.info("sink_restored", sink=self._sink)
            case "refused":
                now = self._clock.monotonic()
                if now - self._refused >= _REPORT_S:
                    self._refused = now
                    log.warning("sink_refused", sink=self._sink, reason=reason)
            case _:
                log.error("sink_crashed", sink=self._sink, reason=reason)
