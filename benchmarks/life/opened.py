"""What a watcher opened: an incident or a change with all its answers, in seconds of life."""

from typing import NamedTuple

__all__ = ["Answer", "Opened"]


class Answer(NamedTuple):
    """One revision of the ranking; `top` holds at most five entities."""

    time: float
    top: tuple[str, ...]
    tier: str
    settled: bool


class Opened(NamedTuple):
    """An incident or a change.

    Parameters
    ----------
    incident, source, channel : str
        Identifier, what raised it, the statistic that did.
    series : tuple of str
        That the alarm names.
    opened : float
    felt : float or None
        When a health signal first felt it; None = a change that nobody felt.
    closed : float or None
        None = it was open at the end.
    resolution : str
    answers : tuple of Answer
        In their order, without the last one, which repeats.
    """

    incident: str
    source: str
    channel: str
    series: tuple[str, ...]
    opened: float
    felt: float | None = None
    closed: float | None = None
    resolution: str = ""
    answers: tuple[Answer, ...] = ()
