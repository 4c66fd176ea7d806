"""The decision rules of noticing: what stands between a row and an event."""

__all__ = ["RULES"]

RULES = {
    "limits": "a statistic's p-value against the share of the budget that a row has",
    "young budget": "the first rows may cost more: .03 alarms in each e-fold of rows",
    "debt": "each alarm too many asks more of the next one, until time has paid for it",
    "censoring": "an alarm too many that nobody felt raises the limits it reached",
    "largest left out": "a sum or maximum over series leaves the largest one out",
    "own tail": "one series alone is held against its own tail",
    "novelty gate": "on a long base a row must be rarer than daily, or far beyond",
    "calm": "an alarm ends after eight calm rows",
    "new normal": "what outlasts a sixteenth of the base, or an hour unfelt, is the new level",
    "accepted evidence": "what a new level still shows stays quiet until it is not shown again",
    "silence": "gaps against how often and how long there were gaps before",
    "health watch": "readings of a health signal, for its load, beyond what two in a row ever held "
    "or two days at this time of day; in an incident beyond those of late",
}
"""Name and meaning; docs/evaluation/trigger.md tells what each is worth."""
