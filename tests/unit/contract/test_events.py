"""The published schema."""

import json
import re
import urllib.parse

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import ONSET, run, shop_rows

from coral.contract.events import decode, encode, incident_id, source_of, timestamp
from coral.contract.schema import SCHEMA, json_schema
from coral.errors import EventError


def test_the_packed_schema_is_that_of_the_types() -> None:
    """`python -m coral.contract.schema` has been run after the last change of a type."""
    assert json.loads(SCHEMA.read_text()) == json_schema()


def test_the_schema_is_a_valid_json_schema() -> None:
    """Other tools can read it."""
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_events_survive_a_round_trip() -> None:
    """Decoding what was encoded gives the same event."""
    for event in run(shop_rows(rows=ONSET + 20), onset=float(ONSET)):
        assert event == decode(encode(event))


def test_the_schema_refuses_what_is_no_event() -> None:
    """A wrong type and a missing field are found."""
    event = json.loads(encode(run(shop_rows(rows=ONSET + 2), onset=float(ONSET))[0]))
    for damage in ({"type": "io.coral.unknown"}, {"data": {**event["data"], "causes": 3}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(event | damage, json_schema())


def test_a_newer_writer_can_be_read() -> None:
    """Unknown fields are ignored."""
    event = run(shop_rows(rows=ONSET + 1), onset=float(ONSET))[0]
    newer = msgspec.to_builtins(event) | {"traceparent": "00-1-2-3"}
    newer["data"]["novelty"] = 1
    assert event == decode(msgspec.json.encode(newer))


NO_EVENTS = [
    *(b"", b"{}", b"[1]", b'{"id": 3}', b"\xff\xfe"),
    *(b'{"id": "\xff"}', b'{"id": ' + b"[" * 3000),
]


@pytest.mark.parametrize("line", NO_EVENTS)
def test_what_is_no_event_is_refused_by_name(line: bytes) -> None:
    """Garbage gives one kind of error that says what is wrong."""
    with pytest.raises(EventError, match="not a CORAL event"):
        decode(line)


def test_incident_ids_are_deterministic() -> None:
    """Equal system, onset and configuration: equal id; anything else: another."""
    one = incident_id("shop", 12.5, "abc")
    assert one == incident_id("shop", 12.5, "abc")
    others = [incident_id("shop", 12.0, "abc"), incident_id("s", 12.5, "a")]
    recorded = [incident_id("shop", 12.5, "abc", name) for name in ("f00", "ba4")]
    assert len({one, *others, *recorded}) == 5


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0.0, "1970-01-01T00:00:00Z"),
        (1_700_000_000.25, "2023-11-14T22:13:20.250Z"),
        (1_700_000_000.0004, "2023-11-14T22:13:20Z"),
    ],
)
def test_timestamps(time: float, text: str) -> None:
    """RFC 3339 in UTC, milliseconds where there are any."""
    assert text == timestamp(time)


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_source_is_a_uri_reference(system: str) -> None:
    """Whatever a system is called (RFC 3986); and two systems are two sources."""
    source = source_of(system)
    assert re.fullmatch(r"/coral/(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})*", source)
    assert f"/coral/{system}" == urllib.parse.unquote(source)
