"""What is seen of a daemon from outside: plain immutable data, the answers of the API."""

from typing import Literal

import msgspec

from coral.contract.events import Budget, Event, Product, Resolution, State, Tier

__all__ = [
    "AlertsTaken",
    "Backlog",
    "Brief",
    "Checkpointing",
    "DaemonStatus",
    "Durations",
    "IncidentList",
    "Refusal",
    "Reloads",
    "Said",
    "SinkState",
    "Snapshot",
    "SystemList",
    "SystemState",
    "Totals",
    "TriggerReading",
    "brief",
    "nothing_watched",
]

SystemPhase = Literal["warming", "blind", "watching", "diagnosing", "settled"]


class _Seen(msgspec.Struct, frozen=True):
    """A part of an answer; unknown fields are ignored, so that newer servers can be read."""


class SystemBase(_Seen, frozen=True):
    """What a system is compared with: its normal rows."""

    rows: int  # that are kept
    # Event time from the newest row that was taken for normal to the newest one, seconds: it grows
    # while an incident is open.
    age_s: float
    # Event time at which their scale was last taken anew; None: not since this process has it.
    refitted: str | None


class TriggerReading(_Seen, frozen=True):
    """What the trigger says of the newest row: the statistic that is closest to its limit."""

    channel: str
    statistic: float | None  # None: it says nothing of this row
    limit: float | None  # None: there is none yet
    # How much of what an alarm takes, on a scale on which all statistics compare; 1 is an alarm.
    evidence: float


class SystemState(_Seen, frozen=True):
    """One system."""

    system: str
    topic: str
    partition: int
    phase: SystemPhase
    no_data: bool  # no row has come for `no_data_after_s`
    last: str | None  # event time of the newest row; None: none since this process has it
    rows: int  # since this process has it
    series: int
    interval_s: float  # its grid
    health_signals: list[str]  # that are configured
    base: SystemBase
    incident: str | None  # the open one, if it was published by this process
    needed: list[str]  # why less can be seen than there is to see, and what would end that
    reach: list[str]  # the least that would be noticed; empty: nothing, it is blind
    absent_signals: list[str]  # of the configuration, never occurred
    absent_entities: list[str]
    calls: list[
        tuple[str, str]
    ]  # caller and callee, as its series show it; not the configured ones
    pages: Budget | None  # None: before the first row
    changes: Budget | None  # None: without health signals everything pages
    late: int  # samples dropped so far, by reason
    duplicate: int
    future: int
    refused: int  # values of series beyond the limit
    expired: int = 0  # series forgotten so far: silent for as long as they lived, ...
    displaced: int = 0  # ... and silent while new ones found no room
    trigger: TriggerReading | None = None  # None: before the first row
    latest: dict[str, float] = {}  # entities whose samples were late, and by how much at most, s


class SystemList(_Seen, frozen=True):
    """All systems of this process, by name."""

    systems: list[SystemState]


class Brief(_Seen, frozen=True):
    """One incident in short."""

    incident: str
    system: str
    kind: Product
    state: State
    tier: Tier
    summary: str
    causes: list[str]  # the first three entities
    felt: list[str]  # health signals, strongest first
    onset: str
    opened: str
    now: str  # event time of the newest row considered
    revision: int
    resolution: Resolution | None
    budgets: list[Budget] = []  # as they stood at its alarm, one of each product at most


class IncidentList(_Seen, frozen=True):
    """The newest incidents and changes, open ones first, then the newest."""

    incidents: list[Brief]


class Backlog(_Seen, frozen=True):
    """One partition of this member."""

    topic: str
    partition: int
    lag: int | None  # records not read yet; None: not known yet


class SinkState(_Seen, frozen=True):
    """What became of what one receiver over HTTP was told, since the process began."""

    sink: str  # `alertmanager/<address>` or `webhooks/<name>`, of the configuration
    taken: int
    refused: int  # by an answer that no further attempt would change
    lost: int  # too many waited, or for too long
    failed_attempts: int
    waiting: int
    failing: bool  # whether the newest attempt failed
    last: float | None  # unix seconds of the newest success


class Reloads(_Seen, frozen=True):
    """What became of requests to read the configuration again."""

    at: float  # unix seconds at which the one that holds was read
    accepted: int = 0
    refused: int = 0
    well: bool = True  # whether the newest was accepted; the start was


class DaemonStatus(_Seen, frozen=True):
    """The process as a whole."""

    version: str
    alive: bool
    ready: bool
    reasons: list[str]  # why it is not alive, or not ready
    started: str
    at: str | None  # when the rest was true; None: nothing has been published yet
    records: int
    rows: int
    phases: dict[str, int]  # systems by phase
    no_data: int  # systems from which nothing comes
    partitions: list[Backlog]
    sinks: list[SinkState] = []  # who is told over HTTP
    follows: bool = False  # it watches no system itself, and shows what topics or recordings say


class AlertsTaken(_Seen, frozen=True):
    """What became of alerts that were sent."""

    taken: int
    refused: list[str]  # why others were not, at most five reasons


class Said(_Seen, frozen=True):
    """What was said of the cause of an incident."""

    cause: str | None  # entity; None: nothing, or it was taken back
    stored: str | None = None  # where that was written; None: it was only asked
    rejected: str | None = None  # entity that was first and was not the cause


class Refusal(_Seen, frozen=True):
    """Why there is no answer."""

    error: str


class Durations(_Seen, frozen=True):
    """How long something took, so far."""

    counts: tuple[int, ...]  # by bucket of `coral.http.histogram.BOUNDS`, and one beyond
    total: float  # seconds


class Totals(_Seen, frozen=True):
    """What was counted since the process began; a count never falls."""

    records: int = 0
    rows: int = 0
    events: int = 0
    late: int = 0
    duplicate: int = 0
    future: int = 0
    refused: int = 0
    expired: int = 0  # series that were forgotten: see `SystemState`
    displaced: int = 0
    systems_displaced: int = 0  # systems that made room for new ones
    suppressed: int = 0  # dead letters beyond the limit a minute
    dead_letters: dict[str, int] = {}  # by reason
    opened: dict[str, int] = {}  # incidents and changes by product; one that was both is both
    felt: dict[str, int] = {}  # of these, those that a health signal felt
    alerts: dict[str, int] = {}  # alerts of others, by what came of them
    messages_refused: dict[str, int] = {}  # of the topics beside the metrics, by what they are of


class Checkpointing(_Seen, frozen=True):
    """How storing of state goes."""

    at: float | None = None  # unix seconds of the newest one that was stored and committed
    size: int = 0  # its bytes
    seconds: float = 0.0  # from the copy to the commit
    failed: int = 0


class Snapshot(_Seen, frozen=True):
    """Everything at one instant."""

    at: float  # unix seconds
    joined: bool  # the group has dealt its partitions
    systems: tuple[SystemState, ...]  # by name
    partitions: tuple[Backlog, ...]
    counted: Totals
    active: dict[str, int]  # open incidents and changes by product; `unknown`: see `Reporter`
    elsewhere: dict[str, int]  # messages of the other topics held for systems that are not here
    durations: dict[str, Durations]  # decode, tick, publish
    checkpointing: Checkpointing
    newest: float | None  # largest event time of a row, unix seconds
    refitted: float | None  # of `SystemBase.refitted` the earliest, unix seconds
    series_limit: int
    systems_limit: int
    sinks: tuple[SinkState, ...] = ()
    follows: bool = False  # see `DaemonStatus`


def nothing_watched(at: float, counted: Totals) -> Snapshot:
    """Return a snapshot of a process that watches no system itself."""
    return Snapshot(
        at=at,
        joined=True,
        systems=(),
        partitions=(),
        counted=counted,
        active={},
        elsewhere={},
        durations={},
        checkpointing=Checkpointing(),
        newest=None,
        refitted=None,
        series_limit=0,
        systems_limit=0,
        follows=True,
    )


def brief(event: Event) -> Brief:
    """Return an incident in short."""
    data = event.data
    return Brief(
        incident=data.incident,
        system=data.system,
        kind=data.kind,
        state=data.state,
        tier=data.tier,
        summary=data.summary,
        causes=[cause.entity for cause in data.causes[:3]],
        felt=[one.signal for one in data.felt],
        onset=data.trigger.onset,
        opened=data.trigger.time,
        now=data.now,
        revision=data.revision,
        resolution=data.resolution,
        budgets=[one for one in (data.trigger.budget, data.trigger.other_budget) if one],
    )
