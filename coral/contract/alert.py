"""A notice as an alert of Alertmanager (`POST /api/v2/alerts`)."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from coral.contract.events import timestamp, unix
from coral.contract.notice import Notice

__all__ = ["PostableAlert", "alert_of", "labels_of"]


class PostableAlert(TypedDict):
    """What Alertmanager takes; the name is that of its own API description."""

    labels: dict[str, str]
    annotations: dict[str, str]
    startsAt: str
    endsAt: str
    generatorURL: NotRequired[str]


def labels_of(notice: Notice, further: Mapping[str, str]) -> dict[str, str]:
    """Return what an alert is known by: two with the same labels are one alert.

    Parameters
    ----------
    notice : Notice
    further : mapping
        Labels of the configuration; those of the notice win.
    """
    labels = {
        "alertname": "CoralIncident" if notice.kind == "incident" else "CoralChange",
        "source": "coral",
        "severity": notice.severity,
        "system": notice.system,
        "incident": notice.incident,
        "entity": notice.entity,
    }
    return {**further, **{name: value for name, value in labels.items() if value}}


def alert_of(
    notice: Notice, labels: dict[str, str], ends: float, now: float, runbook: str | None = None
) -> PostableAlert:
    """Return the alert of a notice.

    Parameters
    ----------
    notice : Notice
    labels : dict of str to str
    ends : float
        When it is over unless it is sent again, unix s; not after `now`: it is over.
    now : float
        Wall-clock time, unix s. Rows may be stamped ahead of it, an alert may not begin then.
    runbook : str, optional
        Address of what is to be done about any of them.
    """
    started = min(unix(notice.onset), now)
    alert = PostableAlert(
        labels=labels,
        annotations={
            "summary": notice.title,
            "description": f"{notice.summary}\n\n{notice.description}".strip(),
            "tier": notice.tier,
            **({"felt": notice.felt} if notice.felt else {}),
            **({"resolution": notice.resolution} if notice.resolution else {}),
            **({"runbook_url": runbook} if runbook else {}),
        },
        startsAt=timestamp(started),
        endsAt=timestamp(max(ends, started)),
    )
    if notice.link:
        alert["generatorURL"] = notice.link
    return alert
