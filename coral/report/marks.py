"""What others did and said around an incident, as marks on its time axis: changes and alerts."""

from typing import Literal

import msgspec

from coral.contract.alerts import Alert, alerted
from coral.contract.changes import ChangeEvent
from coral.contract.events import Alerted, Incident, NearbyChange, unix
from coral.report.onset_text import fired
from coral.text import done, named, printable, quoted

__all__ = ["Mark", "mark_of", "marks"]


class Mark(msgspec.Struct, frozen=True):
    """One change event, or one alert of somebody else."""

    kind: Literal["change", "alert"]
    time: float  # unix s
    ends: float | None  # when the alert went out; None: it fires, or it is a change
    text: str  # in a few words, printable
    told: str  # as a sentence; names stand between backticks
    supports: bool  # whether it speaks for a cause


def marks(data: Incident) -> list[Mark]:
    """Return the marks of an incident by their time.

    Parameters
    ----------
    data : Incident
    """
    day = data.trigger.time[:10]
    found = [
        *(_change(one) for one in data.change_events),
        *(_alert(one, day) for one in data.alerts),
    ]
    return sorted(found, key=lambda mark: mark.time)


def mark_of(word: ChangeEvent | Alert) -> Mark:
    """Return the mark of a change event or an alert as it came, of which no incident speaks."""
    if isinstance(word, Alert):
        one = alerted(word)
        return _alert(one, one.starts[:10])
    entity = next(iter(word.entities), None)
    who = "the system" if entity is None else quoted(entity)
    more = f": {named(word.text)}" if word.text else ""
    short = f"{'system' if entity is None else named(entity)} {word.kind}"
    told = printable(f"{who} was {word.kind}{more}.")
    return Mark("change", word.time, None, short, told, supports=False)


def _change(one: NearbyChange) -> Mark:
    told = done(one.entity, one.kind, one.before_onset_s)
    more = f": {named(one.text)}" if one.text else ""
    speaks = "; it speaks for this cause" if one.supports else ""
    return Mark(
        kind="change",
        time=unix(one.time),
        ends=None,
        text=f"{'system' if one.entity is None else named(one.entity)} {one.kind}",
        told=printable(f"{told}{more}{speaks}."),
        supports=one.supports,
    )


def _alert(one: Alerted, day: str) -> Mark:
    return Mark(
        kind="alert",
        time=unix(one.starts),
        ends=None if one.ends is None else unix(one.ends),
        text=f"alert {named(one.name)}",
        told=printable(f"{fired(one, day)}."),
        supports=False,
    )
