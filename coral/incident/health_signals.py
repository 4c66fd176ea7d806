"""The health signals of a system: what its users feel, and which of its objectives are breached."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.config import SystemConfig
from coral.contract.events import Felt, significant
from coral.incident.offered_load import OfferedLoad
from coral.localise.golden_signals import edges_of, proposed
from coral.localise.layout import metric_of
from coral.localise.roles import Role, healthy_direction, role_of
from detectors.decision.alarm_budget import WEEK_S, AlarmBudget
from detectors.health.habits import Habits
from detectors.health.health_watch import HealthWatch
from detectors.health.objective import Objectives, readings_of
from detectors.health.policy import HEALTH, HealthPolicy
from detectors.health.surge import Surge
from detectors.places import places

__all__ = ["HealthSignals", "Onset", "SignalLimit"]

Floats = NDArray[np.float64]


class Onset(NamedTuple):
    """Where a page comes from.

    Attributes
    ----------
    source : str
        ``health`` = the watch on the signal, ``objective`` = an objective that is breached.
    signal : str
        The series.
    value, limit : float
        What the rule compared: evidence in scales beyond the ordinary, or readings in raw units.
    rows : int
        Rows ago at which it began.
    """

    source: Literal["health", "objective"]
    signal: str
    value: float
    limit: float
    rows: int


class SignalLimit(NamedTuple):
    """Usual level of a signal and what an extreme reading passes, raw units.

    Equal for a signal that was constant: any other value is extreme. The upper one of a signal
    that may be bad either way.
    """

    level: float
    value: float


class HealthSignals:
    """Watches the health signals of one system, configured or proposed, and their objectives.

    Parameters
    ----------
    system : SystemConfig
    per_week : float
        Pages a week that the watch may raise of which no other statistic says anything.
    policy : HealthPolicy

    Attributes
    ----------
    names : tuple of str
        Series that are watched.
    pages_per_week : float
        As given.
    paged : Onset or None
        What has begun to be felt with the newest row.
    surged : Onset or None
        What is felt, and has gone up again with the newest row from where it was in the incident.
    """

    def __init__(
        self, system: SystemConfig, per_week: float, policy: HealthPolicy = HEALTH
    ) -> None:
        self._system = system
        self.names: tuple[str, ...] = ()
        self._series: tuple[str, ...] = ()
        self._latency: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self._places: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._load = OfferedLoad((), ())
        self._policy = policy
        self.pages_per_week = per_week
        self._watched_rows = 0
        self._watch = HealthWatch([], policy)
        self._surge = Surge(0, policy)
        self._habits = Habits(0, system.interval_s, policy)
        self._budget = AlarmBudget(per_week, system.interval_s, 1)
        self._rules = system.objectives
        self._objectives = Objectives(self._rules, system.interval_s)
        self._objective_places: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._total_places: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._breached: NDArray[np.bool_] = np.zeros(len(self._rules), dtype=np.bool_)
        self._row: Floats = np.zeros(0)
        self.paged: Onset | None = None
        self.surged: Onset | None = None
        self._unconfirmed = False  # whether the newest page has been paid for

    @property
    def alarm(self) -> bool:
        """Whether a signal is felt, or an objective breached, now."""
        return self._watch.alarm or bool(self._breached.any())

    @property
    def suffers(self) -> bool:
        """Whether the newest row agrees with what is felt, and does not speak of a recovery."""
        return bool(self._watch.persists.any() or self._breached.any())

    @property
    def moving(self) -> bool:
        """Whether there is any evidence that a signal left its usual range."""
        return self.alarm or bool((self._watch.evidence > 0.0).any())

    @property
    def named(self) -> bool:
        """Whether there are health signals at all, so that not every change pages."""
        return bool(self._system.kpi or self.names)

    @property
    def alarms(self) -> int:
        """Pages raised so far, without those that another statistic has seen too."""
        return self._budget.alarms

    @property
    def watched_weeks(self) -> float:
        """Normal operation since a signal was known well enough to be judged, weeks."""
        return self._watched_rows * self._system.interval_s / WEEK_S

    @property
    def certified_per_week(self) -> float:
        """Rate of false pages that what was seen rules out: `AlarmBudget.certified_per_week`."""
        return self._budget.certified_per_week(self.watched_weeks)

    @property
    def ready(self) -> list[str]:
        """Signals that are known well enough to be judged."""
        return [name for name, ready in zip(self.names, self._watch.ready, strict=True) if ready]

    @property
    def absent(self) -> list[str]:
        """Configured signals that have never occurred."""
        return [name for name in self._system.health_names if name not in self._series]

    @property
    def readings_needed(self) -> dict[str, int]:
        """Readings that each signal needs yet before it is judged; without those that need none."""
        known = self._watch.state_dict()["signals"]["readings"]
        needed = zip(self.names, self._policy.ready_readings - known, strict=True)
        return {name: int(count) for name, count in needed if count > 0}

    @property
    def readings_to_page(self) -> int:
        """Extreme readings in a row that page: two, and more after pages beyond the budget."""
        return math.ceil(self._watch.asked / (self._policy.cap - self._policy.slack))

    @property
    def limits(self) -> dict[str, SignalLimit]:
        """Of each signal that is judged, what a reading must pass to be extreme."""
        held, found = self._watch.state_dict(), {}
        for j, (name, ready) in enumerate(zip(self.names, self._watch.ready, strict=True)):
            facts = {key: values[j] for key, values in held["signals"].items()}
            window = held["_ordered"][j][: min(facts["readings"], self._policy.window)]
            if ready and (limit := self._limit(window, facts, held["_levels"][j])):
                found[name] = limit
        return found

    def _limit(
        self, window: Floats, facts: Mapping[str, Any], levels: Floats
    ) -> SignalLimit | None:
        """Return the level of a signal, and its first value that counts as much as any may."""
        policy, level = self._policy, float(np.median(window))
        recent = slice((facts["part"] + 1) // 2, facts["part"] + 1)
        highest, lowest = levels[0, recent].max(), levels[1, recent].min()
        if window[0] == window[-1]:
            rows = policy.ready_zero_rows if level == 0.0 else policy.ready_constant_rows
            return SignalLimit(level, level) if facts["rows"] >= rows else None
        scale = 1.4826 * float(np.median(np.abs(window - level)))
        scale = scale or 1.2533 * float(np.mean(np.abs(window - level)))
        scale = max(scale, policy.level_share * abs(level))
        scale *= 1.0 + policy.young_readings / facts["readings"]
        if facts["bad"] < 0.0:
            return SignalLimit(level, float(min(level - policy.cap * scale, lowest)))
        return SignalLimit(level, float(max(level + policy.cap * scale, highest)))

    def follow(self, series: Sequence[str]) -> None:
        """Follow the series of the system; a configured signal stays when its series leaves."""
        system = self._system
        place = {name: i for i, name in enumerate(series)}
        wanted = system.health_names or proposed(series, edges_of(system, series))
        kept = system.health_names or place
        stay = [name for name in self.names if name in kept]
        names = (*stay, *(name for name in wanted if name in place and name not in stay))
        index = places(names, self.names)
        self._surge.select(index)
        self._habits.select(index)
        self._watch.follow(index, [-healthy_direction(metric_of(name)) for name in names])
        self.names = names
        latency = [role_of(metric_of(name)) is Role.LATENCY for name in names]
        self._latency = np.array(latency, dtype=np.bool_)
        self._series = tuple(series)
        self._places = places(names, series)
        self._load = OfferedLoad(names, series)
        self._objective_places = places([one.good or one.name for one in self._rules], series)
        self._total_places = places([one.total or "" for one in self._rules], series)

    def update(self, time: float, x: Floats, *, learn: bool) -> None:
        """Take one row of the system.

        Parameters
        ----------
        time : float
            Event time, unix s.
        x : ndarray of shape (n_series,), float64, raw units, NaN = missing
        learn : bool
            Whether the row may be normal.
        """
        self._budget.pay()
        self._watch.ask(self._budget.owed)
        self._watched_rows += learn and bool(self._watch.ready.any())
        was = self.alarm
        self._row = x
        signals = np.where(self._places >= 0, x[self._places], np.nan)
        # Of no request there is no latency: many agents send zero where nothing was answered.
        unanswered = self._latency & (signals == 0.0)
        answered = np.where(unanswered, np.nan, signals)
        signals[unanswered & (self._watch.level > 0.0)] = np.nan
        habits, reporting = self._habits, bool(np.isfinite(x).any())
        load, habit = self._load.of(x), habits.at(time)
        self._watch.update(signals, load, habit, learn=learn, reporting=reporting)
        habits.note(time, answered, self._watch.read, reporting=reporting)
        self.surged = None
        if not learn:
            watch = self._watch
            self._surge.update(signals, watch.read, watch.bad)
            self.surged = self._onset_of(self._surge.begun & watch.felt)
        if len(self._objective_places):
            self._breached = self._objectives.update(time, *self._readings(x))
        self.paged = self._onset() if self.alarm and not was else None
        if self.paged is not None and self.paged.source == "health":
            self._budget.spend()
            self._unconfirmed = True

    def look(self, x: Floats) -> None:
        """Take the newest row again, after a restart: it was judged before that."""
        self._row = x

    def felt(self) -> list[Felt]:
        """Return what is felt now, strongest first."""
        watch, found = self._watch, []
        for j in np.argsort(-watch.evidence, kind="stable"):
            if not watch.felt[j]:
                break
            now = self._value(self._places[j])
            found.append(
                Felt(
                    signal=self.names[j],
                    usual=significant(float(watch.level[j])),
                    now=significant(now) if math.isfinite(now) else None,
                    objective=None,
                )
            )
        for j, one in enumerate(self._rules):
            if self._breached[j]:
                now = float(self._readings(self._row)[0][j])
                found.append(
                    Felt(
                        signal=one.name,
                        usual=None,
                        now=significant(now) if math.isfinite(now) else None,
                        objective=one.text,
                    )
                )
        return found

    def confirm(self) -> None:
        """Let the page that is open cost nothing: another statistic says so too."""
        if self._unconfirmed:
            self._budget.refund()
            self._unconfirmed = False

    def begin(self) -> None:
        """Take note that an incident begins: what goes up from now on is measured from there."""
        self._surge.restart()

    def accept(self) -> None:
        """Take the present level for the normal one."""
        self._watch.accept()

    def restart(self) -> None:
        """Forget what is felt; keep what is known."""
        self._watch.restart()

    def _readings(self, x: Floats) -> tuple[Floats, Floats]:
        """Return what each objective reads in a row, and of how many requests that is."""
        counts, totals = (
            np.where(at >= 0, x[at], np.nan) for at in (self._objective_places, self._total_places)
        )
        return readings_of(self._rules, counts, totals), totals

    def _value(self, place: int) -> float:
        """Newest value of a series, NaN for one that there is not."""
        return float(self._row[place]) if place >= 0 else math.nan

    def _onset_of(self, begun: NDArray[np.bool_]) -> Onset | None:
        """Return the first of the signals that have made a second move, None if there is none."""
        if not begun.any():
            return None
        j = int(np.flatnonzero(begun)[0])
        value = float(self._watch.evidence[j])
        return Onset("health", self.names[j], value, float(self._watch.asked), 1)

    def _onset(self) -> Onset:
        watch = self._watch
        if watch.drift_detected:
            j = watch.worst
            value, limit = float(watch.evidence[j]), float(watch.asked)
            return Onset("health", self.names[j], value, limit, watch.onset_rows)
        j = int(np.flatnonzero(self._breached)[0])
        one = self._rules[j]
        value = float(self._readings(self._row)[0][j])
        rows = round(one.least_s(self._system.interval_s) / self._system.interval_s)
        return Onset("objective", one.name, value, one.limit, rows)

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on identically: plain values and arrays."""
        return {
            "names": list(self.names),
            "watch": self._watch.state_dict(),
            "budget": self._budget.state_dict(),
            "watched_rows": self._watched_rows,
            "unconfirmed": self._unconfirmed,
            "objectives": self._objectives.state_dict(),
            "surge": self._surge.state_dict(),
            "habits": self._habits.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any], series: Sequence[str]) -> None:
        """Continue from what `state_dict` returned; other signals, configured since, begin anew."""
        self.names = tuple(state["names"])
        self._watch = HealthWatch([0] * len(self.names), self._policy)
        self._watch.load_state_dict(state["watch"])
        self._surge = Surge(len(self.names), self._policy)
        self._habits = Habits(len(self.names), self._system.interval_s, self._policy)
        for name, part in (("surge", self._surge), ("habits", self._habits)):
            if name in state:  # older checkpoints have none
                part.load_state_dict(state[name])
        self.follow(series)
        self._budget.load_state_dict(state["budget"])
        self._watched_rows = state.get("watched_rows", 0)
        self._unconfirmed = state["unconfirmed"]
        self._objectives.load_state_dict(state["objectives"])
        self._breached = self._objectives.breached
