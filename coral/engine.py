"""The engine: frames in, events out. No input or output, no clock, no log."""

from collections import deque
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coral.config import EngineConfig, SystemConfig
from coral.diagnosis import Diagnosis, strongest_series
from coral.findings import significant
from coral.incident import Event, Trigger, timestamp
from coral.localise.layout import Layout
from coral.normal import NormalState
from detectors.trigger import Trigger as Detector
from streams.records import Frame

__all__ = ["Engine"]

Floats = NDArray[np.float64]
Phase = Literal["warming", "watching", "diagnosing", "settled"]

# A row counts as following the one before it up to this many intervals later.
ADJACENT_INTERVALS = 1.5
# Newest rows that are not learned yet, so that an onset estimated some rows back is unspoilt:
# an eighth of the normal rows seen, within these bounds.
QUARANTINE_ROWS = (4, 64)
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
    ) -> None:
        self.system = system
        self.config = EngineConfig() if config is None else config
        self._told = onset
        self._names: tuple[str, ...] = ()
        self._normal: NormalState | None = None
        self._detector: Detector | None = None
        self._recent: deque[_Row] = deque()
        self._during: deque[_Row] = deque(maxlen=KEPT_ROWS)
        self._diagnosis: Diagnosis | None = None
        self._last_time: float | None = None
        self._torn = False  # rows of an incident lie between the last row learned and the next

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
            return self._open_told(row.time) if row.time >= self._told else self._learn()
        if detector is not None and detector.drift_detected:
            return self._open_detected(detector)
        return self._learn()

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
            self._normal = NormalState(names, self.config, self.system.causal_edges)
            if self._told is None:
                self._detector = Detector(
                    n,
                    self.system.interval_s,
                    false_alarms_per_week=self.config.false_alarms_per_week,
                )
        elif n > len(self._names):
            pad = np.full(n - len(self._names), np.nan)
            for rows in (self._recent, self._during):
                padded = [row._replace(x=np.append(row.x, pad)) for row in rows]
                rows.clear()
                rows.extend(padded)
            self._grow_state(names)
        self._names = names

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
        quarantine = 0 if self._told is not None else max(low, min(high, normal.n_rows // 8))
        while len(self._recent) > quarantine:
            self._absorb_oldest()
        return []

    def _absorb_oldest(self) -> None:
        """Learn the oldest row in quarantine; the first one after an incident follows none."""
        row = self._recent.popleft()
        self._state.absorb(row.x, adjacent=row.adjacent and not self._torn)
        self._torn = False

    def _open_told(self, onset: float) -> list[Event]:
        trigger = Trigger(
            source="told",
            time=timestamp(onset),
            onset=timestamp(onset),
            delay_s=0.0,
            channel=None,
            statistic=None,
            threshold=None,
            p_value=None,
            series=[],
        )
        return self._open(trigger, 1)

    def _open_detected(self, detector: Detector) -> list[Event]:
        back = min(detector.onset_rows + 1, len(self._recent))
        now, onset = self._recent[-1].time, self._recent[-back].time
        trigger = Trigger(
            source="detector",
            time=timestamp(now),
            onset=timestamp(onset),
            delay_s=round(now - onset, 3),
            channel=detector.channel,
            statistic=significant(detector.statistic),
            threshold=significant(detector.threshold),
            p_value=significant(detector.p_value, 3),
            series=strongest_series(self._names, detector.scores),
        )
        for _ in range(min(ONSET_MARGIN, max(len(self._recent) - back, 0))):
            del self._recent[-back - 1]
        return self._open(trigger, back)

    def _open(self, trigger: Trigger, rows: int) -> list[Event]:
        """Open an incident on the newest `rows` rows; learn what came before them."""
        normal = self._state
        while len(self._recent) > rows:
            self._absorb_oldest()
        layout = Layout(self._names, self.system.kpi, self.system.causal_edges)
        onset = self._recent[0].time
        first = np.array([row.x for row in self._recent])
        diagnosis = Diagnosis(self.system, self.config, layout, normal, trigger, onset, first)
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
        if detector is not None and (detector.new_normal or not detector.alarm):
            return [self._resolve(diagnosis, accepted=detector.new_normal)]
        event = diagnosis.revise()
        return [] if event is None else [event]

    def _resolve(self, diagnosis: Diagnosis, *, accepted: bool) -> Event:
        event = diagnosis.close("new normal accepted" if accepted else "back to normal")
        self._diagnosis = None
        self._torn = True
        if accepted:
            self._normal = NormalState(self._names, self.config, self.system.causal_edges)
            for row in self._during:
                self._normal.absorb(row.x, adjacent=row.adjacent)
        elif self._state.n_series < len(self._names):
            self._state.grow(self._names)
        self._during.clear()
        return event
