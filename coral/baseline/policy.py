"""Choices behind the normal state, as data: its rows, what series do in them, the unit of each."""

from dataclasses import dataclass

__all__ = ["HISTORY", "QUARANTINE", "SCALE", "HistoryPolicy", "QuarantinePolicy", "ScalePolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinePolicy:
    """Numbers that decide when a row of the normal state is learned, and what is unlearned."""

    share: int = 8
    """The newest rows wait, an eighth of those learned, so that an onset that is estimated some
    rows back is unspoilt ..."""
    share_given: int = 4
    """... or a quarter, where the onset is given: whoever gives it noticed something first ..."""
    least_rows: int = 4
    """... but so many at least: an onset is seldom dated better ..."""
    most_rows: int = 64
    """... and never more: what is learned late is missed by the next score."""
    recalled_share: int = 2
    """Half of the base at most is unlearned: the other half has to say what is normal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPolicy:
    """Numbers that say what a series did in normal rows: only grow, or leave its range for good."""

    growing_share: float = 0.5
    """A counter grows in every other row: what grows less often is a level with a trend ..."""
    least_growths: int = 8
    """... so often at least: fewer say nothing ..."""
    growths_per_reset: int = 16
    """... and is reset once in so many growths: what falls more often is a level."""
    left_by_reset: float = 0.1
    """Share of the value that a reset leaves at most: a heap that is collected is no counter."""
    level_rows: int = 5
    """Rows whose median is the level just before the onset: single values are not asked."""
    begun_share: float = 0.5
    """Of the way to that level, from which a series counts as on it: halfway is nearer than not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePolicy:
    """Numbers that the unit of a series, its prediction and an alerted onset rest on."""

    level_share: float = 0.03
    """A change below this share of the level is uninteresting, however quiet the series was."""
    range_units: float = 3.0
    """The observed range counts as so many units, whatever the shape of its distribution."""
    range_rows: float = 30.0
    """The range of m values counts 1 + this / m times: with exponential tails it grows as log m."""
    learned_units: float = 6.0
    """Rows are learned from cut at so many units, so that a spike does not become a lever."""
    first_rows: int = 16
    """First unit after so many rows: the range of fewer is unknown. Then whenever they doubled."""
    ridge_rows: float = 10.0
    """Ridge of one series on its own past, as rows of one squared unit ..."""
    ridge_rows_per_series: float = 1.0 / 6.0
    """... and of the system, for each predictor: a prior variance of 1 / n per coefficient."""
    clip_units: float = 1000.0
    """Deviations are cut here: one broken sensor must not decide a logarithm of a mean."""
    late_units: float = 6.0
    """An onset is late if series were this far out before it: twice the range of the base."""
    late_share: float = 0.5
    """Share of the series outside at the onset that must have been so in a row before it."""
    late_rows: int = 3
    """Fewer late rows may be an artefact, such as the join of two recordings."""
    late_base_rows: int = 16
    """The range of fewer normal rows than this is unknown, and nothing is late."""


QUARANTINE = QuarantinePolicy()
HISTORY = HistoryPolicy()
SCALE = ScalePolicy()
