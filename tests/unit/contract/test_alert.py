"""The alert of a notice."""

from makers import run, shop_rows

from coral.contract.alert import alert_of, labels_of
from coral.contract.events import timestamp, unix
from coral.contract.notice import notice_of

NOTICE = notice_of(run(shop_rows())[0], "http://coral.example")
ONSET = unix(NOTICE.onset)
NOW = ONSET + 100.0


def test_labels_name_the_incident() -> None:
    """What the configuration adds does not replace them, and what is empty is none."""
    labels = labels_of(NOTICE, {"cluster": "eu", "severity": "none"})
    expected = {
        "alertname": "CoralIncident",
        "source": "coral",
        "severity": "critical",
        "system": "shop",
        "incident": NOTICE.incident,
        "entity": "db",
        "cluster": "eu",
    }

    assert expected == labels


def test_an_alert_says_what_is_known() -> None:
    """From the onset on."""
    alert = alert_of(NOTICE, {"a": "b"}, NOW + 240.0, NOW, "https://runbooks.example/coral")
    expected = {
        "labels": {"a": "b"},
        "annotations": {
            "summary": NOTICE.title,
            "description": f"{NOTICE.summary}\n\n{NOTICE.description}",
            "tier": NOTICE.tier,
            "felt": "web:latency_p95",
            "runbook_url": "https://runbooks.example/coral",
        },
        "startsAt": NOTICE.onset,
        "endsAt": timestamp(NOW + 240.0),
        "generatorURL": NOTICE.link,
    }

    assert expected == alert


def test_rows_ahead_of_the_clock_begin_and_end_now() -> None:
    """An alert from the future would be refused, and an end in the future is none."""
    early = ONSET - 3600.0
    alert = alert_of(NOTICE, {}, early, early)

    assert [timestamp(early)] * 2 == [alert["startsAt"], alert["endsAt"]]


def test_an_alert_does_not_end_before_it_begins() -> None:
    assert NOTICE.onset == alert_of(NOTICE, {}, ONSET - 5.0, NOW)["endsAt"]
