"""The parts of the live run that need no shop: reading remote writes, judging what arrived."""

import json
import struct

import pytest
from outcome import AFTER_S, Arrival, Injection, cases_of, judge, outside, table
from remote_write import messages, number_text

FAULT = Injection("crash", "payment", 5.0, 1000.0, 1180.0)


def arrival(wall: float, **changed: str) -> Arrival:
    told = {"type": "incident.opened", "incident": "a", "kind": "incident", "first": "payment"}
    told |= changed
    return Arrival(
        wall=wall,
        event_time="1970-01-01T00:16:50Z",
        onset="1970-01-01T00:16:40Z",
        tier="likely",
        summary="",
        **told,
    )


def delimited(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def test_a_remote_write_becomes_one_message_a_sample() -> None:
    labels = [(b"__name__", b"up"), (b"job", b"cart")]
    series = b"".join(delimited(1, delimited(1, k) + delimited(2, v)) for k, v in labels)
    # 1700000000123 ms as a varint
    millis, time = 1_700_000_000_123, b""
    while millis >= 0x80:
        time += bytes([millis & 0x7F | 0x80])
        millis >>= 7
    sample = b"\x09" + struct.pack("<d", 0.5) + b"\x10" + time + bytes([millis])
    series += delimited(2, sample)
    (message,) = messages(delimited(1, series) + delimited(3, b"\x08\x01"))
    assert json.loads(message) == {
        "labels": {"__name__": "up", "job": "cart"},
        "name": "up",
        "timestamp": "2023-11-14T22:13:20Z",
        "value": "0.5",
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.1, "0.1"),
        (1e21, "1" + 21 * "0"),
        (1.5e-7, "0.00000015"),
        (float("nan"), "NaN"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
    ],
)
def test_numbers_are_written_as_the_adapter_writes_them(value: float, text: str) -> None:
    assert number_text(value) == text


def test_a_fault_is_noticed_by_what_opens_while_it_is_there() -> None:
    found = judge(FAULT, cases_of([arrival(1020.0), arrival(1040.0, first="orders")]))
    assert found["noticed"]
    assert (found["noticed_s"], found["page_s"], found["noticed_event_s"]) == (20.0, 20.0, 10.0)
    assert found["first_at_once"] == "payment"
    assert found["first_at_end"] == "orders"
    assert not found["right_first"]


def test_a_change_that_becomes_an_incident_pages_then() -> None:
    told = [arrival(1020.0, kind="change"), arrival(1050.0, type="ranking.updated")]
    found = judge(FAULT, cases_of(told))
    assert (found["noticed_s"], found["page_s"], found["kind"]) == (20.0, 50.0, "incident")
    found = judge(FAULT, cases_of(told[:1]))
    assert (found["noticed_s"], found["page_s"], found["kind"]) == (20.0, None, "change")


def test_what_was_open_before_has_not_noticed_the_fault() -> None:
    found = judge(FAULT, cases_of([arrival(900.0), arrival(1030.0, type="ranking.updated")]))
    assert not found["noticed"]
    assert found["open_before"] == ["a"]


def test_outside_of_faults_and_their_echoes_everything_is_false() -> None:
    end = FAULT.end + AFTER_S
    told = [
        arrival(900.0, incident="a"),
        arrival(FAULT.end + 10, incident="b"),
        arrival(end + 10, incident="c", kind="change"),
        arrival(end + 20, incident="c", type="ranking.updated"),
    ]
    rest = outside([FAULT], cases_of(told), 700.0, end + 100)
    assert (rest["false_pages"], rest["false_changes"], rest["echoes"]) == (2, 1, 1)
    assert rest["quiet_minutes"] == pytest.approx(400 / 60, abs=0.05)
    assert "2 false pages, 1 false changes" in table([judge(FAULT, cases_of(told))], rest)
