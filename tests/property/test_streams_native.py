"""The native codec: round trips, one answer of both decoders, and no other exception."""

import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.codec import NativeCodec, encode_batch, encode_row
from streams.codec.native import _VALUES, _decoder
from streams.codec.payload import _taken_apart
from streams.errors import DecodeError
from streams.records import Record

part = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
name = st.builds("{}:{}".format, part.filter(lambda text: ":" not in text), part)
value = st.one_of(st.just(np.nan), st.floats(-1e100, 1e100))
time = st.floats(0, 1e10)
json_value = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.floats(), st.integers(), st.text(st.characters(), max_size=5)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
message = st.fixed_dictionaries(
    {"system": st.one_of(part, json_value)},
    optional={
        "timestamp": st.one_of(time, json_value),
        "metrics": st.one_of(st.dictionaries(name, value, max_size=4), json_value),
        "series": st.one_of(st.lists(name, max_size=3), json_value),
        "timestamps": st.one_of(st.lists(time, max_size=3), json_value),
        "values": st.one_of(st.lists(st.lists(value, max_size=3), max_size=3), json_value),
    },
)


def record(raw: bytes) -> Record:
    return Record("t", 0, 0, None, raw)


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=1, max_size=9, alphabet="aé:"), time, st.dictionaries(name, value))
def test_streams_row_round_trip(system: str, at: float, metrics: dict[str, float]) -> None:
    """What is encoded as a row is decoded as it was."""
    values = np.array(list(metrics.values()), dtype=float)

    found = NativeCodec().decode(record(encode_row(system, at, metrics, values))).samples

    assert ([system] if metrics else []) == [s.system for s in found]
    for samples in found:
        assert (at, tuple(metrics)) == (samples.time, samples.names)
        np.testing.assert_array_equal(values, samples.values)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(time, min_size=1, max_size=4),
    st.lists(name, min_size=1, unique=True),
    st.data(),
    st.booleans(),
)
def test_streams_batch_round_trip(
    times: list[float], names: list[str], data: st.DataObject, packed: bool
) -> None:
    """What is encoded as a batch is decoded as the same rows."""
    width = st.lists(value, min_size=len(names), max_size=len(names))
    values = np.array([data.draw(width) for _ in times])

    found = (
        NativeCodec().decode(record(encode_batch("s", times, names, values, packed=packed))).samples
    )

    assert [(t, tuple(names)) for t in times] == [(s.time, s.names) for s in found]
    np.testing.assert_array_equal(values, [s.values for s in found])


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=60), message.map(lambda m: json.dumps(m).encode())), st.data())
def test_streams_any_bytes(raw: bytes, data: st.DataObject) -> None:
    """Any bytes give samples that hold the rules, or a DecodeError; never anything else."""
    cut = data.draw(st.integers(0, len(raw)))
    for payload in (raw, raw[:cut], raw[:cut] + b"\x00" + raw[cut:]):
        try:
            found = NativeCodec().decode(record(payload))
        except DecodeError as error:
            assert str(error).encode()  # noqa: PT017 - printable, whatever was in the bytes
            continue
        assert all(str(problem).encode() for problem in found.problems)
        for samples in found.samples:
            assert samples.system
            assert 0 <= samples.time < 1e11
            assert len(samples.names) == len(set(samples.names)) == len(samples.values)
            assert all(
                entity and metric
                for entity, _, metric in (name.partition(":") for name in samples.names)
            )
            assert not np.isinf(samples.values).any()


@settings(max_examples=100, deadline=None)
@given(message)
def test_streams_both_decoders_agree(content: dict[str, Any]) -> None:
    """What the typed decoder accepts the slow one accepts too, with the same content."""
    raw = json.dumps(content).encode()
    try:
        fast = _decoder.decode(raw)
    except Exception:  # noqa: BLE001 - whatever it refuses is the slow decoder's business
        return

    assert [(fast, "")] == [*_taken_apart(record(raw), _decoder, _VALUES, [])]
