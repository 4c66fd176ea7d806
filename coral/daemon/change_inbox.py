"""Change events as they come in on their topic, for the engines of their systems."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from coral.contract.changes import ChangeEvent, Naming, changes_in
from coral.daemon.inbox import Inbox, Refuse
from coral.engine import Engine
from coral.localise.policy import RANKING
from streams.clock import Clock
from streams.records import Record

__all__ = ["SINCE_S", "change_inbox"]

log = structlog.stdlib.get_logger()

SINCE_S: Final = 86_400.0
"""How far back they are read at a start, seconds: members that are behind need those of then."""


def change_inbox(
    read: Callable[[], Iterable[Record]], naming: Naming, clock: Clock, max_systems: int
) -> Inbox[ChangeEvent]:
    """Return the inbox of change events.

    Parameters
    ----------
    read : callable
        Returns the records that came since it was called last.
    naming : Naming
    clock : Clock
    max_systems : int
        Change events of further systems are refused.
    """

    def collect(refuse: Refuse) -> list[ChangeEvent]:
        found: list[ChangeEvent] = []
        for record in read():
            changes, problems = changes_in(record, naming)
            found += changes
            for problem in problems:
                refuse(problem)
        return found

    return Inbox(
        "change_events",
        collect,
        Engine.note,
        _tell,
        clock,
        max_systems=max_systems,
        max_held=RANKING.changes.most_kept,
    )


def _tell(taken: Sequence[ChangeEvent]) -> None:
    """Log change events that were taken: one by one as they happen, in sum where they are many."""
    if len(taken) > 1:
        counted = Counter(change.kind for change in taken)
        systems = sorted({change.system for change in taken})
        log.info("change_events", count=len(taken), kinds=dict(counted), systems=systems)
        return
    for change in taken:
        entity = next(iter(change.entities), None)
        log.info("change_event", system=change.system, entity=entity, kind=change.kind)
