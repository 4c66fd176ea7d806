"""Choices behind the ranking, its convergence and the recall of past incidents, as data."""

import math
from dataclasses import dataclass

from coral.baseline.policy import (
    HISTORY,
    QUARANTINE,
    SCALE,
    HistoryPolicy,
    QuarantinePolicy,
    ScalePolicy,
)

__all__ = ["RANKING", "ChangePolicy", "ConvergencePolicy", "RankingPolicy", "RecallPolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvergencePolicy:
    """Numbers that decide when a ranking has stopped changing."""

    depth: int = 5
    """Entities compared: those that somebody reads."""
    persistence: float = 0.9
    """Weight of each place against the one before it: the first five have 41 % of all weight."""
    agreement: float = 0.9
    """Overlap from which two rankings agree: a swap of the last two places is no change."""
    confirmations: int = 3
    """Agreeing revisions in a row: one or two agree by chance."""
    least_rows: int = 4
    """Rankings on fewer rows are not compared: one or two rows agree with themselves."""
    contender: float = 1 / 3
    """Share of the first score from which an entity is compared: the order of noise is noise."""
    history: int = 16
    """Revisions kept; half of the rows is eight revisions ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallPolicy:
    """Numbers that decide which past incident the present one looks like."""

    most_confirmed: int = 64
    """Incidents kept for a system of whose cause people spoke; the one that ended first goes."""
    least_similarity: float = 0.7
    """Incidents with other causes do not reach it (docs/explanation/method.md, 7)."""
    least_share: float = 0.5
    """Of the score of the entity it would pass, for a confirmed cause to move up: below that the
    present incident speaks against it, and feedback is a claim of whoever can write it."""
    signed_series: int = 32
    """Series of a signature: scores are heavy-tailed, the strongest few decide the direction."""
    alike_series: int = 5
    """Series listed as what makes two incidents similar: as many as somebody reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePolicy:
    """Numbers that decide what a change event has to do with an incident, and what it explains."""

    most_kept: int = 256
    """Change events kept of a system; the earliest go first."""
    look_back_s: float = 1800.0
    """Before the onset, within which they are listed: caches run full and leaks fill up by then."""
    most_listed: int = 20
    """Of them in an event: more are the daily business of the system."""
    coincides_s: float = 300.0
    """What a change did, and what users feel of it, are at most so far apart ..."""
    coincides_rows: int = 3
    """... or so many rows, where rows are far apart: an onset is seldom dated better."""
    least_deviation: float = math.log(1.5)
    """Deviation score of an entity's strongest series below which nothing of it has changed."""
    odds: float = 2.0
    """Factor of the score of an entity whose change coincides: it decides between near ones, and
    the event is a claim of whoever can write it."""
    settle_s: float = 600.0
    """How long a component that was restarted takes to come to its new level ..."""
    settle_rows: int = 8
    """... and at least so many rows: of fewer no level can be told."""
    settle_most_s: float = 1800.0
    """A rollout of many replicas goes on; longer than this nothing settles."""
    settle_again_s: float = 7200.0
    """From the first of several changes to one after which the part settles again: what restarts
    more often is not well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingPolicy:
    """Numbers that the ranking of series and entities rests on."""

    sigma_floor: float = 0.15
    """Added to every innovation scale, in units: a short perfect prediction proves little."""
    waking_units: float = 10.0
    """Any value of a series that was exactly zero: how much is much for it, nobody knows."""
    missing_weight: float = 0.5
    """Of the log odds of a missing cell: it is as often a consequence as it is a cause."""
    sustained_weight: float = 0.8
    """Of the mean log innovation: what lasts matters more than a spike."""
    largest_weight: float = 0.2
    """Of the largest log innovation: what is short is not nothing."""
    beyond_weight: float = 0.25
    """Of the logarithm beyond what the normal rows can tell: that it goes on is evidence, but tails
    fall off as a power that nobody knows there."""
    recent_weight: float = 0.6
    """Of the recent level against the normal one, for what was outside before the onset: a cause
    may come first, but most of what came first is none."""
    weak_weight: float = 0.1
    """Role weight of traffic, of other kinds of signal, and of what got better: rarely causes."""
    saturation: float = 0.3
    """Scores below this are noise for the walk."""
    alias_comovement: float = 0.5
    """A leaf that moves more than this with a component may be the same seen from outside."""
    least_walk_power: float = 0.2
    """Power of the walk where the topology leads from nowhere to a health signal."""
    walk_power: float = 1.0
    """Power of the walk where it leads from everywhere: a full call graph is trusted."""
    innovation_power: float = 0.8
    """Power of the innovation score beside the walk, which decides among those that have one."""
    move_at_most: float = 0.95
    """A walker on an effect that a cause explains entirely still stays now and then."""
    damping: float = 0.98
    """Of every step: circles (feedback loops) must not be walked for ever."""
    start_at_health: float = 0.5
    """Share of the walkers that start at a health signal; the rest start where the scores are."""
    usual_level: float = math.log(2.0)
    """Logarithm of one plus the size that a mean deviation usually has, a third of the largest one:
    only what is above it counts."""
    scale: ScalePolicy = SCALE
    """What a unit is."""
    quarantine: QuarantinePolicy = QUARANTINE
    """Which rows are normal."""
    history: HistoryPolicy = HISTORY
    """What a series did in them."""
    convergence: ConvergencePolicy = ConvergencePolicy()
    """When the ranking has stopped changing."""
    recall: RecallPolicy = RecallPolicy()
    """Which past incident is like the present one."""
    changes: ChangePolicy = ChangePolicy()
    """Which change event has to do with it."""


RANKING = RankingPolicy()
