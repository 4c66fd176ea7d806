"""How an incident began, in words: when, by which statistic, and what that is worth."""

from collections.abc import Sequence

from coral.contract.events import Budget, Incident
from coral.text import quoted, seconds

__all__ = ["CHANNEL_WORDS", "artefacts", "began", "budget", "clock"]

WEEK_S = 604_800.0
NAMED = 3
# A share of missing cells this much above the usual one is worth a word.
MISSING = 0.05
CHANNEL_WORDS = {
    "level": "many series a little, in one row",
    "pair": "many series, for two rows",
    "mean": "one series, over 12 rows",
    "slow": "small and lasting, over 96 rows",
    "cross_sum": "relations between series that broke",
    "cross_max": "one relation between series that broke",
    "novelty": "a state that was never there before",
    "dispersion": "one series that got restless",
    "ssa": "series that leave the pattern of their own past",
    "silence": "series that stopped sending",
}
CONFIGURED = "a detector that the configuration adds"


def clock(timestamp: str, day: str = "") -> str:
    """Time of day of an RFC 3339 time stamp, with the date where that is not `day`."""
    time = timestamp[11:].rstrip("Z")
    return time if day in ("", timestamp[:10]) else f"{timestamp[:10]} {time}"


def began(data: Incident) -> str:
    """Return when the normal state ended, and how that was noticed."""
    trigger = data.trigger
    if trigger.source == "told":
        text = f"The onset {trigger.onset} was told; {data.base_rows} rows of normal state."
        first = trigger.onset_interval[0]
        if first == trigger.onset:
            return text
        return f"{text} The rows since {clock(first, trigger.onset[:10])} look like it already."
    day = trigger.time[:10]
    earliest, latest = (clock(time, day) for time in trigger.onset_interval)
    between = "" if earliest == latest else f" (between {earliest} and {latest})"
    delay = f"{seconds(trigger.delay_s)} later" if trigger.delay_s else "at once"
    text = f"The normal state ended at {clock(trigger.onset, day)}{between}, noticed {delay}"
    if trigger.channel is not None:
        text += f" by the statistic `{trigger.channel}`"
        added = CONFIGURED if trigger.channel.startswith("river.") else ""
        if meaning := CHANNEL_WORDS.get(trigger.channel, added):
            text += f" ({meaning})"
    if trigger.statistic is not None and trigger.threshold is not None:
        text += f": {trigger.statistic:.3g} against a limit of {trigger.threshold:.3g}"
    carried = ", ".join(map(quoted, trigger.series[:NAMED])) or "many series a little"
    return f"{text}, carried by {carried}."


def artefacts(data: Incident) -> str:
    """Return what speaks for, or else against, an artefact of the data; empty if unknown."""
    facts = data.trigger.artefacts
    if facts is None:
        return ""
    doubts = []
    if max(facts.rows, data.rows) == 1:
        doubts.append("a single row so far")
    if facts.missing - facts.usual_missing >= MISSING:
        doubts.append(
            f"{facts.missing:.0%} of the cells missing, usually {facts.usual_missing:.0%}"
        )
    if facts.silent:
        doubts.append(f"{_some(facts.silent)} stopped sending")
    if facts.near_zero:
        doubts.append(f"{_some(facts.near_zero)} near zero (a counter that started anew?)")
    if doubts:
        return f"Failure or artefact of the data? Check: {'; '.join(doubts)}."
    rows = max(facts.rows, data.rows)
    return (
        f"Nothing speaks for an artefact of the data: {rows} rows so far, {facts.missing:.0%} of "
        "the cells missing, no series silent, none near zero."
    )


def budget(facts: Budget | None) -> str:
    """Return what the budget of false alarms is worth so far; empty if there is none."""
    if facts is None:
        return ""
    allowed = f"{facts.per_week:g} false alarm{'' if facts.per_week == 1 else 's'} a week"
    watched = seconds(facts.watched_weeks * WEEK_S)
    seen = f"this is alarm {facts.alarms} in {watched} of normal operation"
    if facts.calibrated and facts.certified_per_week is not None:
        return (
            f"Budget {allowed}: {seen}, so at most {facts.certified_per_week:.2g} a week "
            "(95% confidence, every earlier alarm counted as false)."
        )
    young = 7.0 * facts.watched_weeks < 1.0
    doubt = ", which has not seen every hour of a day yet" if young else ""
    needed = seconds(3.0 / facts.per_week * WEEK_S)
    return f"Budget {allowed}, not certified yet: {seen}{doubt}; certifying takes {needed}."


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(map(quoted, names[:NAMED])) + (f" and {more} more" if more > 0 else "")
