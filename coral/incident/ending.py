"""Whether an open incident ends with its newest row, and as what; what begins another in it."""

from typing import Final, NamedTuple

from coral.contract.events import Resolution
from coral.incident.health_signals import Onset
from coral.incident.lifecycle import OpenIncident
from coral.incident.policy import OpeningPolicy
from coral.incident.watch import Watch

__all__ = ["ACCEPTED", "Ending", "another", "ended"]

ACCEPTED: Final = "new normal accepted"


class Ending(NamedTuple):
    """How an incident ends.

    Attributes
    ----------
    resolution : str
    anew : bool
        Whether the normal state before it says nothing any more.
    """

    resolution: Resolution
    anew: bool = False


def ended(incident: OpenIncident, watch: Watch) -> Ending | None:
    """Return how an incident ends with the newest row; None if it goes on.

    Parameters
    ----------
    incident : OpenIncident
    watch : Watch
        Has judged the row; without a trigger the onset is given, and the incident stays open.
    """
    trigger, alerted = watch.trigger, watch.alerts.firing
    if trigger is None:
        return None
    others = watch.health.alarm or watch.missing.alarm
    lasted = not trigger.alarm and incident.rows > trigger.rows_to_accept
    if trigger.rebaselined or ((others or alerted) and lasted):
        # An alert that goes on alone, though nothing shows it, spoils no base.
        return Ending(ACCEPTED, anew=trigger.rebaselined or others)
    if trigger.alarm or others or alerted:
        return None
    explained = incident.explained_by(watch.settling)
    return Ending("explained" if explained else "back to normal")


def another(watch: Watch, calm_rows: int, policy: OpeningPolicy) -> Onset | None:
    """Return the health signal that moves anew while an incident is open; None if none does.

    Parameters
    ----------
    watch : Watch
        Has judged the newest row.
    calm_rows : int
        Rows before it in which nothing was felt.
    policy : OpeningPolicy
    """
    # What moves while an alert of the incident fires is what the alert is for.
    if watch.alerts.firing:
        return None
    return watch.health.paged if calm_rows >= policy.calm_rows else watch.health.surged
