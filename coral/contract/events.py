"""The published event: a CloudEvent whose data is one revision of one incident.

`coral/contract/schema.py` makes a JSON Schema of these types.
"""

import datetime as dt
import hashlib
import urllib.parse
from typing import Literal

import msgspec

from coral.contract.changes import ChangeKind
from coral.errors import EventError
from streams.records import Message

__all__ = [
    "CONTENT_TYPE",
    "HISTORY",
    "INCIDENTS",
    "Alerted",
    "Event",
    "Felt",
    "Incident",
    "NearbyChange",
    "Pattern",
    "PatternKind",
    "Product",
    "Unseen",
    "decode",
    "encode",
    "incident_id",
    "message_of",
    "significant",
    "timestamp",
    "unix",
]

INCIDENTS = "coral.incidents.v1"
"""Topic of the events, unless the configuration names another."""
HISTORY = ("history", b"true")
"""Header of an event that follows from records written more than an hour before they were read."""
CONTENT_TYPE = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)
"""Headers of every message with a CloudEvent in it."""

Kind = Literal[
    "io.coral.incident.opened.v1",
    "io.coral.ranking.updated.v1",
    "io.coral.ranking.converged.v1",
    "io.coral.incident.resolved.v1",
]
Product = Literal["incident", "change"]
State = Literal["diagnosing", "settled", "resolved"]
Resolution = Literal[
    "back to normal", "new normal accepted", "dismissed", "superseded", "explained"
]
PatternKind = Literal["common load rise", "self-sustaining loop", "several causes"]
Tier = Literal["likely", "possible", "unlikely", "no clear cause"]


class _Part(msgspec.Struct, frozen=True):
    """A part of an event; unknown fields are ignored, so that newer writers can be read."""


class Artefacts(_Part, frozen=True):
    """What could be a problem of the data rather than a fault."""

    rows: int  # rows from the onset to the alarm: 1 is a single spike
    missing: float  # share of the cells missing in the row of the alarm, of those that were due
    usual_missing: float  # the same in normal rows
    silent: list[str]  # series that stopped sending, at most five
    near_zero: list[
        str
    ]  # of the series that changed, those that fell to a hundredth: a counter reset?


class Budget(_Part, frozen=True):
    """How many events of one kind are allowed, and how many there can have been at most."""

    per_week: float  # the one that was set
    # Raised so far, this one included; without those that a health signal and another statistic
    # both saw.
    alarms: int
    watched_weeks: float  # normal operation since the warm-up
    certified_per_week: float | None  # upper 95 % limit, every earlier alarm counted as false
    calibrated: bool  # whether enough was watched to certify the budget (3 / per_week)
    product: Product = "incident"  # what is counted: pages, or changes that do not page


class Felt(_Part, frozen=True):
    """A health signal that says that something is wrong."""

    signal: str  # the series
    usual: float | None  # median of its newest normal readings, raw units; None for an objective
    now: float | None  # raw units; None: it is missing
    objective: str | None  # the objective that it breaches, in words; None: it left its usual range


class Alerted(_Part, frozen=True):
    """An alert of somebody else that belongs to the incident."""

    name: str
    severity: str  # as its sender calls it; empty: it does not say
    text: str  # its summary
    starts: str  # when it began to fire: late by as long as it had to last
    ends: str | None  # None: it fires


class AlarmTrigger(_Part, frozen=True):
    """Why the incident was opened."""

    # health: a health signal left its usual range; objective: one breached its objective;
    # alert: somebody else's alert fired; told: the onset was given (by a recording, in oracle mode,
    # by whoever asked).
    source: Literal["detector", "health", "objective", "alert", "told"]
    time: str  # event time of the row that raised the alarm
    onset: str  # event time of the first row of the new state
    delay_s: float  # alarm minus onset
    channel: str | None  # the statistic that fired
    statistic: float | None
    threshold: float | None
    p_value: float | None
    series: list[str]  # series that changed most, strongest first
    onset_interval: list[str]  # earliest and latest likely onset
    artefacts: Artefacts | None
    budget: Budget | None  # of what this source raises; an objective has none
    other_budget: Budget | None = None  # the other of the two; None: there is only one


class Course(_Part, frozen=True):
    """One series around the onset, to draw: means of equal spans of rows, null = no value."""

    rows: int  # rows of a point, on both sides
    before: list[float | None]  # at most 20 points up to the onset, raw units
    after: list[float | None]  # at most 20 points since


# A counter only grows, a constant never varied in the normal state.
SeriesKind = Literal["level", "counter", "constant"]


class MetricFinding(_Part, frozen=True):
    """Evidence of one series."""

    name: str
    evidence: float  # >= 0, after role weights
    surprise: float  # mean logarithm of the prediction error, above the usual one
    deviation: float  # mean deviation, signed; 3 = as far as normal rows go
    before: float  # median in the normal state, raw units; of a counter, its growth a second
    after: float | None  # mean since the onset, as `before`
    missing: float  # share of the rows since the onset without a value, above the normal share
    changed_at: str | None  # first row outside of the normal range
    course: Course | None = None  # of health signals and of the first metric of five causes
    kind: SeriesKind = "level"


class Cause(_Part, frozen=True):
    """One candidate, with its evidence."""

    rank: int
    entity: str
    score: float  # share of all scores
    tier: Tier
    evidence: float
    metrics: list[MetricFinding]
    changed_after_kpi_s: float | None  # negative: before the health signal
    path: list[str]  # entities from the cause to the health signal along known edges
    text: str
    # Least and most seconds after the health signal that the grid and the onset leave open.
    changed_after_kpi_interval_s: list[float] | None = None
    # Share of the health signal's change that it can explain along the path, 0 .. 1.
    explains: float | None = None
    evidence_for: list[str] = []
    evidence_against: list[str] = []


class RuledOut(_Part, frozen=True):
    """A strong candidate that is not among the first, and why."""

    entity: str
    evidence: float  # before role weights
    reason: str


class Scored(_Part, frozen=True):
    """A name and its score."""

    name: str
    score: float


class GraphEdge(_Part, frozen=True):
    """An edge of the learned causal graph between series of the top entities."""

    cause: str
    effect: str
    lag: int
    strength: float
    part: Literal["invariant", "dependent"]
    age: int  # rows since the edge has been there, of the part's own rows
    confidence: float  # 0 .. 1, that there is an edge
    direction: float  # 0 .. 1, that it runs this way; 1 for lag >= 1


class Contradicted(_Part, frozen=True):
    """A known or forbidden edge between two entities that the normal rows contradict."""

    cause: str
    effect: str
    prior: Literal["known", "required", "forbidden"]  # forbidden: by an order of entities as well
    found: Literal["absent", "reversed", "present"]


class StateSeen(_Part, frozen=True):
    """An earlier incident that changed the causal graph in the same way."""

    incident: str
    ended: str  # event time of its last row
    times: int  # how often this state was seen before


class Pattern(_Part, frozen=True):
    """What kind of incident it is, where that is not one cause and its consequences."""

    kind: PatternKind
    entities: list[str]  # concerned; for a loop the one that began it first
    series: list[str]  # that show it, at most five
    text: str


class SeenBefore(_Part, frozen=True):
    """An earlier incident that looked like this one, and of whose cause something was said."""

    incident: str
    ended: str  # event time of its newest row when that was said
    cause: str  # entity that was confirmed, or rejected
    entity: str | None  # the same now: another replica may have taken its place; None = it is gone
    similarity: float  # 0 .. 1, cosine of the signatures
    alike: list[str]  # series in which they are similar, most important first, at most five
    moved: bool  # whether that moved the entity up one place


class NearbyChange(_Part, frozen=True):
    """Something that was done to the system around the onset, as a change event tells it."""

    entity: str | None  # as the metrics call it, if they know it; None: the system as a whole
    kind: ChangeKind
    time: str
    before_onset_s: float  # negative: after the onset
    rank: int | None  # of the entity among the causes; None: it has no evidence
    # Whether the entity changed with it and with the health signals, and so ranks higher.
    supports: bool
    text: str  # version, artifact or message, as it was told


class Unseen(_Part, frozen=True):
    """An entity that is not seen: whether it is the cause, nobody can say."""

    entity: str
    late_s: float | None  # how late its values come, at most, to be dropped; None: none come
    text: str


class Screened(_Part, frozen=True):
    """What the causal graph left out because there are too many series."""

    series: int
    in_graph: int
    most_left_out: list[str]  # entities with most series left out


class Convergence(_Part, frozen=True):
    """How stable the ranking is."""

    converged: bool
    rows: int | None  # rows after the onset at which it converged
    confirmations: int
    agreement: float  # overlap of the top five with those at 1/2 and 3/4 of the rows, the lower
    # First when it converged, if that is another one now: the answer has been corrected.
    corrected: str | None = None


class Revision(_Part, frozen=True):
    """The first five entities at an earlier revision."""

    rows: int
    top: list[str]


class Incident(_Part, frozen=True):
    """One revision of one incident: the data of an event."""

    incident: str
    revision: int
    state: State
    system: str
    kpi: list[str]
    trigger: AlarmTrigger
    now: str  # event time of the newest row considered
    rows: int  # rows from the onset to now
    base_rows: int  # rows of normal state compared with
    tier: Tier
    summary: str
    causes: list[Cause]
    ruled_out: list[RuledOut]
    entities: list[Scored]
    metrics: list[Scored]
    graph: list[GraphEdge]
    state_seen: StateSeen | None  # None: the state is new
    screened: Screened | None  # None: all series are in the graph
    convergence: Convergence
    history: list[Revision]
    resolution: Resolution | None
    engine: str  # version
    config: str  # digest of the configuration
    health: list[MetricFinding] = []  # the health signals themselves, at most three
    # Series that moved most, with their evidence before role weights, negative where they fell:
    # what feedback on this incident lets later ones be recognised by.
    signature: list[Scored] = []
    seen_before: SeenBefore | None = None
    patterns: list[Pattern] = []
    # None is configured: `kpi` holds the latencies and errors where known effects end.
    kpi_proposed: bool = False
    # A change is what no health signal has felt so far: it does not page. Without health signals
    # everything is an incident.
    kind: Product = "incident"
    felt: list[Felt] = []  # what health signals say now, strongest first
    contradicted: list[Contradicted] = []  # at most 20; see docs/explanation/causal-graph.md
    alerts: list[Alerted] = []  # of others, while it is open; the first ones first, at most 20
    # Change events from half an hour before the onset on, those of the first causes first.
    change_events: list[NearbyChange] = []
    unseen: list[Unseen] = []  # at most five, those whose values are late first
    # What was first in an incident like this one, and was not the cause: never `likely` here.
    rejected_before: SeenBefore | None = None


class Event(_Part, frozen=True, kw_only=True):
    """CloudEvents 1.0, structured mode."""

    specversion: Literal["1.0"] = "1.0"
    id: str  # <incident>:<revision>, equal on every re-run
    source: str
    type: Kind
    subject: str  # the incident
    time: str
    datacontenttype: Literal["application/json"] = "application/json"
    data: Incident


def incident_id(system: str, onset: float, config: str, recording: str = "") -> str:
    """Deterministic identifier of an incident: equal input and configuration, equal id.

    Where a system has one stream of data alone its onset tells an incident from all others; of its
    recordings several may have the same, and what they hold (`recording`) tells them apart.
    """
    text = "\n".join([system, repr(onset), config, *([recording] if recording else [])])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def source_of(system: str) -> str:
    """Return the `source` of events on a system: a URI-reference, whatever the name holds.

    Examples
    --------
    >>> source_of("shop"), source_of("web shop/1%"), source_of("größe")
    ('/coral/shop', '/coral/web%20shop/1%25', '/coral/gr%C3%B6%C3%9Fe')
    """
    return f"/coral/{urllib.parse.quote(system)}"


def significant(value: float, digits: int = 6) -> float:
    """Round to significant digits, so that events are equal on every machine."""
    return float(f"{value:.{digits}g}")


def timestamp(time: float) -> str:
    """Unix seconds as RFC 3339 in UTC, with milliseconds only where there are any."""
    moment = dt.datetime.fromtimestamp(round(time, 3), tz=dt.UTC)
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def unix(time: str) -> float:
    """Return the unix seconds of a time as `timestamp` writes it.

    Examples
    --------
    >>> unix("2026-11-22T12:44:46.250Z")
    1795351486.25
    """
    return dt.datetime.fromisoformat(time).timestamp()


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """Serialise an event as one line of JSON; equal events give equal bytes."""
    return _ENCODER.encode(event)


def message_of(event: Event, topic: str = INCIDENTS, *, history: bool = False) -> Message:
    """Return an event as it is published: keyed by system, so that its revisions keep their order.

    The bytes are those of `encode`, whoever publishes them and whenever; what was read from a
    backlog says so in a header.
    """
    headers = (*CONTENT_TYPE, HISTORY) if history else CONTENT_TYPE
    return Message(topic, event.data.system.encode(), encode(event), headers)


def decode(line: bytes) -> Event:
    """Parse one event.

    Raises
    ------
    EventError
        Naming the path and the rule, when the line is no event of this version.
    """
    try:
        return _DECODER.decode(line)
    except (ValueError, RecursionError) as error:
        raise EventError(f"not a CORAL event: {error}") from error
