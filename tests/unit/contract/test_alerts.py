"""Webhooks of Alertmanager and Grafana, read."""

import json
from typing import Any

import msgspec
import pytest
from webhooks import alertmanager, fired, grafana

from coral.contract.alerts import LONGEST_TEXT, Addresses, Alert, decode
from coral.errors import EventError

BY_LABEL = Addresses(("{namespace}/{service}", "{system}"))


def read(message: Any, addresses: Addresses = BY_LABEL) -> tuple[list[Alert], list[str]]:
    """The alerts of a message, and why others were refused."""
    refused = list[str]()
    return decode(json.dumps(message).encode(), addresses, refused.append), refused


def event(data: Any) -> dict[str, Any]:
    """A CloudEvent."""
    return {"specversion": "1.0", "id": "1", "source": "/x", "type": "alerts", "data": data}


def test_both_say_the_same() -> None:
    """As such and as CloudEvents; times to the microsecond."""
    expected = Alert(
        system="shop",
        key="b3c2a1d0e9f87654",
        name="Slow",
        severity="page",
        text="p95 above 0.5 s",
        starts=1_700_000_000.5,
    )
    for webhook in (alertmanager, grafana):
        message = webhook(fired(1_700_000_000.5))
        assert ([expected], []) == read(message) == read(event(message))


def test_what_is_resolved_has_an_end() -> None:
    """Not before its beginning; what fires has none, whatever is written there."""
    alerts = [
        fired(100.0, 160.0),
        fired(100.0, 90.0),
        fired(100.0) | {"endsAt": "2030-01-01T00:00:00Z"},
    ]
    (found, _) = read(alertmanager(*alerts))
    assert [160.0, 100.0, None] == [alert.ends for alert in found]


def test_the_first_template_that_can_be_filled_names_the_system() -> None:
    """With the functions of the input's templates; else the only system there is."""
    labels = fired(1.0, namespace="eu", service="cart")
    assert ["eu/cart"] == [alert.system for alert in read(alertmanager(labels))[0]]
    pods = Addresses(("{pod|workload}",), ("a", "b"))
    (found, refused) = read(alertmanager(fired(1.0, pod="cart-7d9f5c6b8-x2lqv"), fired(1.0)), pods)
    assert ["cart"] == [alert.system for alert in found]
    expected = "labels for the system {pod|workload} expected (`alerts.system`), got alertname"
    assert expected in refused[0]
    alone = Addresses(("{pod}",), ("shop-eu",))
    assert ["shop-eu"] == [alert.system for alert in read(alertmanager(fired(1.0)), alone)[0]]


def test_without_a_fingerprint_the_labels_tell_alerts_apart() -> None:
    """In whatever order they are written."""
    bare = [msgspec.json.decode(msgspec.json.encode(fired(1.0))) for _ in range(2)]
    for alert in bare:
        del alert["fingerprint"]
    bare[1]["labels"] = dict(reversed(bare[1]["labels"].items()))
    other = fired(1.0, instance="b")
    del other["fingerprint"]
    a, b, c = (alert.key for alert in read(alertmanager(*bare, other))[0])
    assert (True, False) == (a == b, a == c)


def test_our_own_alerts_come_back_to_nobody() -> None:
    """An Alertmanager that sends everything here sends what CORAL told it too."""
    own = fired(1.0)
    own["labels"]["source"] = "coral"
    found, refused = read(alertmanager(own))
    assert found == []
    assert "got one that CORAL sent" in refused[0]


def test_text_is_cut() -> None:
    """What is published of it stays short."""
    long = fired(1.0) | {"annotations": {"description": "x" * 10_000}}
    (alert,) = read(alertmanager(long))[0]
    assert "x" * LONGEST_TEXT == alert.text


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "missing required field `alerts`"),
        (b'{"alerts": [{}]}', "missing required field `status` - at `$.alerts[0]`"),
        (b'{"specversion": "1.0", "data": 1}', "Expected `object`, got `int` - at `$.data`"),
        (b'{"alerts": ' + b"[" * 100_000, "recursion"),
        (b"\xff\xfe", "malformed"),
        (json.dumps({"alerts": [fired(1.0)] * 1001}).encode(), "of length <= 1000"),
        (
            json.dumps({"alerts": [fired(1.0) | {"startsAt": "2026-01-01T00:00:00"}]}).encode(),
            "with a timezone component - at `$.alerts[0].startsAt`",
        ),
    ],
)
def test_what_is_none_is_refused(message: bytes, reason: str) -> None:
    """In one line, with the place."""
    with pytest.raises(EventError) as caught:
        decode(message, BY_LABEL, pytest.fail)
    assert reason in str(caught.value)
    assert str(caught.value).startswith("no alerts of Alertmanager or Grafana: ")
