"""The alerts that others raise of one system: which fire in event time, and what came of them."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from coral.contract.alerts import Alert, alerted
from coral.contract.events import Alerted
from coral.incident.policy import OpeningPolicy

__all__ = ["Alerts", "Outcome"]

Outcome: TypeAlias = Literal["opened", "joined", "late", "flapping", "over", "repeated", "dropped"]
"""What came of an alert: it opened an incident or joined an open one; it began before all that is
remembered; it fires again and again; it was over before a row of its time came; it was known
already; there were too many."""

MOST_ALERTS: Final = 200
"""Remembered of a system."""
MOST_NAMED: Final = 20


class _Known(msgspec.Struct):
    """One alert, and what came of it since it began to fire."""

    alert: Alert
    state: Literal["waiting", "open", "done"] = "waiting"
    opened: list[float] = []  # when it opened incidents, unix s, the newest last

    def fires(self, time: float) -> bool:
        """Whether it fires at an event time."""
        return (
            self.alert.starts <= time < (math.inf if self.alert.ends is None else self.alert.ends)
        )


class Alerts:
    """Remembers alerts until event time has come to them, and which of them an incident is about.

    They come when they come: before the rows of their time, after them, or again and again. What
    they do depends on event time alone.

    Parameters
    ----------
    policy : OpeningPolicy

    Attributes
    ----------
    opening : Alert or None
        That with which an incident is to begin at the newest row.
    outcomes : Counter of str
        What came of alerts, since somebody took these numbers last; no part of the state.
    """

    def __init__(self, policy: OpeningPolicy) -> None:
        self._policy = policy
        self._known: dict[str, _Known] = {}
        self._now = -math.inf
        self.opening: Alert | None = None
        self.outcomes = Counter[Outcome]()

    @property
    def firing(self) -> bool:
        """Whether an alert of the open incident fires."""
        return any(one.state == "open" and one.fires(self._now) for one in self._known.values())

    @property
    def named(self) -> list[Alerted]:
        """The alerts of the open incident, the first ones first."""
        found = [one.alert for one in self._known.values() if one.state == "open"]
        found.sort(key=lambda alert: (alert.starts, alert.key))
        return [alerted(alert) for alert in found[:MOST_NAMED]]

    def take(self, alert: Alert) -> None:
        """Take note of what an alert says now; saying it twice changes nothing."""
        known = self._known.get(alert.key)
        if known is None or alert.starts > known.alert.starts:
            before = [] if known is None else known.opened
            self._known[alert.key] = _Known(alert, opened=before)
            self._bound()
            return
        # Words may cross: an older one is no news, and an end holds.
        older = alert.starts < known.alert.starts
        undone = alert.ends is None and known.alert.ends is not None
        if older or undone or alert == known.alert:
            self.outcomes["repeated"] += 1
        else:
            known.alert = alert

    def update(self, time: float, earliest: float, *, is_open: bool) -> bool:
        """Go on to the event time of a row; return whether alerts have joined the open incident.

        Parameters
        ----------
        time : float
            Unix s.
        earliest : float
            Event time of the first row that can be looked back to; an alert that began before is
            late.
        is_open : bool
            Whether an incident is open.
        """
        self._now = time
        self.opening = None
        if not self._known:
            return False
        flaps, flaps_s = self._policy.flaps, self._policy.flaps_s
        due = [one for one in self._known.values() if one.state == "waiting"]
        due = [one for one in due if one.alert.starts <= time]
        for one in due:
            if not one.fires(time):
                self._end(one, "over")
            elif is_open:
                self._belongs(one, "joined")
            elif one.alert.starts < earliest:
                self._end(one, "late")
            elif sum(time - flaps_s < at for at in one.opened) >= flaps:
                self._end(one, "flapping")
        first = [one for one in due if one.state == "waiting"]
        first.sort(key=lambda one: (one.alert.starts, one.alert.key))
        for number, one in enumerate(first):
            self._belongs(one, "joined" if number else "opened")
        if first:
            self.opening = first[0].alert
            first[0].opened = [*first[0].opened, time][-flaps:]
        return is_open and any(one.state == "open" for one in due)

    def close(self) -> None:
        """Let the alerts of the incident that ends, though some may fire on, open none again."""
        for one in self._known.values():
            if one.state == "open":
                one.state = "done"

    def _belongs(self, one: _Known, outcome: Outcome) -> None:
        one.state = "open"
        self.outcomes[outcome] += 1

    def _end(self, one: _Known, outcome: Outcome) -> None:
        one.state = "done"
        self.outcomes[outcome] += 1

    def _bound(self) -> None:
        """Forget the first of those that are done; if none is, the one that begins last."""
        if len(self._known) <= MOST_ALERTS:
            return
        order = {key: (one.alert.starts, key) for key, one in self._known.items()}
        done = [key for key, one in self._known.items() if one.state == "done"]
        place = order.__getitem__
        del self._known[min(done, key=place) if done else max(order, key=place)]
        self.outcomes["dropped"] += not done

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on identically: plain values."""
        return {"known": [msgspec.to_builtins(one) for one in self._known.values()]}

    def load_state_dict(self, state: Mapping[str, Any], time: float | None) -> None:
        """Continue from what `state_dict` returned, at the event time of the newest row, if any."""
        known = msgspec.convert(state["known"], list[_Known])
        self._known = {one.alert.key: one for one in known}
        self._now = -math.inf if time is None else time
