"""The engine: frames in, events out. No input or output, no clock, no log."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.baseline.normal_state import NormalState
from coral.baseline.told_onset import rows_late
from coral.config import EngineConfig, SystemConfig
from coral.contract.events import Event, Resolution, Trigger
from coral.contract.feedback import Feedback
from coral.graph.prior import Topology
from coral.incident.alarm import detected, told
from coral.incident.lifecycle import Diagnosis
from coral.localise.past_incidents import Memory
from detectors.policy import DEFAULT, TriggerPolicy
from detectors.trigger import Trigger as Detector
from streams.records import Frame

__all__ = ["Engine"]

Floats = NDArray[np.float64]
_ACCEPTED: Final = "new normal accepted"
Phase = Literal["warming", "watching", "diagnosing", "settled"]

# A row counts as following the one before it up to this many intervals later.
ADJACENT_INTERVALS = 1.5
# Newest rows that are not learned yet, so that an onset estimated some rows back is unspoilt:
# an eighth of the normal rows seen, within these bounds.
QUARANTINE_ROWS = (4, 64)
QUARANTINE_SHARE = 8
# A told onset may be later: whoever tells it has noticed something first.
QUARANTINE_SHARE_TOLD = 4
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

    warming -> watching -> diagnosing -> settled -> watching. Learning of the normal state is
    frozen from the onset to the resolution. The same frames give byte-identical events.

    Parameters
    ----------
    system : SystemConfig
    config : EngineConfig
    onset : float or None
        Event time of the first faulty row, unix s, when it is told (oracle mode): the detector is
        not used, and the incident stays open.
    trigger : TriggerPolicy
        Choices of the detector; for experiments.

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
        trigger: TriggerPolicy = DEFAULT,
    ) -> None:
        self.system = system
        self.config = EngineConfig() if config is None else config
        self._told = onset
        self._trigger_policy = trigger
        self._names: tuple[str, ...] = ()
        self._normal: NormalState | None = None
        self._detector: Detector | None = None
        self._recent: deque[_Row] = deque()
        self._during: deque[_Row] = deque(maxlen=KEPT_ROWS)
        self._diagnosis: Diagnosis | None = None
        self._last_time: float | None = None
        self._memory = Memory()
        self._torn = False  # rows of an incident lie between the last row learned and the next

    @property
    def detector(self) -> Detector | None:
        """The trigger, to look at; None before the first frame and when the onset is told."""
        return self._detector

    @property
    def normal(self) -> NormalState | None:
        """What is known of the normal state, to look at; None before the first frame."""
        return self._normal

    @property
    def phase(self) -> Phase:
        """What the engine is doing."""
        if self._diagnosis is not None:
            return "settled" if self._diagnosis.settled else "diagnosing"
        warm = self._told is not None or (self._detector is not None and self._detector.warm)
        return "watching" if warm else "warming"

    def step(self, frame: Frame) -> list[Event]:
        """Take one frame of the system; return the events it causes, oldest first.

        Parameters
        ----------
        frame : Frame
            Next tick in event time. Its values are not modified and not kept.
        """
        row = self._take(frame)
        detector = self._detector
        if detector is not None:
            if not row.adjacent:
                detector.break_lags()
            detector.update(row.x)
        if self._diagnosis is not None:
            return self._continue(self._diagnosis, row)
        self._recent.append(row)
        if self._told is not None:
            return self._open_told() if row.time >= self._told else self._learn()
        if detector is not None and detector.drift_detected:
            return self._open_detected(detector)
        return self._learn()

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on identically: plain values and arrays, for the checkpoint."""
        normal, detector, diagnosis = self._normal, self._detector, self._diagnosis
        return {
            "system": self.system.name,
            "interval_s": self.system.interval_s,
            "told": self._told,
            "names": list(self._names),
            "normal": None if normal is None else normal.state_dict(),
            "detector": None if detector is None else detector.state_dict(),
            "diagnosis": None if diagnosis is None else diagnosis.state_dict(),
            "recent": _packed(self._recent, len(self._names)),
            "during": _packed(self._during, len(self._names)),
            "last_time": self._last_time,
            "torn": self._torn,
            "memory": self._memory.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned.

        Parameters
        ----------
        state : mapping
            Of an engine of the same system on the same grid. The rest of the configuration may
            have changed: what was learned stays, see docs/state.md.

        Raises
        ------
        ValueError
            If that engine was of another system or grid, or was told another onset.
        """
        system = self.system
        expected = {"system": system.name, "interval_s": system.interval_s, "told": self._told}
        for name, value in expected.items():
            if state[name] != value:
                raise ValueError(f"`Engine` requires {name}={value!r}, got {name}={state[name]!r}.")
        self._names = names = tuple(state["names"])
        self._normal = self._detector = self._diagnosis = None
        if state["normal"] is not None:
            # The normal state of an open incident has the series of its onset.
            self._normal = self._fresh_normal(names[: len(state["normal"]["center"])])
            self._normal.load_state_dict(state["normal"])
        if state["detector"] is not None:
            self._detector = self._fresh_detector(len(names))
            self._detector.load_state_dict(state["detector"])
        self._memory.load_state_dict(state.get("memory", []))  # older checkpoints have none
        if state["diagnosis"] is not None:
            self._diagnosis = Diagnosis.from_state(
                self.system, self.config, self._state, state["diagnosis"], self._memory
            )
        self._recent = deque(_unpacked(state["recent"]))
        self._during = deque(_unpacked(state["during"]), KEPT_ROWS)
        self._last_time = state["last_time"]
        self._torn = state["torn"]

    def _take(self, frame: Frame) -> _Row:
        """Note names and time; grow when there are new series."""
        if frame.names is not self._names:
            self._grow(frame.names)
        gap = np.inf if self._last_time is None else frame.time - self._last_time
        self._last_time = frame.time
        x = np.array(frame.values, dtype=np.float64)
        x[~np.isfinite(x)] = np.nan
        return _Row(frame.time, x, gap <= ADJACENT_INTERVALS * self.system.interval_s)

    def _grow(self, names: tuple[str, ...]) -> None:
        n = len(names)
        if self._normal is None:
            self._normal = self._fresh_normal(names)
            if self._told is None:
                self._detector = self._fresh_detector(n)
        elif n > len(self._names):
            pad = np.full(n - len(self._names), np.nan)
            for rows in (self._recent, self._during):
                padded = [row._replace(x=np.append(row.x, pad)) for row in rows]
                rows.clear()
                rows.extend(padded)
            self._grow_state(names)
        self._names = names

    def _fresh_normal(self, names: tuple[str, ...]) -> NormalState:
        system = self.system
        topology = Topology(
            system.causal(system.edges),
            system.causal(system.required_edges),
            system.causal(system.forbidden_edges),
            system.order,
        )
        return NormalState(names, self.config, topology)

    def _fresh_detector(self, n: int) -> Detector:
        budget = self.config.false_alarms_per_week
        interval_s, policy = self.system.interval_s, self._trigger_policy
        return Detector(n, interval_s, false_alarms_per_week=budget, policy=policy)

    def _grow_state(self, names: tuple[str, ...]) -> None:
        if self._diagnosis is None:  # an open incident goes on with the series it began with
            self._state.grow(names)
        if self._detector is not None:
            self._detector.grow(len(names))

    @property
    def _state(self) -> NormalState:
        if self._normal is None:
            raise RuntimeError("no frame has been taken yet")
        return self._normal

    def _learn(self) -> list[Event]:
        """Learn the rows that have left quarantine."""
        normal = self._state
        low, high = QUARANTINE_ROWS
        share = QUARANTINE_SHARE if self._told is None else QUARANTINE_SHARE_TOLD
        while len(self._recent) > max(low, min(high, normal.n_rows // share)):
            self._absorb_oldest()
        return []

    def _absorb_oldest(self) -> None:
        """Learn the oldest row in quarantine; the first one after an incident follows none."""
        row = self._recent.popleft()
        self._state.absorb(row.x, adjacent=row.adjacent and not self._torn)
        self._torn = False

    def _open_told(self) -> list[Event]:
        """Open the incident at the told onset, or at the rows before it that are faulty already."""
        base, _ = self._state.base()
        late = rows_late(base, np.array([row.x for row in self._recent]))
        return self._open(told(self._recent[-1].time, self._recent[-1 - late].time), 1 + late)

    def _open_detected(self, detector: Detector) -> list[Event]:
        times = [row.time for row in self._recent]
        trigger = detected(detector, self._names, times, [row.x for row in self._recent])
        back = min(detector.onset_rows + 1, len(self._recent))
        for _ in range(min(ONSET_MARGIN, max(len(self._recent) - back, 0))):
            del self._recent[-back - 1]
        return self._open(trigger, back)

    def _open(self, trigger: Trigger, rows: int) -> list[Event]:
        """Open an incident on the newest `rows` rows; learn what came before them."""
        normal = self._state
        while len(self._recent) > rows:
            self._absorb_oldest()
        onset = self._recent[0].time
        first = np.array([row.x for row in self._recent])
        diagnosis = Diagnosis.begin(
            self.system, self.config, self._names, normal, trigger, onset, first, self._memory
        )
        self._during.clear()
        for row in self._recent:
            diagnosis.update(row.time, row.x, adjacent=row.adjacent)
            self._during.append(row)
        self._recent.clear()
        self._diagnosis = diagnosis
        return [diagnosis.open()]

    def _continue(self, diagnosis: Diagnosis, row: _Row) -> list[Event]:
        diagnosis.update(row.time, row.x, adjacent=row.adjacent)
        self._during.append(row)
        detector = self._detector
        if detector is not None and (detector.rebaselined or not detector.alarm):
            accepted = detector.rebaselined
            return [self._resolve(diagnosis, _ACCEPTED if accepted else "back to normal")]
        event = diagnosis.revise()
        return [] if event is None else [event]

    def confirm(self, feedback: Feedback) -> None:
        """Remember the confirmed cause of an incident; later ones that look the same say so.

        From the next revision on; what is published stays.
        """
        self._memory.confirm(feedback)

    def dismiss(self) -> list[Event]:
        """End the open incident, if any: whoever watches knows that it is none.

        Nothing is learned from its rows, and the trigger is armed again at once.
        """
        if self._diagnosis is None or self._detector is None:
            return []
        self._detector.restart()
        return [self._resolve(self._diagnosis, "dismissed")]

    def _resolve(self, diagnosis: Diagnosis, resolution: Resolution) -> Event:
        event = diagnosis.close(resolution)
        self._diagnosis = None
        self._torn = True
        if resolution == _ACCEPTED:
            self._normal = self._fresh_normal(self._names)
            for row in self._during:
                self._normal.absorb(row.x, adjacent=row.adjacent)
        elif self._state.n_series < len(self._names):
            self._state.grow(self._names)
        self._during.clear()
        return event


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
