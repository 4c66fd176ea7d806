"""How an incident began and ended, in words: what was seen, when, and what that is worth."""

from collections.abc import Mapping, Sequence
from typing import Final

from coral.contract.events import AlarmTrigger, Budget, Incident, Resolution
from coral.text import quoted, seconds

__all__ = [
    "ENDED",
    "STATISTICS",
    "WEEK_S",
    "allowed",
    "began",
    "clock",
    "data_quality",
    "detection",
    "false_alarms",
    "observed",
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
}
"""How an incident ended."""


def clock(timestamp: str, day: str = "") -> str:
    """Time of day of an RFC 3339 time stamp, with the date where that is not `day`."""
    time = timestamp[11:].rstrip("Z")
    return time if day in ("", timestamp[:10]) else f"{timestamp[:10]} {time}"


def observed(trigger: AlarmTrigger) -> str:
    """Return what the statistic that raised the alarm has seen."""
    if trigger.channel is None:
        return "the metrics changed"
    name = quoted(trigger.channel)
    if trigger.channel.startswith("river."):
        return f"the detector {name}, which the configuration adds, passed its limit"
    return STATISTICS.get(trigger.channel, f"the statistic {name} passed its limit")


def began(data: Incident) -> str:
    """Return what was seen first, from when on, how late that was noticed, and in which series."""
    trigger = data.trigger
    if trigger.source == "told":
        text = f"The onset was given: {trigger.onset}."
        first = trigger.onset_interval[0]
        if first == trigger.onset:
            return text
        earlier = clock(first, trigger.onset[:10])
        return f"{text} The rows from {earlier} on already look like the fault."
    day = trigger.time[:10]
    earliest, latest = (clock(time, day) for time in trigger.onset_interval)
    between = "" if earliest == latest else f" (between {earliest} and {latest})"
    what = observed(trigger)
    alarm = f"{seconds(trigger.delay_s)} later" if trigger.delay_s else "with the same row"
    text = (
        f"{what[0].upper()}{what[1:]}, from {clock(trigger.onset, day)} on{between}. "
        f"The alarm came {alarm}."
    )
    strongest = ", ".join(map(quoted, trigger.series[:NAMED]))
    return f"{text} Strongest in {strongest}." if strongest else text


def detection(trigger: AlarmTrigger) -> str:
    """Return the statistic behind the alarm and its limit; empty if there is none."""
    if trigger.channel is None or trigger.statistic is None or trigger.threshold is None:
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


def allowed(per_week: float) -> str:
    """Return a rate of false alarms in words."""
    return f"{per_week:g} false alarm{'' if per_week == 1 else 's'} a week"


def false_alarms(facts: Budget | None) -> str:
    """Return the rate of false alarms that is allowed and shown; empty if there is no limit."""
    if facts is None:
        return ""
    watched = seconds(facts.watched_weeks * WEEK_S)
    limit = f"Limit: {allowed(facts.per_week)}."
    text = f"{limit} This is alarm {facts.alarms} in {watched} of normal operation"
    if facts.calibrated and facts.certified_per_week is not None:
        return (
            f"{text}, which shows at most {facts.certified_per_week:.2g} a week "
            "(95% confidence, every earlier alarm counted as false)."
        )
    needed = seconds(3.0 / facts.per_week * WEEK_S)
    young = 7.0 * facts.watched_weeks < 1.0
    doubt = " Daily patterns are not known yet." if young else ""
    return f"{text}; it takes {needed} to show that the limit holds.{doubt}"


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(map(quoted, names[:NAMED])) + (f" and {more} more" if more > 0 else "")
