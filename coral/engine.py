"""The engine: frames in, events out. No input or output, no clock, no log."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from coral.baseline.baseline import Baseline
from coral.baseline.quarantine import Quarantine, TimedRow, moved, packed, rows_to_keep, unpacked
from coral.config import EngineConfig, SystemConfig
from coral.contract.alerts import Alert
from coral.contract.changes import ChangeEvent
from coral.contract.events import Event, Resolution
from coral.contract.feedback import Feedback
from coral.graph.system_graph import SystemGraph
from coral.incident.alarm import Alarm
from coral.incident.change_log import ChangeLog
from coral.incident.ending import ACCEPTED, another, ended
from coral.incident.health_signals import Onset
from coral.incident.lifecycle import OpenIncident
from coral.incident.opening import given_since, noticed, shown
from coral.incident.policy import VERDICT, VerdictPolicy
from coral.incident.setup import Outside, Setup
from coral.incident.sight import Lookout, Phase, Sight
from coral.incident.unseen import LateLog
from coral.incident.watch import Watch
from coral.localise.aggregates import Aggregates
from coral.localise.past_incidents import PastIncidents
from coral.localise.policy import RANKING, RankingPolicy
from detectors.places import places, take
from detectors.policy import TRIGGER, TriggerPolicy
from detectors.trigger import Trigger
from streams.records import Frame

__all__ = ["Engine"]

# A row counts as following the one before it up to this many intervals later.
ADJACENT_INTERVALS = 1.5
# Rows of an incident that ends so are normal.
NORMAL = (ACCEPTED, "dismissed")
# Rows of an incident kept to become the new normal when the trigger accepts it.
KEPT_ROWS = 512


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
    aggregates : Aggregates
        Health signals that stand for several series, to look at.

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
        self.aggregates = Aggregates(system.read_names)
        self._names: tuple[str, ...] = ()
        self._sent: tuple[str, ...] = ()  # names of the newest frame, and where ours are in it
        self._at: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._baseline: Baseline  # from the first frame on
        self._graph: SystemGraph
        self._watch = Watch(self._setup, onset)
        self._lookout = Lookout(system, self._watch.health)
        self.alerts = self._watch.alerts
        self._incident: OpenIncident | None = None
        self._quarantine = Quarantine(ranking.quarantine)  # newest rows, not learned yet
        self._since_onset: deque[TimedRow] = deque(maxlen=KEPT_ROWS)
        self._calm_rows = 0  # since a health signal was felt
        self._last_time: float | None = None
        self._past = PastIncidents(ranking.recall)
        self._changes = ChangeLog(ranking.changes)
        self._late = LateLog()

    @property
    def trigger(self) -> Trigger | None:
        """The trigger, to look at; None before the first frame and when the onset is given."""
        return self._watch.trigger

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
        return self._lookout.phase(self._watch.trigger, given=self._onset is not None)

    def sight(self) -> Sight:
        """Return what could be noticed now, and what not; takes as long as a few rows."""
        sight = self._lookout.sight(self.phase, self._watch.trigger, self._names)
        return sight._replace(aggregated=self.aggregates.said)

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
        row, incident = self._take(self.aggregates.of(frame)), self._incident
        recalled_from = self._quarantine.recalled_from(self._baseline)
        joined = self.alerts.update(row.time, recalled_from, is_open=incident is not None)
        alarm = self._watch.score(row, is_open=incident is not None)
        if incident is not None:
            return self._continue(incident, row, joined=joined)
        self._quarantine.rows.append(row)
        return self._open() if alarm else self._learn()

    def _take(self, frame: Frame) -> TimedRow:
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
        return TimedRow(time, x, gap <= ADJACENT_INTERVALS * self.system.interval_s)

    def _learn(self) -> list[Event]:
        """Learn the rows that have left quarantine."""
        policy, given = self._setup.ranking.quarantine, self._onset is not None
        keep = rows_to_keep(self._baseline.n_rows, policy, given=given)
        self._quarantine.learn(self._baseline, self._graph, keep)
        return []

    def _open(self) -> list[Event]:
        """Open an incident on the rows since its onset; learn what came before them."""
        alert = self.alerts.opening
        if self._watch.trigger is not None and alert is not None:
            return self._begin_given("alert", alert.starts)
        alarm = noticed(self._watch, self._quarantine, self._baseline, self._setup, self._names)
        return self._begin(alarm)

    def _begin_given(self, source: Literal["alert", "told"], since: float) -> list[Event]:
        """Open an incident with an onset that is given, whatever was learned since."""
        alarm = given_since(source, since, self._quarantine, self._baseline, self._setup)
        return self._begin(alarm)

    def _begin(self, alarm: Alarm) -> list[Event]:
        """Open an incident on the newest rows that an alarm is about; learn what came before them.

        What may belong to either state is not learned.
        """
        keep = alarm.n_rows + alarm.ambiguous
        self._quarantine.learn(self._baseline, self._graph, keep=keep)
        rows = list(self._quarantine.rows)
        self._quarantine.rows.clear()
        self._incident = incident = OpenIncident.begin(
            self._setup, self._baseline, self._graph, alarm, rows, self._outside
        )
        self._calm_rows = 0
        self._watch.health.begin()
        self._since_onset.extend(rows[-alarm.n_rows :])
        for row in rows[-alarm.n_rows :]:
            self._follow(incident, row)
        self._feel(incident)
        return [incident.open()]

    def _feel(self, incident: OpenIncident) -> bool:
        """Tell an incident what health signals say; return whether it was a change before."""
        watch = self._watch
        if watch.trigger is None:
            return False
        watch.confirm()
        return incident.feel(watch.health.felt(), watch.alerts.named)

    def _continue(self, incident: OpenIncident, row: TimedRow, *, joined: bool) -> list[Event]:
        """Take one row of the open incident: it goes on, ends, or gives way to another."""
        watch, trigger, alerted = self._watch, self._watch.trigger, self.alerts.firing
        calm_rows, felt = self._calm_rows, watch.health.alarm or alerted
        self._calm_rows = 0 if felt else calm_rows + 1
        self._since_onset.append(row)
        # Rows of a recovery accuse nobody.
        recovers = incident.was_felt and not (watch.health.suffers or alerted)
        if not recovers:
            self._follow(incident, row)
        page = another(watch, calm_rows, self._setup.verdict.opening)
        if trigger is not None and page is not None:
            return self._supersede(incident, page, trigger)
        promoted = self._feel(incident)
        ending = ended(incident, watch)
        if ending is not None:
            return [self._close(incident, ending.resolution, anew=ending.anew)]
        if recovers and not joined:
            return []
        event = incident.revise(at_once=promoted or joined)
        return [] if event is None else [event]

    def _supersede(self, incident: OpenIncident, page: Onset, trigger: Trigger) -> list[Event]:
        """End what was open before health signals moved anew, and open the incident of that."""
        policy, health = self._setup.verdict.opening, self._watch.health
        rows = self._quarantine.rows
        rows.extend(self._since_onset)
        last = self._close(incident, "superseded")
        alarm = shown(page, trigger, health, self._quarantine, self._baseline, policy)
        # None of the rows of what was open is normal.
        return [last, *self._begin(alarm._replace(ambiguous=len(rows) - alarm.n_rows))]

    def _follow(self, incident: OpenIncident, row: TimedRow) -> None:
        """Give one row since the onset to the incident and to the graph's dependent part."""
        x = row.x[: incident.n_series]  # an open incident goes on with the series it began with
        incident.update(row.time, x, adjacent=row.adjacent)
        self._graph.update(self._baseline.scaled(x), adjacent=row.adjacent)

    def _close(
        self, incident: OpenIncident, resolution: Resolution, *, anew: bool = False
    ) -> Event:
        """End the open incident; its rows are learned if they are normal now."""
        if resolution == ACCEPTED:
            self._watch.accept()
        event = incident.close(resolution)
        self._incident = None
        self._quarantine.gap = True
        if resolution != "superseded":
            self.alerts.close()
        if anew and incident.kind == "incident":
            self._start(self._names)  # of what nobody felt, most is as it was
        self._select(self._sent or self._names)  # those that left while it was open go
        if resolution in NORMAL:
            for row in self._since_onset:
                self._quarantine.learn_row(self._baseline, self._graph, row)
        self._since_onset.clear()
        return event

    def confirm(self, feedback: Feedback) -> None:
        """Remember what was said of an incident's cause; later ones that look the same say so.

        From the next revision on; what is published stays.
        """
        self._past.confirm(feedback)

    def alert(self, alert: Alert) -> None:
        """Take note of an alert that somebody else has raised, or that has ended.

        It counts from the first row of its time on; saying it twice changes nothing.
        """
        self.alerts.take(alert)

    def ask(self, since: float | None = None) -> Event | None:
        """Return what is wrong now, as if the onset had been given; None before the first row.

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
            self._quarantine.rows.extend(self._since_onset)
            self._close(incident, "superseded")
        if since is None:
            policy, interval_s = self._setup.verdict.opening, self.system.interval_s
            most_s = policy.ask_most_rows * interval_s
            since = now - min(policy.look_back(interval_s), most_s)
        self._watch.health.look(self._quarantine.rows[-1].x)
        [opened] = self._begin_given("told", since)
        begun = self._incident
        return begun.revise() if begun is not None and begun.graph_is_due else opened

    def note(self, change: ChangeEvent) -> None:
        """Take a change event; noting it twice changes nothing.

        From the next revision on it is told with the causes. What it explains by itself, a
        component that comes to a new level, is no change any more, as long as health signals are
        judged and none is felt; without any nobody can say that users feel nothing.
        """
        if self._changes.add(change) and (self._watch.health.ready or self.system.objectives):
            self._watch.settling.begin(change)

    @property
    def _outside(self) -> Outside:
        return Outside(self._past, self._changes, self._late)

    def dismiss(self) -> list[Event]:
        """End the open incident, if any: whoever watches knows that it is none.

        Its rows are normal then, and learned; the trigger is armed again at once.
        """
        trigger = self._watch.trigger
        if self._incident is None or trigger is None:
            return []
        self._watch.restart(trigger)
        return [self._close(self._incident, "dismissed")]

    def _series_of(self, names: tuple[str, ...]) -> None:
        """Follow the series of a frame; an open incident keeps those that it began with."""
        self._sent = names
        if self._last_time is None:
            self._start(names)
            self._watch.start(len(names))
        if self._incident is not None:
            held = set(self._names)
            names = (*self._names, *(name for name in names if name not in held))
        self._select(names)

    def _select(self, names: tuple[str, ...]) -> None:
        """Be about these series from now on; an open incident, and its graph, stay as they are."""
        if names != self._names:
            index = places(names, self._names)
            for rows in (self._quarantine.rows, self._since_onset):
                held = moved(rows, index)
                rows.clear()
                rows.extend(held)
            trigger = self._watch.trigger
            if trigger is not None and self._names:
                trigger.select(index)
            self._watch.follow(names)
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
        self._quarantine.learned_at.clear()

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on identically: plain values and arrays, for the checkpoint."""
        incident = self._incident
        begun = self._last_time is not None
        return {
            "system": self.system.name,
            "interval_s": self.system.interval_s,
            "told": self._onset,
            "names": list(self._names),
            "normal": self._baseline.state_dict() | self._graph.state_dict() if begun else None,
            "diagnosis": None if incident is None else incident.state_dict(),
            "recent": packed(self._quarantine.rows, len(self._names)),
            "during": packed(self._since_onset, len(self._names)),
            "last_time": self._last_time,
            "torn": self._quarantine.gap,
            "memory": self._past.state_dict(),
            "calm_rows": self._calm_rows,
            "learned_at": np.array(self._quarantine.learned_at, dtype=np.float64),
            "changes": self._changes.state_dict(),
            "late": self._late.state_dict(),
        } | self._watch.state_dict()

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
        self._incident = None
        if state["normal"] is not None:
            # Baseline and graph of an open incident have the series of its onset.
            self._start(names[: len(state["normal"]["center"])])
            self._baseline.load_state_dict(state["normal"])
            self._graph.load_state_dict(state["normal"])
        self._past.load_state_dict(state.get("memory", []))  # older checkpoints have none
        self._watch.load_state_dict(state, names, state["last_time"])
        self._changes.load_state_dict(state.get("changes", []))  # older checkpoints have none
        self._late.load_state_dict(state.get("late", {}))
        if state["diagnosis"] is not None:
            self._incident = OpenIncident.from_state(
                self._setup, self._baseline, self._graph, state["diagnosis"], self._outside
            )
        self._quarantine.rows = deque(unpacked(state["recent"]))
        self._since_onset = deque(unpacked(state["during"]), KEPT_ROWS)
        if state["detector"] is not None:
            self._watch.restore_trigger(
                state["detector"], len(names), self._baseline, self._since_onset
            )
        self._calm_rows = state.get("calm_rows", 0)
        self._last_time = state["last_time"]
        if "learned_at" in state:  # older checkpoints have none
            self._quarantine.learned_at.extend(state["learned_at"].tolist())
        self._quarantine.gap = state["torn"]
