"""What the topics beside the metrics say of a window that `coral record` has recorded."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from coral.errors import EventError

if TYPE_CHECKING:
    from rich.console import Console

    from coral.contract.alerts import Alert
    from coral.contract.changes import ChangeEvent
    from coral.replay.beside import Beside
    from coral.settings import Settings
    from streams.records import Frame, Record

__all__ = ["known_between"]


def known_between(
    settings: Settings, system: str, frames: Sequence[Frame], console: Console
) -> Beside:
    """Return the change events and alerts of a system in the window of some frames.

    Change events from so long before the first frame as an onset there would be looked back from;
    alerts that fire at any time of it. Without such a topic there are none; one that cannot be
    read is told.
    """
    from coral.localise.policy import RANKING
    from coral.replay.beside import NOTHING, Beside

    if not frames:
        return NOTHING
    first, last = frames[0].time, frames[-1].time
    since = first - RANKING.changes.look_back_s
    changes = _changes(_records(settings, settings.input.changes, since, console), settings)
    alerts = _alerts(_records(settings, settings.alerts.topic, since, console), settings)
    return Beside(
        [one for one in changes if one.system == system and since <= one.time <= last],
        [one for one in alerts if one.system == system and _fires(one, first, last)],
    )


def _records(settings: Settings, topic: str, since: float, console: Console) -> list[Record]:
    from coral.daemon.connection import connection_of
    from streams.clock import SystemClock
    from streams.errors import RefusedError, UnknownTopicError
    from streams.kafka import KafkaTail

    try:
        with closing(KafkaTail(connection_of(settings, SystemClock()), topic, since)) as tail:
            return [*tail.existing_records()]
    except UnknownTopicError:
        return []
    except RefusedError as error:
        console.print(f"{topic} is not read: {error}", highlight=False)
        return []


def _changes(records: Sequence[Record], settings: Settings) -> list[ChangeEvent]:
    """Return the change events of records by their time, each once."""
    from coral.contract.changes import changes_in

    found = [one for record in records for one in changes_in(record, settings.naming).changes]
    once = {(one.system, one.key): one for one in found}
    return sorted(once.values(), key=lambda one: one.time)


def _alerts(records: Sequence[Record], settings: Settings) -> list[Alert]:
    """Return the alerts of records by their beginning, each once, with its end if it has one."""
    from coral.contract.alerts import decode
    from coral.daemon.alerts_inbox import addresses_of
    from coral.replay.alerts import last_words

    found: list[Alert] = []
    for record in records:
        try:
            found += decode(record.value, addresses_of(settings), lambda _: None)
        except EventError:
            continue  # the daemon counts and tells what is no alert
    return last_words(found)


def _fires(alert: Alert, first: float, last: float) -> bool:
    return alert.starts <= last and (alert.ends is None or alert.ends >= first)
