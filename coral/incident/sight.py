"""What could be noticed of a system now, and what not: its phase, why, and what would end it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import numpy as np

from coral.config import SystemConfig
from coral.incident.budgets import Budgets
from coral.incident.health_signals import HealthSignals, SignalLimit
from coral.text import quoted, seconds, told_apart
from detectors.names import STATISTICS, Statistic
from detectors.trigger import Trigger
from streams.series import entity_of
from streams.topology import Pair, meant, seen_calls

__all__ = ["Lookout", "Phase", "Sight"]

Phase = Literal["warming", "blind", "watching", "diagnosing", "settled"]

# Learned rows between two looks whether anything could be seen: a look costs as much as a row.
ROWS_A_LOOK: Final = 16
# Series of the change that the reach is said for.
MOVED: Final = 5
# Health signals whose reach is said.
NAMED: Final = 3
_PERSISTENCE: Final = STATISTICS[Statistic.PERSISTENCE]
_WORDS: Final = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}


class Sight(NamedTuple):
    """What could be noticed, in sentences.

    Attributes
    ----------
    phase : str
    needed : list of str
        Why less can be seen than there is to see, and what would end that.
    reach : list of str
        The least that would be noticed within two rows; empty = nothing.
    absent_signals, absent_entities : list of str
        Health signals and entities of the topology that have never occurred.
    budgets : Budgets or None
        None when the onset is given.
    calls : list of (str, str)
        Caller and callee, as the series show it; without what is configured.
    meant : mapping of str to str
        Of some absent names, the one that occurs and may be meant instead.
    aggregated : sequence of str
        Which health signals stand for several series, and how, in sentences.
    """

    phase: Phase
    needed: list[str]
    reach: list[str]
    absent_signals: list[str]
    absent_entities: list[str]
    budgets: Budgets | None
    calls: Sequence[Pair] = ()
    meant: Mapping[str, str] = MappingProxyType({})
    aggregated: Sequence[str] = ()


class Lookout:
    """Says what could be noticed of a system.

    Parameters
    ----------
    system : SystemConfig
    health : HealthSignals
        Of the system.
    """

    def __init__(self, system: SystemConfig, health: HealthSignals) -> None:
        self._system, self._health = system, health
        self._looked = -1  # learned rows at the last look, in looks ...
        self._blind = True  # ... and what it found

    def phase(self, trigger: Trigger | None, *, given: bool) -> Phase:
        """Return what an engine without an open incident is doing.

        Parameters
        ----------
        trigger : Trigger or None
            None before the first row, and when the onset is given.
        given : bool
            Whether it is.
        """
        if given:
            return "watching"
        if trigger is None or not trigger.warm:
            return "warming"
        if self._health.ready:
            return "watching"
        look = trigger.learned_rows // ROWS_A_LOOK
        if look != self._looked:
            self._looked, self._blind = look, trigger.blind
        return "blind" if self._blind else "watching"

    def sight(self, phase: Phase, trigger: Trigger | None, names: Sequence[str]) -> Sight:
        """Return what could be noticed in a phase.

        Parameters
        ----------
        phase : str
        trigger : Trigger or None
        names : sequence of str
            Series of the system.
        """
        entities = {entity_of(name) for name in names}
        system, health = self._system, self._health
        edges = (*system.edges, *system.required_edges, *system.forbidden_edges)
        known = dict.fromkeys([*(entity for pair in edges for entity in pair), *system.order])
        absent = [entity for entity in known if entity not in entities]
        others = {name for name in names if name not in system.health_names}
        near = meant(health.absent, others) | meant(absent, entities - known.keys())
        return Sight(
            phase=phase,
            needed=[] if trigger is None else [*self._needed(trigger), *self._slow(trigger)],
            reach=[] if trigger is None else [*self._reach(trigger)],
            absent_signals=health.absent,
            absent_entities=absent,
            budgets=None if trigger is None else Budgets.of(trigger, health),
            calls=seen_calls(system, entities),
            meant=near,
        )

    def _needed(self, trigger: Trigger) -> list[str]:
        """Say what is not judged yet, and what that takes."""
        health, found = self._health, list[str]()
        for name, count in list(health.readings_needed.items())[:NAMED]:
            more = "one more reading" if count == 1 else f"{count} more readings"
            found.append(f"{quoted(name)} is judged after {more}")
        if not health.names and self._system.kpi:
            found.append("no health signal of the configuration has ever occurred: nothing pages")
        if not trigger.warm:
            rows = trigger.policy.warmup_rows - trigger.learned_rows
            more = "one more normal row" if rows == 1 else f"{rows} more normal rows"
            return [*found, f"the other statistics begin after {more}"]
        if not trigger.blind:
            return found
        young, far = list[str](), list[str]()
        for name, limit in zip(trigger.names[:-1], trigger.thresholds, strict=False):
            if name in trigger.policy.statistics:
                (far if np.isfinite(limit) else young).append(quoted(name))
        if young:
            found.append(f"{', '.join(young)} have no limit yet; more normal rows give them one")
        if far:
            found.append(
                f"the limits of {', '.join(far)} are out of reach; more normal rows, or a larger "
                "budget, lower them"
            )
        return found

    def _slow(self, trigger: Trigger) -> list[str]:
        """Say how often those series come that are slower than the grid."""
        periods = trigger.periods
        slow = periods[periods > 0]
        if not slow.size:
            return []
        fits = float(np.median(slow)) * self._system.interval_s
        which = f"{slow.size} of {periods.size} series come every {seconds(fits)}"
        return [f"{which}, slower than the grid: `interval_s` {fits:g} would fit them"]

    def _reach(self, trigger: Trigger) -> list[str]:
        """Say how large a symptom, and how large a change, would be noticed."""
        limits, readings = self._health.limits, self._health.readings_to_page
        found = [_symptom(name, limit, readings) for name, limit in [*limits.items()][:NAMED]]
        if len(limits) > NAMED:
            found.append(f"{len(limits) - NAMED} more health signals likewise")
        if trigger.warm and (step := _step(trigger)):
            found.append(step)
        return found


def _symptom(name: str, limit: SignalLimit, readings: int) -> str:
    """Say which readings of a signal in a row page."""
    often = f"{_WORDS.get(readings, str(readings))} readings in a row of {quoted(name)}"
    level, value = told_apart(name, limit.level, limit.value)
    if limit.value == limit.level:
        return f"{often} other than {level}"
    side = "below" if limit.value < limit.level else "above"
    if limit.level <= 0.0 or limit.value <= 0.0:
        return f"{often} {side} {value} (usually {level})"
    return f"{often} {side} {value} ({limit.value / limit.level:.2g}x its usual {level})"


def _step(trigger: Trigger) -> str:
    """Say which step, in how many series, lasts for two rows and passes the limit; empty if none.

    The mean leaves the largest of the series out.
    """
    n, limit = trigger.n_series, float(trigger.thresholds[Statistic.PERSISTENCE])
    if _PERSISTENCE not in trigger.policy.statistics or not np.isfinite(limit):
        return ""
    total, most = max(limit, 0.0) * max(n - 1, 1), trigger.policy.scaler.cap
    moved = min(max(MOVED, int(np.ceil(total / most)) + 1), n)
    step = total / max(moved - 1, 1)
    if step > most:
        return ""
    series = "the one series" if n == 1 else f"{_WORDS.get(moved, str(moved))} series"
    return f"a step of {step:.2g} times the usual deviation in {series}, for two rows"
