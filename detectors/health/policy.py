"""Every number of the watch on health signals that is a choice, with the reason for it."""

from dataclasses import dataclass
from typing import Final

from detectors.checked import Policy

__all__ = ["HEALTH", "HealthPolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPolicy(Policy):
    """Of the watch on health signals (`HealthWatch`)."""

    # Readings before a signal is judged: a median of fewer says little.
    ready_readings: int = 24
    # Rows before a signal that has been zero throughout is judged: an error counter at rest.
    ready_zero_rows: int = 48
    # The same for one that has been constant otherwise: a setting that changes is no symptom.
    ready_constant_rows: int = 256
    # Newest readings that make the level and the scale.
    window: int = 64
    # A deviation below this share of the level is uninteresting, however quiet the signal was.
    level_share: float = 0.01
    # The scale of m readings counts 1 + this / m times: few readings know it badly.
    young_readings: float = 12.0
    # A reading counts up to so many scales: one alone must not page.
    cap: float = 9.0
    # Scales taken off each reading: less is ordinary.
    slack: float = 3.0
    # Evidence that pages: two readings at the cap, four at twice the slack.
    page: float = 12.0
    # Chance, over the number of readings known, of a page by readings no further out than some
    # were: the sum over the first week of seconds is one page.
    chance: float = 0.08
    # A value held so many times as long as usual is a reading again.
    held_times: float = 1.5
    # A signal is missing after so many of its own regular distances between two cells.
    missing_times: float = 3.0
    # In an incident, newest readings that a second move is told from, ...
    surge_readings: int = 12
    # ... readings in a row that are beyond them, and one more for each time that some were ...
    surge_rows: int = 2
    # ... in so many newest ones, ...
    surge_memory: int = 48
    # ... and the least scale, as a share of their median: in an incident much is ordinary.
    surge_share: float = 0.05
    # Longest memory of the levels that two readings in a row have held: readings of an eighth.
    memory_readings: int = 2048
    # A habit is what two of so many days before ...
    habit_days: int = 7
    # ... held in the same of so many parts of a day, or in one beside it.
    habit_slots: int = 48


HEALTH: Final = HealthPolicy()
"""The policy as shipped."""
