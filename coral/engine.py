"""The engine: frames in, events out. No input or output, no clock, no log."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.baseline.baseline import Baseline
from coral.baseline.learning import learn
from coral.baseline.told_onset import rows_late, rows_since_change
from coral.config import EngineConfig, SystemConfig
from coral.contract.alerts import Alert
from coral.contract.changes import ChangeEvent
from coral.contract.events import Event, Resolution
from coral.contract.feedback import Feedback
from coral.graph.system_graph import SystemGraph
from coral.incident.alarm import Alarm, detected, felt, silent, told
from coral.incident.alerts import Alerts
from coral.incident.budgets import Budgets
from coral.incident.change_log import ChangeLog
from coral.incident.health_signals import HealthSignals, Onset
from coral.incident.lifecycle import OpenIncident, Outside, Setup, layout_of
from coral.incident.path_silence import PathSilence
from coral.incident.policy import VERDICT, VerdictPolicy
from coral.incident.settling import Settling
from coral.incident.sight import Lookout, Phase, Sight
from coral.incident.unseen import LateLog
from coral.localise.past_incidents import PastIncidents
from coral.localise.policy import RANKING, RankingPolicy
from detectors.places import places, take
from detectors.policy import TRIGGER, TriggerPolicy
from detectors.statistics.other_statistics import fitted_to
from detectors.statistics.river_statistic import river_statistics
from detectors.statistics.row_statistics import Exempt
from detectors.trigger import Trigger
from streams.records import Frame

__all__ = ["Engine"]

Floats = NDArray[np.float64]
_ACCEPTED: Final = "new normal accepted"

# A row counts as following the one before it up to this many intervals later.
ADJACENT_INTERVALS = 1.5
# Newest rows that are not learned yet, so that an onset estimated some rows back is unspoilt:
# an eighth of the normal rows seen, within these bounds.
QUARANTINE_ROWS = (4, 64)
QUARANTINE_SHARE = 8
# A given onset may be late: whoever gives it has noticed something first.
QUARANTINE_SHARE_ALERTED = 4
# An alert comes late by as long as its condition had to last: so far is looked back from it, ...
LOOK_BACK_S = 900.0
LOOK_BACK_ROWS = 16  # at least, ...
# ... for which so many of the newest learned rows can be unlearned, at most a part of the base.
RECALLED_ROWS = 2048
RECALLED_SHARE = 2
# Rows that whoever asks without saying since when is answered from, at least and at most.
ASKED_ROWS = (16, 120)
# Rows by which a cause may come before the health signal that shows it.
SYMPTOM_LEAD = 10
# Rows for which no health signal was felt in an open incident or change, after which one that is
# felt tells of another: what keeps the first open need not have anything to do with it.
CALM_ROWS = 20
# Rows before the estimated onset that belong to neither state: ending the base too early costs
# little, ending it too late costs much.
ONSET_MARGIN = 1
# Rows of an incident kept to become the new normal when the trigger accepts it.
KEPT_ROWS = 512


class _Row(NamedTuple):
    time: float
    x: Floats
    adjacent: bool


class Engine:
    """One system's root-cause analysis.

    warming -> blind -> watching -> diagnosing -> settled -> watching. Learning of the normal state
    is frozen from the onset to the resolution. The same frames give byte-identical events.

    Parameters
    ----------
    system : SystemConfig
    config : EngineConfig
    onset : float or None
        Event time of the first faulty row, unix s, when it is given (oracle mode): the trigger is
        not used, and the incident stays open.
    trigger, ranking, verdict : TriggerPolicy, RankingPolicy, VerdictPolicy
        Choices behind alarm, ranking and words; for experiments.

    Attributes
    ----------
    alerts : Alerts
        Of others, to look at.

    Examples
    --------
    >>> import numpy as np
    >>> from streams.records import Frame
    >>> engine = Engine(SystemConfig(name="shop", interval_s=1.0), onset=200.0)
    >>> noise = np.random.default_rng(0).normal(size=(220, 2))
    >>> noise[200:, 1] += 30.0
    >>> names = ("web:latency", "db:cpu")
    >>> for t, x in enumerate(noise):
    ...     events = engine.step(Frame("shop", float(t), names, x))
    ...     if events:
    ...         newest = events[-1].data
    >>> newest.causes[0].entity
    'db'
    """

    def __init__(
        self,
        system: SystemConfig,
        config: EngineConfig | None = None,
        *,
        onset: float | None = None,
        trigger: TriggerPolicy = TRIGGER,
        ranking: RankingPolicy = RANKING,
        verdict: VerdictPolicy = VERDICT,
    ) -> None:
        self.system = system
        self.config = EngineConfig() if config is None else config
        self._setup = Setup(system, self.config, trigger, ranking, verdict)
        self._onset = onset
        self._names: tuple[str, ...] = ()
        self._sent: tuple[str, ...] = ()  # names of the newest frame, and where ours are in it
        self._at: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._baseline: Baseline  # from the first frame on
        self._graph: SystemGraph
        self._trigger: Trigger | None = None
        self._health = HealthSignals(system, self.config.false_alarms_per_week)
        self._silence = PathSilence(system)
        self._lookout = Lookout(system, self._health)
        self.alerts = Alerts()
        self._incident: OpenIncident | None = None
        self._learned_at: deque[float] = deque(maxlen=RECALLED_ROWS)  # times of the newest rows
        self._quarantine: deque[_Row] = deque()  # newest rows, not learned yet
        self._since_onset: deque[_Row] = deque(maxlen=KEPT_ROWS)
        self._calm_rows = 0  # since a health signal was felt
        self._last_time: float | None = None
        self._past = PastIncidents(ranking.recall)
        self._changes = ChangeLog(ranking.changes)
        self._late = LateLog()
        self._settling = Settling(system.interval_s, ranking.changes)
        self._gap = False  # rows of an incident lie between the last row learned and the next

    @property
    def trigger(self) -> Trigger | None:
        """The trigger, to look at; None before the first frame and when the onset is given."""
        return self._trigger

    @property
    def baseline(self) -> Baseline:
        """Rows of the normal state and their scale, to look at; after the first frame."""
        return self._baseline

    @property
    def graph(self) -> SystemGraph:
        """The causal graph, to look at; after the first frame."""
        return self._graph

    @property
    def newest(self) -> float | None:
        """Event time of the newest row, unix s; None before the first."""
        return self._last_time

    @property
    def phase(self) -> Phase:
        """What the engine is doing."""
        if self._incident is not None:
            return "settled" if self._incident.settled else "diagnosing"
        return self._lookout.phase(self._trigger, given=self._onset is not None)

    def sight(self) -> Sight:
        """Return what could be noticed now, and what not; takes as long as a few rows."""
        return self._lookout.sight(self.phase, self._trigger, self._names)

    def standing(self) -> Event | None:
        """Return the open incident as it stands, without a new revision; None if none is open."""
        return None if self._incident is None else self._incident.standing()

    def step(self, frame: Frame) -> list[Event]:
        """Take one frame of the system; return the events it causes, oldest first.

        Parameters
        ----------
        frame : Frame
            Next tick in event time. Its values are not modified and not kept.
        """
        row, incident = self._take(frame), self._incident
        joined = self.alerts.update(row.time, self._recalled_from, is_open=incident is not None)
        alarm = self._score(row)
        if incident is not None:
            return self._continue(incident, row, joined=joined)
        self._quarantine.append(row)
        return self._open() if alarm else self._learn()

    def _take(self, frame: Frame) -> _Row:
        """Note names and time; follow the series that come and go."""
        if frame.names is not self._sent:
            self._series_of(frame.names)
        time = float(frame.time)
        gap = np.inf if self._last_time is None else time - self._last_time
        self._last_time = time
        self._late.note(time, frame.late)
        x = np.array(frame.values, dtype=np.float64)
        if self._names is not self._sent:
            x = take(x, self._at, (0,), np.nan)
        x[~np.isfinite(x)] = np.nan
        return _Row(time, x, gap <= ADJACENT_INTERVALS * self.system.interval_s)

    def _score(self, row: _Row) -> bool:
        """Show the row to the trigger; return whether an incident begins, if none is open."""
        trigger, incident = self._trigger, self._incident
        if trigger is None:
            return self._onset is not None and row.time >= self._onset
        if not row.adjacent:
            trigger.break_lags()
        health = self._health
        health.update(row.time, row.x, learn=incident is None)
        self._silence.update(row.x, learn=incident is None)
        # Metrics stop coming for many reasons: alone it is for the trigger to judge.
        silence = self._silence.fresh and health.moving
        alerted = self.alerts.opening is not None
        hold = incident is not None or health.alarm or silence or alerted
        moving = health.moving if health.named else None
        trigger.update(row.x, hold=hold, felt=moving, exempt=self._exempt(row, trigger))
        return trigger.drift_detected or health.paged is not None or silence or alerted

    def _exempt(self, row: _Row, trigger: Trigger) -> Exempt | None:
        """Return what change events explain of a row; what has settled is where it is now."""
        settling = self._settling
        settling.update(row.time, felt=self._health.alarm or self.alerts.firing)
        if not settling.active:
            return None
        trigger.settle(settling.settled, settling.left & np.isnan(row.x), settling.rows)
        return Exempt(settling.levels, settling.gaps)

    def _learn(self) -> list[Event]:
        """Learn the rows that have left quarantine."""
        low, high = QUARANTINE_ROWS
        share = QUARANTINE_SHARE if self._onset is None else QUARANTINE_SHARE_ALERTED
        while len(self._quarantine) > max(low, min(high, self._baseline.n_rows // share)):
            self._learn_oldest()
        return []

    def _learn_oldest(self) -> None:
        """Learn the oldest row in quarantine; the first one after an incident follows none."""
        row = self._quarantine.popleft()
        self._learn_row(row, adjacent=row.adjacent and not self._gap)
        self._gap = False

    def _learn_row(self, row: _Row, *, adjacent: bool) -> None:
        learn(self._baseline, self._graph, row.x, adjacent=adjacent)
        self._learned_at.append(row.time)

    @property
    def _recalled_from(self) -> float:
        """Event time of the first row that could be unlearned, or is not learned yet, unix s."""
        most = min(len(self._learned_at), self._baseline.n_rows // RECALLED_SHARE)
        if most:
            return self._learned_at[-most]
        return self._quarantine[0].time if self._quarantine else -np.inf

    def _recall(self, since: float) -> None:
        """Unlearn the rows since an event time, at most a part of the base: back to quarantine.

        The graph learns the rest of the base anew when an incident opens (`freeze`).
        """
        times = [*self._learned_at]
        most = self._baseline.n_rows // RECALLED_SHARE
        n_rows = min(len(times) - bisect_left(times, since), most)
        if n_rows == 0:
            return
        if self._gap and self._quarantine:
            self._quarantine[0] = self._quarantine[0]._replace(adjacent=False)
            self._gap = False
        rows, adjacent = self._baseline.unlearn(n_rows)
        for x, follows in zip(rows[::-1], adjacent[::-1].tolist(), strict=True):
            self._quarantine.appendleft(_Row(self._learned_at.pop(), x, follows))

    def _open(self) -> list[Event]:
        """Open an incident on the rows since its onset; learn what came before them."""
        alert = self.alerts.opening
        if self._trigger is not None and alert is not None:
            return self._begin_told("alert", alert.starts)
        return self._begin(self._alarm())

    def _begin_told(self, source: Literal["alert", "told"], since: float) -> list[Event]:
        """Open an incident since when somebody tells, who may be late; whatever was learned since.

        Nothing of the time that is looked back to is learned again: a base that ends too early
        costs little, one that ends too late much.
        """
        self._recall(since - max(LOOK_BACK_S, LOOK_BACK_ROWS * self.system.interval_s))
        rows = self._quarantine
        times = [row.time for row in rows]
        at = min(bisect_left(times, since), len(times) - 1)
        newest = np.array([row.x for row in islice(rows, at + 1)])
        scale, base = self._setup.ranking.scale, self._baseline.rows()[0]
        alarm = told(source, times, at, rows_since_change(base, newest, scale))
        doubtful = [rows.popleft() for _ in range(len(rows) - alarm.n_rows)]
        return self._begin(alarm, doubtful)

    def _begin(self, alarm: Alarm, between: Sequence[_Row] = ()) -> list[Event]:
        """Open an incident on the newest rows that an alarm tells.

        `between` are rows before those in quarantine that were not learned.
        """
        while len(self._quarantine) > alarm.n_rows:
            self._learn_oldest()
        rows = np.array([row.x for row in (*between, *self._quarantine)])
        self._incident = incident = OpenIncident.begin(
            self._setup, self._baseline, self._graph, alarm, rows, self._outside
        )
        self._since_onset.clear()
        self._calm_rows = 0
        self._health.begin()
        for row in self._quarantine:
            self._follow(incident, row)
        self._quarantine.clear()
        self._feel(incident)
        return [incident.open()]

    def _alarm(self) -> Alarm:
        """Return why an incident begins now."""
        trigger = self._trigger
        if trigger is None:
            return self._given()
        if trigger.drift_detected:
            return self._detected(trigger)
        page = self._health.paged
        if page is not None:
            return self._felt(page, trigger)
        times = [row.time for row in self._quarantine]
        return silent(self._silence.silent, self._silence.rows, times)

    def _felt(self, page: Onset, trigger: Trigger) -> Alarm:
        """Return the alarm of a health signal."""
        if page.source == "objective" and self._last_time is not None:
            n_rows = page.rows + 1 + SYMPTOM_LEAD  # as many as its condition had to last, and more
            self._recall(self._last_time - n_rows * self.system.interval_s)
        times = [row.time for row in self._quarantine]
        return felt(page, times, SYMPTOM_LEAD, Budgets.of(trigger, self._health))

    def _feel(self, incident: OpenIncident) -> bool:
        """Tell an incident what health signals say; return whether it was a change before.

        What is felt is no false alarm of the trigger, what the trigger sees is none of the health
        signals, and what somebody else has raised an alert for is none of either.
        """
        trigger, health, alerts = self._trigger, self._health, self.alerts
        if trigger is None:
            return False
        if trigger.alarm and (health.alarm or alerts.firing):
            trigger.confirm()
        if health.alarm and (trigger.alarm or alerts.firing):
            health.confirm()
        return incident.feel(health.felt(), alerts.named)

    def _given(self) -> Alarm:
        """Return the alarm of the given onset, which may be late."""
        rows = self._quarantine
        scale, newest = self._setup.ranking.scale, np.array([row.x for row in rows])
        layout = layout_of(self.system, self._names)
        base = self._baseline.rows()[0]
        late = rows_late(base, newest, layout.owner, layout.health_series, scale)
        return told("told", [row.time for row in rows], len(rows) - 1, late)

    def _detected(self, trigger: Trigger) -> Alarm:
        """Return the alarm of the trigger; drop rows that belong to neither state."""
        rows = self._quarantine
        times = [row.time for row in rows]
        budgets = Budgets.of(trigger, self._health)
        alarm = detected(trigger, self._names, times, [row.x for row in rows], budgets)
        for _ in range(min(ONSET_MARGIN, max(len(rows) - alarm.n_rows, 0))):
            del rows[-alarm.n_rows - 1]
        return alarm

    def _continue(self, incident: OpenIncident, row: _Row, *, joined: bool) -> list[Event]:
        """Take one row of the open incident; it ends when the trigger says so."""
        self._follow(incident, row)
        trigger, health = self._trigger, self._health
        alerted = self.alerts.firing
        said = health.alarm or alerted
        calm, self._calm_rows = self._calm_rows, 0 if said else self._calm_rows + 1
        another = health.paged if calm >= CALM_ROWS else health.surged
        # What moves while an alert of the incident fires is what the alert is for.
        if trigger is not None and another is not None and not alerted:
            return self._supersede(incident, another, trigger)
        promoted = self._feel(incident)
        if trigger is not None:
            others = health.alarm or self._silence.alarm
            lasted = not trigger.alarm and incident.rows > trigger.rows_to_accept
            if trigger.rebaselined or ((others or alerted) and lasted):
                # An alert that goes on alone, though nothing shows it, spoils no base.
                anew = trigger.rebaselined or others
                health.accept()
                self._silence.accept()
                return [self._close(incident, _ACCEPTED, anew=anew)]
            if not trigger.alarm and not others and not alerted:
                explained = incident.explained_by(self._settling)
                return [self._close(incident, "explained" if explained else "back to normal")]
        event = incident.revise(at_once=promoted or joined)
        return [] if event is None else [event]

    def _supersede(self, incident: OpenIncident, page: Onset, trigger: Trigger) -> list[Event]:
        """End what was open before health signals moved anew, and open the incident of that."""
        n_rows = page.rows + 1 + SYMPTOM_LEAD
        self._quarantine.extend(self._since_onset)
        ended = self._close(incident, "superseded")
        before = max(len(self._quarantine) - n_rows, 0)
        between = [self._quarantine.popleft() for _ in range(before)]
        return [ended, *self._begin(self._felt(page, trigger), between)]

    def _follow(self, incident: OpenIncident, row: _Row) -> None:
        """Give one row since the onset to the incident and to the graph's dependent part."""
        x = row.x[: incident.n_series]  # an open incident goes on with the series it began with
        incident.update(row.time, x, adjacent=row.adjacent)
        self._graph.update(self._baseline.scaled(x), adjacent=row.adjacent)
        self._since_onset.append(row)

    def _close(
        self, incident: OpenIncident, resolution: Resolution, *, anew: bool = False
    ) -> Event:
        event = incident.close(resolution)
        self._incident = None
        self._gap = True
        if resolution != "superseded":
            self.alerts.close()
        if anew and incident.kind == "incident":
            self._start(self._names)  # of what nobody felt, most is as it was
        self._select(self._sent or self._names)  # those that left while it was open go
        if resolution == _ACCEPTED:
            for row in self._since_onset:
                self._learn_row(row, adjacent=row.adjacent)
        self._since_onset.clear()
        return event

    def confirm(self, feedback: Feedback) -> None:
        """Remember the confirmed cause of an incident; later ones that look the same say so.

        From the next revision on; what is published stays.
        """
        self._past.confirm(feedback)

    def alert(self, alert: Alert) -> None:
        """Take note of an alert that somebody else has raised, or that has ended.

        It counts from the first row of its time on; saying it twice changes nothing.
        """
        self.alerts.take(alert)

    def ask(self, since: float | None = None) -> Event | None:
        """Return what is wrong now, as if somebody had told since when; None before the first row.

        That takes the engine out of its course: ask one that goes on from the `state_dict` of
        another (`asked`).

        Parameters
        ----------
        since : float, optional
            Event time, unix s. Without it the open incident is asked; if there is none, the newest
            rows, of 15 minutes, at least 16 and at most 120.
        """
        now, incident = self._last_time, self._incident
        if now is None or (since is not None and since > now):
            return None
        if incident is not None and since is None:
            return incident.revise(at_once=True)
        if incident is not None:
            self._quarantine.extend(self._since_onset)
            self._close(incident, "superseded")
        if since is None:
            low, high = (rows * self.system.interval_s for rows in ASKED_ROWS)
            since = now - min(max(LOOK_BACK_S, low), high)
        self._health.look(self._quarantine[-1].x)
        return self._begin_told("told", since)[-1]

    def note(self, change: ChangeEvent) -> None:
        """Take a change event; noting it twice changes nothing.

        From the next revision on it is told with the causes. What it explains by itself, a
        component that comes to a new level, is no change any more, as long as health signals are
        judged and none is felt; without any nobody can say that users feel nothing.
        """
        if self._changes.add(change) and (self._health.ready or self.system.objectives):
            self._settling.begin(change)

    @property
    def _outside(self) -> Outside:
        return Outside(self._past, self._changes, self._late)

    def dismiss(self) -> list[Event]:
        """End the open incident, if any: whoever watches knows that it is none.

        Nothing is learned from its rows, and the trigger is armed again at once.
        """
        if self._incident is None or self._trigger is None:
            return []
        self._trigger.restart()
        self._health.restart()
        self._silence.restart()
        return [self._close(self._incident, "dismissed")]

    def _series_of(self, names: tuple[str, ...]) -> None:
        """Follow the series of a frame; an open incident keeps those that it began with."""
        self._sent = names
        if self._last_time is None:
            self._start(names)
            if self._onset is None:
                self._trigger = self._new_trigger(len(names))
        if self._incident is not None:
            held = set(self._names)
            names = (*self._names, *(name for name in names if name not in held))
        self._select(names)

    def _select(self, names: tuple[str, ...]) -> None:
        """Be about these series from now on; an open incident, and its graph, stay as they are."""
        if names != self._names:
            index = places(names, self._names)
            for rows in (self._quarantine, self._since_onset):
                moved = [row._replace(x=take(row.x, index, (0,), np.nan)) for row in rows]
                rows.clear()
                rows.extend(moved)
            if self._trigger is not None and self._names:
                self._trigger.select(index)
            self._health.follow(names)
            self._silence.follow(names)
            self._settling.follow(names, self._health.names)
            self._names = names
        if self._incident is None and names != self._graph.all_names:
            self._baseline.select(places(names, self._graph.all_names))
            self._graph.follow(names)
        if names == self._sent:
            self._names = self._sent
        self._at = places(names, self._sent)

    def _start(self, names: tuple[str, ...]) -> None:
        """Know nothing yet of the normal state of these series."""
        self._baseline = Baseline(len(names), self.config, self._setup.ranking.scale)
        self._graph = SystemGraph(names, self.system)
        self._learned_at.clear()

    @property
    def _budget(self) -> float:
        """Alarms a week that the trigger may raise: without health signals all of them page."""
        named = bool(self.system.kpi)
        return self.config.changes_per_week if named else self.config.false_alarms_per_week

    def _new_trigger(self, n: int) -> Trigger:
        return Trigger(
            n,
            self.system.interval_s,
            false_alarms_per_week=self._budget,
            policy=self._setup.trigger,
            further=river_statistics(self.config.statistics, n),
        )

    def _restored_trigger(self, state: Mapping[str, Any]) -> Trigger:
        """Return the trigger of a checkpoint; one of an older format learns the base anew."""
        trigger = self._new_trigger(len(self._names))
        if Trigger.is_current(state):
            # The configuration may have other statistics now.
            trigger.load_state_dict(fitted_to(state, trigger.state_dict()))
            return trigger
        rows, _ = self._baseline.rows()
        pad = np.full(len(self._names) - rows.shape[1], np.nan)
        for x in rows:
            trigger.update(np.append(x, pad))
        trigger.restart()
        for row in self._since_onset:
            trigger.update(row.x)
        return trigger

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on identically: plain values and arrays, for the checkpoint."""
        trigger, incident = self._trigger, self._incident
        begun = self._last_time is not None
        return {
            "system": self.system.name,
            "interval_s": self.system.interval_s,
            "told": self._onset,
            "names": list(self._names),
            "normal": self._baseline.state_dict() | self._graph.state_dict() if begun else None,
            "detector": None if trigger is None else trigger.state_dict(),
            "diagnosis": None if incident is None else incident.state_dict(),
            "recent": _packed(self._quarantine, len(self._names)),
            "during": _packed(self._since_onset, len(self._names)),
            "last_time": self._last_time,
            "torn": self._gap,
            "memory": self._past.state_dict(),
            "calm_rows": self._calm_rows,
            "health": self._health.state_dict(),
            "silence": self._silence.state_dict(),
            "alerts": self.alerts.state_dict(),
            "learned_at": np.array(self._learned_at, dtype=np.float64),
            "changes": self._changes.state_dict(),
            "late": self._late.state_dict(),
            "settling": self._settling.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned.

        Parameters
        ----------
        state : mapping
            Of an engine of the same system on the same grid. The rest of the configuration may
            have changed: what was learned stays, see docs/explanation/checkpoints.md.

        Raises
        ------
        ValueError
            If that engine was of another system or grid, or was given another onset.
        """
        system = self.system
        expected = {"system": system.name, "interval_s": system.interval_s, "told": self._onset}
        for name, value in expected.items():
            if state[name] != value:
                raise ValueError(f"`Engine` requires {name}={value!r}, got {name}={state[name]!r}.")
        self._names = names = tuple(state["names"])
        self._trigger = self._incident = None
        if state["normal"] is not None:
            # Baseline and graph of an open incident have the series of its onset.
            self._start(names[: len(state["normal"]["center"])])
            self._baseline.load_state_dict(state["normal"])
            self._graph.load_state_dict(state["normal"])
        self._past.load_state_dict(state.get("memory", []))  # older checkpoints have none
        if "health" in state:
            self._health.load_state_dict(state["health"], names)
            self._silence.load_state_dict(state["silence"], names)
        else:
            self._health.follow(names)
            self._silence.follow(names)
        self._changes.load_state_dict(state.get("changes", []))  # older checkpoints have none
        self._late.load_state_dict(state.get("late", {}))
        self._settling.follow(names, self._health.names)
        self._settling.load_state_dict(state.get("settling", {}))
        if state["diagnosis"] is not None:
            self._incident = OpenIncident.from_state(
                self._setup, self._baseline, self._graph, state["diagnosis"], self._outside
            )
        self._quarantine = deque(_unpacked(state["recent"]))
        self._since_onset = deque(_unpacked(state["during"]), KEPT_ROWS)
        if state["detector"] is not None:
            self._trigger = self._restored_trigger(state["detector"])
        self._calm_rows = state.get("calm_rows", 0)
        self._last_time = state["last_time"]
        if "alerts" in state:  # older checkpoints have none
            self.alerts.load_state_dict(state["alerts"], self._last_time)
            self._learned_at.extend(state["learned_at"].tolist())
        self._gap = state["torn"]


def _packed(rows: Iterable[_Row], n_series: int) -> dict[str, Any]:
    """Rows as three arrays, for the checkpoint."""
    listed = list(rows)
    return {
        "time": np.array([row.time for row in listed], dtype=np.float64),
        "x": np.array([row.x for row in listed], dtype=np.float64).reshape(len(listed), n_series),
        "adjacent": np.array([row.adjacent for row in listed], dtype=np.bool_),
    }


def _unpacked(state: Mapping[str, Any]) -> Iterable[_Row]:
    """Rows that `_packed` described."""
    return map(_Row, state["time"].tolist(), np.array(state["x"]), state["adjacent"].tolist())
