"""Choices behind the unit of a series and behind what counts as late, as data."""

from dataclasses import dataclass

__all__ = ["SCALE", "ScalePolicy"]


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


SCALE = ScalePolicy()
