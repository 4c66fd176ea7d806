"""What a row shows: trigger, health signals, missing entities, alerts, explained changes."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from coral.baseline.baseline import Baseline
from coral.baseline.quarantine import TimedRow
from coral.incident.alerts import Alerts
from coral.incident.health_signals import HealthSignals
from coral.incident.missing_entities import MissingEntities
from coral.incident.settling import Settling
from coral.incident.setup import Setup
from detectors.statistics.other_statistics import fitted_to
from detectors.statistics.river_statistic import river_statistics
from detectors.statistics.row_statistics import Exempt
from detectors.trigger import Trigger

__all__ = ["Watch"]


class Watch:
    """Everything that looks at the rows of a system to say whether an incident begins or ends.

    Parameters
    ----------
    setup : Setup
    onset : float or None
        Event time of the first faulty row, unix s, when it is given: there is no trigger then.

    Attributes
    ----------
    trigger : Trigger or None
        None before the first row, and when the onset is given.
    health, missing, alerts, settling : HealthSignals, MissingEntities, Alerts, Settling
    """

    def __init__(self, setup: Setup, onset: float | None) -> None:
        self._setup = setup
        self._onset = onset
        system, config = setup.system, setup.config
        self.trigger: Trigger | None = None
        self.health = HealthSignals(system, config.false_alarms_per_week)
        self.missing = MissingEntities(system, setup.verdict.opening)
        self.alerts = Alerts(setup.verdict.opening)
        self.settling = Settling(system.interval_s, setup.ranking.changes)

    def score(self, row: TimedRow, *, is_open: bool) -> bool:
        """Take one row; return whether an incident begins, if none is open."""
        trigger = self.trigger
        if trigger is None:
            return self._onset is not None and row.time >= self._onset
        if not row.adjacent:
            trigger.break_lags()
        health = self.health
        health.update(row.time, row.x, learn=not is_open)
        self.missing.update(row.x, learn=not is_open)
        # Metrics stop coming for many reasons: alone it is for the trigger to judge.
        missing = self.missing.fresh and health.moving
        alerted = self.alerts.opening is not None
        hold = is_open or health.alarm or missing or alerted
        moving = health.moving if health.named else None
        trigger.update(row.x, hold=hold, felt=moving, exempt=self._exempt(row, trigger))
        return trigger.drift_detected or health.paged is not None or missing or alerted

    def _exempt(self, row: TimedRow, trigger: Trigger) -> Exempt | None:
        """Return what change events explain of a row; what has settled is where it is now."""
        settling = self.settling
        settling.update(row.time, felt=self.health.alarm or self.alerts.firing)
        if not settling.active:
            return None
        trigger.settle(settling.settled, settling.left & np.isnan(row.x), settling.rows)
        return Exempt(settling.levels, settling.gaps)

    def confirm(self) -> None:
        """Let trigger and health signals know what the others see of an open incident.

        What is felt is no false alarm of the trigger, what the trigger sees is none of the health
        signals, and what somebody else has raised an alert for is none of either.
        """
        trigger, health, alerts = self.trigger, self.health, self.alerts
        if trigger is None:
            return
        if trigger.alarm and (health.alarm or alerts.firing):
            trigger.confirm()
        if health.alarm and (trigger.alarm or alerts.firing):
            health.confirm()

    def accept(self) -> None:
        """Take what health signals show now, and who is missing, for normal."""
        self.health.accept()
        self.missing.accept()

    def restart(self, trigger: Trigger) -> None:
        """Forget what is on, and be armed again at once."""
        trigger.restart()
        self.health.restart()
        self.missing.restart()

    def start(self, n_series: int) -> None:
        """Begin with the first row, of so many series."""
        if self._onset is None:
            self.trigger = self._new_trigger(n_series)

    def follow(self, names: tuple[str, ...]) -> None:
        """Be about these series from the next row on; the trigger follows by itself (`select`)."""
        self.health.follow(names)
        self.missing.follow(names)
        self.settling.follow(names, self.health.names)

    @property
    def _budget(self) -> float:
        """Alarms a week that the trigger may raise: without health signals all of them page."""
        named, config = bool(self._setup.system.kpi), self._setup.config
        return config.changes_per_week if named else config.false_alarms_per_week

    def _new_trigger(self, n: int) -> Trigger:
        policy = self._setup.trigger
        return Trigger(
            n,
            self._setup.system.interval_s,
            false_alarms_per_week=self._budget,
            policy=policy,
            further=river_statistics(self._setup.config.statistics, n, policy.river),
        )

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on identically: plain values and arrays, for the checkpoint."""
        return {
            "detector": None if self.trigger is None else self.trigger.state_dict(),
            "health": self.health.state_dict(),
            "silence": self.missing.state_dict(),
            "alerts": self.alerts.state_dict(),
            "settling": self.settling.state_dict(),
        }

    def load_state_dict(
        self, state: Mapping[str, Any], names: tuple[str, ...], newest: float | None
    ) -> None:
        """Continue from what `state_dict` returned, but for the trigger (`restore_trigger`).

        Parameters
        ----------
        state : mapping
            Older ones lack some entries.
        names : tuple of str
            Series of the rows.
        newest : float or None
            Event time of the newest row, unix s.
        """
        self.trigger = None
        if "health" in state:
            self.health.load_state_dict(state["health"], names)
            self.missing.load_state_dict(state["silence"], names)
        else:
            self.health.follow(names)
            self.missing.follow(names)
        self.settling.follow(names, self.health.names)
        self.settling.load_state_dict(state.get("settling", {}))
        if "alerts" in state:
            self.alerts.load_state_dict(state["alerts"], newest)

    def restore_trigger(
        self, state: Mapping[str, Any], n: int, baseline: Baseline, since_onset: Iterable[TimedRow]
    ) -> None:
        """Restore the trigger of a checkpoint; one of an older format learns the base anew."""
        self.trigger = trigger = self._new_trigger(n)
        if Trigger.is_current(state):
            # The configuration may have other statistics now.
            trigger.load_state_dict(fitted_to(state, trigger.state_dict()))
            return
        rows, _ = baseline.rows()
        pad = np.full(n - rows.shape[1], np.nan)
        for x in rows:
            trigger.update(np.append(x, pad))
        trigger.restart()
        for row in since_onset:
            trigger.update(row.x)
