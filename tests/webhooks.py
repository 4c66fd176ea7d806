"""What Alertmanager and Grafana send, as their documentation shows it."""

import datetime as dt
from typing import Any

__all__ = ["alertmanager", "fired", "grafana"]

NEVER = "0001-01-01T00:00:00Z"


def fired(
    starts: float, ends: float | None = None, system: str = "shop", **labels: str
) -> dict[str, Any]:
    """One alert of Alertmanager."""
    return {
        "status": "firing" if ends is None else "resolved",
        "labels": {"alertname": "Slow", "severity": "page", "system": system} | labels,
        "annotations": {"summary": "p95 above 0.5 s", "runbook_url": "https://shop.example/slow"},
        "startsAt": _time(starts),
        "endsAt": NEVER if ends is None else _time(ends),
        "generatorURL": "http://prometheus.example/graph?g0.expr=up",
        "fingerprint": "b3c2a1d0e9f87654",
    }


def alertmanager(*alerts: dict[str, Any]) -> dict[str, Any]:
    """The webhook of Alertmanager, version 4."""
    return {
        "version": "4",
        "groupKey": '{}:{alertname="Slow"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "coral",
        "groupLabels": {"alertname": "Slow"},
        "commonLabels": {"alertname": "Slow"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "alerts": list(alerts),
    }


def grafana(*alerts: dict[str, Any]) -> dict[str, Any]:
    """The webhook of Grafana's alerting."""
    more = {
        "values": {"B": 44.2, "C": 1},
        "valueString": "[ var='B' labels={} value=44.2 ]",
        "silenceURL": "https://grafana.example/alerting/silence/new",
        "dashboardURL": "",
        "panelURL": "",
        "imageURL": None,
        "orgId": 1,
    }
    return {
        "receiver": "coral",
        "status": "firing",
        "orgId": 1,
        "alerts": [alert | more for alert in alerts],
        "groupLabels": {},
        "commonLabels": {"alertname": "Slow"},
        "commonAnnotations": {},
        "externalURL": "https://grafana.example/",
        "version": "1",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "title": "[FIRING:1]  (Slow)",
        "state": "alerting",
        "message": "**Firing**",
    }


def _time(unix: float) -> str:
    """As Go writes a time: nanoseconds, no trailing zeros."""
    moment = dt.datetime.fromtimestamp(unix, dt.timezone(dt.timedelta(hours=1)))
    return moment.isoformat(timespec="microseconds").replace("+01:00", "123+01:00")
