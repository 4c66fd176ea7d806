"""The numbers behind an incident, as data: why it begins, its tier, its patterns, its arguments."""

import math
from dataclasses import dataclass

__all__ = ["VERDICT", "OpeningPolicy", "VerdictPolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningPolicy:
    """Numbers that decide when an incident begins, and which rows are the first of it."""

    look_back_s: float = 900.0
    """An alert comes late by as long as its condition had to last: so far is looked back ..."""
    look_back_rows: int = 16
    """... and at least so many rows, where rows are far apart; a health signal is looked back from
    by as many, for what leads up to it slowly."""
    ask_most_rows: int = 120
    """Most rows that whoever asks without saying since when is answered from."""
    symptom_lead: int = 10
    """Rows by which a cause may come before the health signal that shows it."""
    onset_margin: int = 1
    """Rows before the earliest likely onset that belong to neither state, as those after it do:
    ending the base too early costs little, ending it too late costs much."""
    calm_rows: int = 20
    """Rows without a health signal that is felt in an open incident, after which one that is felt
    tells of another: what keeps the first open need not have anything to do with it."""
    near_zero: float = 0.01
    """A level that falls to this share may be a counter that started anew."""
    flaps: int = 3
    """An alert that has opened so many incidents opens no further one ..."""
    flaps_s: float = 3600.0
    """... within this time: it flaps."""
    present_share: float = 0.5
    """Of the series that an entity has sent, with which it is there: half may be replicas."""
    fresh_rows: int = 8
    """Rows for which a silence is news: what users feel later has another reason."""
    graph_at_once: int = 100
    """Series up to which the edges of the graph are told in the row that opens an incident, which
    takes some milliseconds. Those of more come with the next row: other systems wait meanwhile."""

    def look_back(self, interval_s: float) -> float:
        """Return how long before an onset that is given late is looked back, in seconds.

        Parameters
        ----------
        interval_s : float
            Between two rows.
        """
        return max(self.look_back_s, self.look_back_rows * interval_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictPolicy:
    """When a verdict says what; vary one number with `dataclasses.replace`.

    Deviations come in two measures. A *deviation score* of a series is the mean logarithm of its
    prediction error above the usual one, so that log 2 is an error twice the usual. A *unit* is a
    third of the range that a series has in normal rows.
    """

    opening: OpeningPolicy = OpeningPolicy()
    """When an incident begins."""

    # Tier of the first cause (`coral.incident.confidence`)
    least_deviation: float = math.log(1.1)
    """Deviation score below which nothing has happened that could be named."""
    likely_evidence: float = 2.0
    """Least evidence of the first cause's strongest series: thrice the usual error throughout."""
    likely_consensus: float = 0.5
    """Least agreement of the simpler rankings: the first is among their first two on average."""
    likely_margin: float = math.log(1.1)
    """Least distance to the second cause, logarithm of the scores: no tie."""
    likely_rows: int = 2
    """Rows since the onset: one alone is as often a glitch."""
    most_base_rows: int = 512
    """Of n series that were normal for m rows, n / (m + 1) leave their range in the next one by
    chance. Hence as many normal rows as series are asked for, and never more than this."""
    possible_share: float = 0.5
    """Share of the first score from which a further cause is possible rather than unlikely."""

    # Arguments (`coral.incident.arguments`)
    clear_deviation: float = math.log(2.0)
    """Deviation score of a clear change: rows without a fault seldom reach twice the usual."""
    explains: float = 0.5
    """Share of an entity's evidence from which a cause explains it: more than all others can."""
    visible_weakness: float = 1.05
    """Ratio of the evidence from which a cause is called weaker than the first."""
    missing_share: float = 0.1
    """Share of missing values, above the usual, that makes a series doubtful."""
    few_rows: int = 4
    """Fewer rows since the onset prove nothing."""
    most_arguments: int = 6
    """Sentences of each kind: an answer is read at a glance."""

    # Patterns (`coral.incident.patterns`)
    load_units: float = 1.0
    """Units by which traffic rose, on average, where load rose ..."""
    load_share: float = 0.75
    """... and it rose everywhere when it did at this share of the entities with traffic."""
    load_entities: int = 2
    """Least of them: more traffic at one entity is not a load rise of the system."""
    stands_out: float = 2.0
    """Evidence of a cause, in that of the load itself, from which the load does not explain it."""
    last_share: int = 4
    """The last quarter of an incident's points says whether something is over ..."""
    least_points: int = 8
    """... which takes two points in a quarter."""
    over_units: float = 1.5
    """Units within which a series is over."""
    beyond_units: float = 3.0
    """Units beyond which a series was affected, or still is: outside the whole normal range."""
    loop_deviation: float = math.log(1.5)
    """Deviation score from which a series must be over for its entity to be: less than a clear
    one, because what was over for most of the incident has a low mean."""
    loop_share: float = 1 / 3
    """Share of the best evidence that whoever began a loop has at least."""
    second_split: float = math.log(2.0)
    """Least distance of a second cause to any third, logarithm of the evidence."""


VERDICT = VerdictPolicy()
