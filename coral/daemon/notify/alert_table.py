"""The alerts of one Alertmanager: firing ones are due again and again, ended ones once."""

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Final, TypeAlias

import msgspec

from coral.contract.alert import alert_of, labels_of
from coral.contract.events import unix
from coral.contract.notice import Notice
from streams.clock import Clock
from streams.http.courier import Letter

__all__ = ["MOST", "AlertTable"]

MOST: Final = 2000
"""Alerts; the oldest make room and are counted. A system has one that fires."""
BATCH: Final = 64
"""Alerts of one letter."""
LASTS: Final = 4.0
"""An alert is over, unless it is sent again, after so many times the pause between two."""
HELD: Final = 0.25
"""Share of the pause after which what a checkpoint knows to be open is sent again."""

_Key: TypeAlias = tuple[tuple[str, str], ...]


class _Alert:
    """What Alertmanager is to know of one set of labels."""

    __slots__ = ("ended", "not_before", "notice", "sent", "version")

    def __init__(self, notice: Notice, version: int, ended: float | None) -> None:
        self.notice = notice
        self.version = version
        self.ended = ended  # unix s
        self.sent: float | None = None  # monotonic s; None: it is due
        self.not_before = 0.0  # monotonic s


class AlertTable:
    """What is firing, and what has ended and was not told yet; a mailbox.

    An alert is known by its labels. When those of an incident change, because its ranking has
    settled on another entity, or because a change has become an incident, the alert with the old
    ones ends.

    Parameters
    ----------
    clock : Clock
    resend_s : float
        Seconds after which a firing alert is sent again.
    labels : mapping
        Of the configuration, for every alert.
    headers : mapping
        Of every letter.
    runbook : str, optional

    Attributes
    ----------
    lost : int
    """

    def __init__(
        self,
        clock: Clock,
        resend_s: float,
        labels: Mapping[str, str],
        headers: Mapping[str, str],
        runbook: str | None = None,
    ) -> None:
        self._clock, self._resend_s, self._runbook = clock, resend_s, runbook
        self._labels, self._headers = labels, headers
        self._alerts: dict[_Key, _Alert] = {}
        self._firing: dict[str, _Key] = {}  # by incident
        self._version = 0
        self.lost = 0

    def put(self, notice: Notice) -> None:
        """Note the newest revision of an incident."""
        key = tuple(sorted(labels_of(notice, self._labels).items()))
        before = self._firing.get(notice.incident)
        if notice.action == "resolve":
            self._firing.pop(notice.incident, None)
            self._set(before or key, notice, unix(notice.now))
        else:
            if before is not None and before != key:
                self._set(before, self._alerts[before].notice, self._clock.time())
            self._firing[notice.incident] = key
            self._set(key, notice, None)
        if len(self._alerts) > MOST:
            oldest = next(iter(self._alerts))
            gone = self._alerts.pop(oldest).notice.incident
            if self._firing.get(gone) == oldest:
                del self._firing[gone]
            self.lost += 1

    def hold(self, notice: Notice) -> None:
        """Go on with an incident that was open when a checkpoint was taken.

        What ended since then, and was told to have, is not to fire in between: the rows since the
        checkpoint come first.
        """
        self.put(notice)
        alert = self._alerts[self._firing[notice.incident]]
        alert.not_before = self._clock.monotonic() + HELD * self._resend_s

    def forget(self, systems: Collection[str]) -> None:
        """Leave the firing alerts of some systems to whoever watches these now."""
        for incident, key in list(self._firing.items()):
            if self._alerts[key].notice.system in systems:
                del self._firing[incident], self._alerts[key]

    def next(self) -> Letter | None:
        """Return a letter with the alerts that are due."""
        now = self._clock.monotonic()
        due = [*islice((key for key, one in self._alerts.items() if self._due(one) <= now), BATCH)]
        if not due:
            return None
        wall = self._clock.time()
        body = [self._written(key, self._alerts[key], wall) for key in due]
        what = [(key, self._alerts[key].version) for key in due]
        return Letter(msgspec.json.encode(body), dict(self._headers), what, len(due))

    def done(self, letter: Letter) -> None:
        """Note that the alerts of a letter were taken, as they were then."""
        for key, version in letter.what:
            alert = self._alerts.get(key)
            if alert is None or alert.version != version:
                continue
            alert.sent = self._clock.monotonic()
            if alert.ended is not None:
                del self._alerts[key]

    def idle_s(self) -> float:
        """Return after how many seconds an alert is due again."""
        due = min(map(self._due, self._alerts.values()), default=float("inf"))
        return max(due - self._clock.monotonic(), 0.0)

    def __len__(self) -> int:
        """Return how many alerts are due."""
        now = self._clock.monotonic()
        return sum(self._due(alert) <= now for alert in self._alerts.values())

    def _set(self, key: _Key, notice: Notice, ended: float | None) -> None:
        self._version += 1
        before, alert = self._alerts.get(key), _Alert(notice, self._version, ended)
        if before is not None and ended is None:
            alert.not_before = before.not_before
            if notice.happened == "updated":  # what is not news waits until it is sent again
                alert.sent = before.sent
        self._alerts[key] = alert

    def _due(self, alert: _Alert) -> float:
        again = 0.0 if alert.sent is None else alert.sent + self._resend_s
        return max(again, alert.not_before)

    def _written(self, key: _Key, alert: _Alert, now: float) -> object:
        # Rows may be stamped ahead of the clock; what is over must not end in the future.
        ends = now + LASTS * self._resend_s if alert.ended is None else min(alert.ended, now)
        return alert_of(alert.notice, dict(key), ends, now, self._runbook)
