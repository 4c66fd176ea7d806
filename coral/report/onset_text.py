"""How an incident began and ended, in words: what was seen, when, and what that is worth."""

from collections.abc import Mapping, Sequence
from typing import Final

from coral.contract.events import (
    AlarmTrigger,
    Alerted,
    Budget,
    Felt,
    Incident,
    Product,
    Resolution,
)
from coral.text import alike, measured, named, quoted, seconds, told_apart

__all__ = [
    "ENDED",
    "STATISTICS",
    "WEEK_S",
    "advice",
    "alerts",
    "allowed",
    "began",
    "clock",
    "data_quality",
    "detection",
    "false_alarms",
    "felt",
    "fired",
    "observed",
    "other_alarms",
]

WEEK_S = 604_800.0
NAMED = 3
# A share of missing cells this much above the usual one is worth a word.
MISSING = 0.05
STATISTICS: Final = {
    "pair": "many series left their usual range for two rows in a row",
    "mean": "one series stayed away from its usual level for about 12 rows",
    "slow": "some series drifted away from their usual level over about 96 rows",
    "cross_sum": "several series no longer moved together as usual, for two rows in a row",
    "novelty": "the values as a whole were unlike those of any normal row",
    "dispersion": "one series fluctuated more than usual for about 16 rows",
    "ssa": "many series no longer followed their own usual course",
    "silence": "series stopped sending values",
}
"""What each statistic of the trigger has seen when it raises an alarm."""
ENDED: Final[Mapping[Resolution, str]] = {
    "back to normal": "the system is back to normal",
    "new normal accepted": "the system stayed as it is, which now counts as normal",
    "dismissed": "the alarm was dismissed",
    "superseded": "health signals had been calm and moved then, which is an incident of its own",
    "explained": "a change event explains it: the component came to a level of its own",
}
"""How an incident ended."""


_COUNTED: Final[Mapping[Product, str]] = {"incident": "page", "change": "change"}
_SYMPTOMS: Final = {
    "health": "left its usual range",
    "objective": "breached its objective",
}


def clock(timestamp: str, day: str = "") -> str:
    """Time of day of an RFC 3339 time stamp, with the date where that is not `day`."""
    time = timestamp[11:].rstrip("Z")
    return time if day in ("", timestamp[:10]) else f"{timestamp[:10]} {time}"


def observed(trigger: AlarmTrigger) -> str:
    """Return what the statistic, or the health signal, that raised the alarm has seen."""
    if trigger.source in _SYMPTOMS:
        return f"{quoted(trigger.series[0])} {_SYMPTOMS[trigger.source]}"
    if trigger.source == "alert":
        return "an alert fired"
    if trigger.channel is None:
        return "the metrics changed"
    name = quoted(trigger.channel)
    if trigger.channel.startswith("river."):
        return f"the detector {name}, which the configuration adds, passed its limit"
    return STATISTICS.get(trigger.channel, f"the statistic {name} passed its limit")


def advice(data: Incident) -> str:
    """Recommend to name health signals where none is configured; empty where some are."""
    if data.kpi and not data.kpi_proposed:
        return ""
    first = "Proposed health signals decide what pages" if data.kpi else "Every change pages"
    return f"{first}: name the series that your users feel as `kpi`."


def felt(data: Incident, signals: Sequence[str] = ()) -> str:
    """Return whether a health signal has felt it, which one, and whether it was a change before.

    Parameters
    ----------
    data : Incident
        The newest revision.
    signals : sequence of str
        Those that earlier revisions say have felt it.

    Returns
    -------
    str
        Empty where no health signal is known and where the onset was given.
    """
    if data.kind == "change":
        never = "felt it" if data.resolution else "has felt it so far"
        return f"No health signal {never}: a change, not an incident."
    if not data.kpi or data.trigger.source == "told":
        return ""
    if data.felt:
        return f"{' '.join(f'{_moved(one)}.' for one in data.felt[:NAMED])}"
    if data.alerts and not signals:
        return "No health signal feels it now; an alert says so."
    gone = "No health signal feels it now"
    if named := ", ".join(map(quoted, signals[:NAMED])):
        return f"{named} felt it. {gone}."
    return f"{gone}; one did before."


def alerts(data: Incident) -> list[str]:
    """Return the alerts of others that belong to an incident, with when and what they say."""
    day = data.trigger.time[:10]
    said = [fired(one, day) for one in data.alerts[:NAMED]]
    more = len(data.alerts) - NAMED
    return [*said, f"{more} more"] if more > 0 else said


def fired(one: Alerted, day: str) -> str:
    """Say when an alert fired, until when, and what it says."""
    level = f" ({named(one.severity)})" if one.severity else ""
    until = "" if one.ends is None else f", until {clock(one.ends, day)}"
    text = f": {named(one.text)}" if one.text else ""
    return f"{quoted(one.name)}{level} fired at {clock(one.starts, day)}{until}{text}"


def _moved(one: Felt) -> str:
    """Say which health signal left its usual range, or breached its objective."""
    name = quoted(one.signal)
    now = "no value" if one.now is None else measured(one.signal, one.now)
    if one.objective is not None:
        return f"{name} breached its objective: {one.objective} ({now} now)"
    if one.usual is None:
        return f"{name} left its usual range: {now}"
    if one.now is not None and alike(one.signal, one.now, one.usual):
        return f"{name} left its usual range by less than its values are shown with: {now}"
    return f"{name} left its usual range: {now}, usually {measured(one.signal, one.usual)}"


def began(data: Incident) -> str:
    """Return what was seen first, from when on, how late that was noticed, and in which series."""
    trigger = data.trigger
    if trigger.source in ("told", "alert"):
        text = f"The onset was given: {trigger.onset}."
        if trigger.source == "alert":
            text = f"{'; '.join(alerts(data)[:1]) or 'An alert fired'}."
        first = trigger.onset_interval[0]
        if first == trigger.onset:
            return text
        earlier = clock(first, trigger.onset[:10])
        return f"{text} The rows from {earlier} on already look like the fault."
    day = trigger.time[:10]
    earliest, latest = (clock(time, day) for time in trigger.onset_interval)
    between = "" if earliest == latest else f" (between {earliest} and {latest})"
    what = observed(trigger)
    if trigger.source in _SYMPTOMS:
        said = [_moved(one) for one in data.felt if [one.signal] == trigger.series]
        what = said[0] if said else what
    alarm = f"{seconds(trigger.delay_s)} later" if trigger.delay_s else "with the same row"
    text = (
        f"{what[0].upper()}{what[1:]}, from {clock(trigger.onset, day)} on{between}. "
        f"The alarm came {alarm}."
    )
    strongest = ", ".join(map(quoted, trigger.series[:NAMED]))
    if trigger.source in _SYMPTOMS:  # it is the subject already
        return text
    return f"{text} Strongest in {strongest}." if strongest else text


def detection(trigger: AlarmTrigger) -> str:
    """Return the statistic behind the alarm and its limit; empty if there is none."""
    if trigger.statistic is None or trigger.threshold is None:
        return ""
    if trigger.source == "objective":
        name = trigger.series[0]
        value, limit = told_apart(name, trigger.statistic, trigger.threshold)
        return f"Reading of {quoted(name)}: {value}, limit {limit}."
    if trigger.source == "health":
        return (
            f"Evidence of {quoted(trigger.series[0])}: {trigger.statistic:.3g}, "
            f"pages from {trigger.threshold:.3g} on."
        )
    if trigger.channel is None:
        return ""
    name = quoted(trigger.channel)
    return f"Statistic {name}: {trigger.statistic:.3g}, limit {trigger.threshold:.3g}."


def data_quality(data: Incident) -> str:
    """Return what speaks for an artefact of the data rather than a fault; empty if unknown."""
    facts = data.trigger.artefacts
    if facts is None:
        return ""
    doubts = []
    rows = max(facts.rows, data.rows)
    if rows == 1:
        doubts.append("there is only one row so far")
    if facts.missing - facts.usual_missing >= MISSING:
        doubts.append(
            f"{facts.missing:.0%} of the values are missing, usually {facts.usual_missing:.0%}"
        )
    if facts.silent:
        doubts.append(f"{_some(facts.silent)} stopped sending")
    if facts.near_zero:
        doubts.append(f"{_some(facts.near_zero)} fell to almost zero (a counter reset?)")
    if doubts:
        return f"Fault or problem of the data? Check: {'; '.join(doubts)}."
    return (
        f"The data look sound: {rows} rows since the onset, {facts.missing:.0%} of the values "
        "missing at the alarm, no series stopped sending, none fell to almost zero."
    )


def allowed(per_week: float, product: Product = "incident") -> str:
    """Return a rate of false pages, or of changes without a cause, in words."""
    many = "" if per_week == 1 else "s"
    return f"{per_week:g} false {_COUNTED[product]}{many} a week"


def false_alarms(facts: Budget | None) -> str:
    """Return the rate of false alarms that is allowed and shown; empty if there is no limit."""
    if facts is None:
        return ""
    watched, word = seconds(facts.watched_weeks * WEEK_S), _COUNTED[facts.product]
    limit = f"Limit: {allowed(facts.per_week, facts.product)}."
    text = f"{limit} This is {word} {facts.alarms} in {watched} of normal operation"
    if facts.calibrated and facts.certified_per_week is not None:
        return (
            f"{text}, which shows at most {facts.certified_per_week:.2g} a week "
            f"(95% confidence, every earlier {word} counted as false)."
        )
    needed = seconds(3.0 / facts.per_week * WEEK_S)
    young = 7.0 * facts.watched_weeks < 1.0
    doubt = " Daily patterns are not known yet." if young else ""
    return f"{text}; it takes {needed} to show that the limit holds.{doubt}"


def other_alarms(facts: Budget | None) -> str:
    """Return what is allowed and was raised of the other product; empty if there is none."""
    if facts is None:
        return ""
    word, watched = _COUNTED[facts.product], seconds(facts.watched_weeks * WEEK_S)
    raised = f"{facts.alarms or 'no'} {word}{'' if facts.alarms == 1 else 's'} in {watched}"
    shown = facts.certified_per_week
    most = f", which shows at most {shown:.2g} a week" if facts.calibrated and shown else ""
    return f"Limit of the other kind: {allowed(facts.per_week, facts.product)}; {raised}{most}."


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(map(quoted, names[:NAMED])) + (f" and {more} more" if more > 0 else "")
