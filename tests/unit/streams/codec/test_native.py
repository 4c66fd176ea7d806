"""The native codec: both forms, what is missing, and every way to be wrong."""

import base64
import json
from typing import Any

import numpy as np
import pytest

from streams.codec import NativeCodec, encode_batch, encode_row
from streams.errors import DecodeError
from streams.records import Record, Samples


def record(value: object) -> Record:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Record("metrics", 2, 7, b"shop", raw)


def row(**changes: object) -> dict[str, Any]:
    return {"system": "shop", "timestamp": 10, "metrics": {"a:x": 1.5, "b:y": None}} | changes


def batch(**changes: object) -> dict[str, Any]:
    message = {
        "system": "shop",
        "series": ["a:x", "b:y"],
        "timestamps": [10, 20],
        "values": [[1, None], [2, 3]],
    }
    return message | changes


def decode(value: object, codec: NativeCodec | None = None) -> list[Samples]:
    return (codec or NativeCodec()).decode(record(value)).samples


def faults(value: object) -> list[str]:
    """What is wrong with a message, in whole or in part."""
    try:
        return [str(problem) for problem in NativeCodec().decode(record(value)).problems]
    except DecodeError as error:
        return [str(error.problem())]


def plain(samples: list[Samples]) -> list[tuple[str, float, tuple[str, ...], list[float]]]:
    return [(s.system, s.time, s.names, s.values.tolist()) for s in samples]


class TestRow:
    def test_row(self) -> None:
        """A row becomes one sample set with null as NaN."""
        (samples,) = decode(row())

        assert ("shop", 10.0, ("a:x", "b:y")) == (samples.system, samples.time, samples.names)
        np.testing.assert_array_equal([1.5, np.nan], samples.values)
        assert np.float64 == samples.values.dtype

    @pytest.mark.parametrize(
        ("stamp", "expected"),
        [
            (0, 0.0),
            (1700000000.25, 1700000000.25),
            ("1970-01-01T00:01:00Z", 60.0),
            ("1970-01-01T02:01:00.5+02:00", 60.5),
            ("1970-01-01T00:00:01.123456789Z", 1.123457),
        ],
    )
    def test_timestamps(self, stamp: float | str, expected: float) -> None:
        """Unix seconds and RFC 3339 with a zone are times."""
        assert expected == decode(row(timestamp=stamp))[0].time

    def test_names_are_cached(self) -> None:
        """The same names give the same tuple object, across rows, systems and forms."""
        codec = NativeCodec()
        one = decode(row(), codec)[0].names
        two = decode(row(system="other"), codec)[0].names
        three = decode(batch(), codec)[0].names

        assert (True, True) == (one is two, one is three)

    def test_name_cache_is_bounded(self) -> None:
        """Churning names are decoded right although the cache forgets them."""
        codec = NativeCodec()
        for i in range(3000):
            (samples,) = decode(row(metrics={f"pod-{i}:x": i}), codec)
            assert (f"pod-{i}:x",) == samples.names

        assert len(codec._known) <= 1024

    def test_no_metrics(self) -> None:
        """A row without metrics holds no samples."""
        assert [] == decode(row(metrics={}))

    def test_last_duplicate_wins(self) -> None:
        """Of a repeated key the last value counts."""
        raw = b'{"system":"s","timestamp":1,"metrics":{"a:x":1,"b:x":5,"a:x":2}}'

        assert [("s", 1.0, ("a:x", "b:x"), [2.0, 5.0])] == plain(decode(raw))

    def test_unknown_keys_are_ignored(self) -> None:
        """Keys that may come later disturb nothing."""
        assert plain(decode(row(metrics={"a:x": 1}))) == plain(
            decode(row(metrics={"a:x": 1}, unit="s", extra=[[{}]]))
        )

    @pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "-Infinity", "1e101", "9" * 400])
    def test_extreme_values_are_missing(self, number: str) -> None:
        """A value that is no finite number of sane size is missing, and counted."""
        codec = NativeCodec()
        raw = b'{"system":"s","timestamp":1,"metrics":{"a:x":%s,"b:x":5}}' % number.encode()

        (samples,) = decode(raw, codec)

        np.testing.assert_array_equal([np.nan, 5.0], samples.values)
        assert 1 == codec.extreme

    def test_null_is_not_extreme(self) -> None:
        """Missing values are not counted as extreme ones."""
        codec = NativeCodec()
        codec.decode(record(row()))

        assert 0 == codec.extreme

    def test_metric_may_hold_colons(self) -> None:
        """The first colon separates: recording rules keep their names."""
        assert ("job:http:rate5m",) == decode(row(metrics={"job:http:rate5m": 1}))[0].names


class TestBatch:
    def test_batch(self) -> None:
        """A batch becomes one sample set per row."""
        one, two = decode(batch())

        assert (10.0, 20.0) == (one.time, two.time)
        np.testing.assert_array_equal([1.0, np.nan], one.values)
        np.testing.assert_array_equal([2.0, 3.0], two.values)
        assert one.names is two.names

    def test_empty_batch(self) -> None:
        """A batch without rows, or without series, holds no samples."""
        assert [] == decode(batch(timestamps=[], values=[]))
        assert [] == decode(batch(series=[], values=[[], []]))

    def test_extreme_value_in_a_batch(self) -> None:
        """Extreme values are missing in batches too."""
        codec = NativeCodec()
        one, two = decode(batch(values=[[1e200, 1], [2, -1e101]]), codec)

        np.testing.assert_array_equal([[np.nan, 1], [2, np.nan]], [one.values, two.values])
        assert 2 == codec.extreme

    def test_packed_values(self) -> None:
        """Base64 of little-endian float64, row by row; NaN is missing, what is extreme too."""
        values = np.array([[1.5, np.nan], [np.inf, 3.0]])
        codec = NativeCodec()
        packed = base64.b64encode(values.astype("<f8").tobytes()).decode()

        one, two = decode(batch(values=packed), codec)

        np.testing.assert_array_equal([[1.5, np.nan], [np.nan, 3]], [one.values, two.values])
        assert 1 == codec.extreme

    def test_packed_values_beside_numbers_that_are_not_json(self) -> None:
        """What only the slow decoder reads may hold packed values too."""
        raw = json.dumps(batch(values=base64.b64encode(bytes(32)).decode())).encode()
        (one, two) = decode(raw[:-1] + b', "x": NaN}')

        assert [[0.0, 0.0], [0.0, 0.0]] == [one.values.tolist(), two.values.tolist()]


class TestErrors:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (
                row(metrics={"cart:cpu": "abc"}),
                "metrics.cart:cpu: Expected float | null, got str 'abc'",
            ),
            (row(metrics={"a:x": True}), "metrics.a:x: Expected float | null, got bool True"),
            (row(metrics={"a:x": [1]}), "metrics.a:x: Expected float | null, got array"),
            (row(metrics=[1]), "metrics: Expected object | null, got array"),
            (
                row(metrics={"cpu": 1}),
                "metrics.cpu: name of the form <entity>:<metric> expected, got str 'cpu'",
            ),
            (
                row(metrics={":cpu": 1}),
                "metrics.:cpu: name of the form <entity>:<metric> expected, got str ':cpu'",
            ),
            (
                row(metrics={"cart:": 1}),
                "metrics.cart:: name of the form <entity>:<metric> expected, got str 'cart:'",
            ),
            (row(system=""), "system: 1 to 512 characters expected, got 0"),
            (row(system="s" * 513), "system: 1 to 512 characters expected, got 513"),
            (row(system=5), "system: Expected str, got int 5"),
            ({"timestamp": 1, "metrics": {}}, "$: Object missing required field system, got dict"),
            (
                row(timestamp=None),
                "timestamp: unix seconds or RFC 3339 string expected, got nothing",
            ),
            (row(timestamp=-1), "timestamp: unix seconds in 0..1e+11 expected, got -1.0"),
            (
                row(timestamp=1.7e18),
                "timestamp: unix seconds expected, got 1.7e+18, which looks like nanoseconds",
            ),
            (
                row(timestamp=17 * 10**11),
                "timestamp: unix seconds expected, got 1.7e+12, which looks like milliseconds",
            ),
            (
                row(timestamp="2024-01-02T03:04:05"),
                "timestamp: RFC 3339 time with its zone expected, got str '2024-01-02T03:04:05'",
            ),
            (
                row(timestamp=[1]),
                "timestamp: Expected float | str | null, got array",
            ),
            (
                {"system": "s", "timestamp": 1},
                "$: either `metrics` (a row) or `series` (a batch) expected, got neither",
            ),
            (
                row() | batch(),
                "$: either `metrics` (a row) or `series` (a batch) expected, got both",
            ),
            ([1], "[0]: Expected object, got int 1"),
            (batch(series=["a:x", 5]), "series[1]: Expected str, got int 5"),
            (
                batch(series=["a:x", "a:x"]),
                "series[1]: distinct names expected, got str 'a:x' again",
            ),
            (batch(values=[[1, 2]]), "values: as many rows as timestamps expected (2), got 1"),
            (
                batch(values=[[1, 2], [3]]),
                "values[1]: as many values as series expected (2), got 1",
            ),
            (batch(values=[[1, 2], 3]), "values[1]: Expected array, got int 3"),
            (batch(values=[[1, 2], [3, "4"]]), "values[1][1]: Expected float | null, got str '4'"),
            (batch(values="AAA"), "values: Invalid base64 encoded string, got str 'AAA'"),
            (batch(values="AAAA"), "values: 8 bytes for each of 2 x 2 values expected (32), got 3"),
            (batch(values=None), "values: array expected, got nothing"),
            (batch(timestamps=None), "timestamps: array expected, got nothing"),
            (
                batch(timestamps=[1, None]),
                "timestamps[1]: Expected float | str, got null",
            ),
            (
                batch(timestamps=[1, "x"]),
                "timestamps[1]: RFC 3339 time with its zone expected, got str 'x'",
            ),
            (b"", "$: a payload expected, got none"),
            (b" ", "$: JSON expected: Expecting value: line 1 column 2 (char 1)"),
            (b'{"system":\xff', "$: UTF-8 expected, got byte 0xff at 10"),
            (b'{"system":' + b"[" * 100_000, "$: JSON nested less deeply expected"),
        ],
    )
    def test_reason(self, value: object, expected: str) -> None:
        """The path, the rule and what came are named."""
        assert [expected] == faults(value)

    def test_position(self) -> None:
        """An error about a whole record says where that lies."""
        with pytest.raises(DecodeError) as caught:
            decode(5)

        said = "$: Expected object, got int 5 (topic metrics, partition 2, offset 7)"
        assert said == str(caught.value)

    def test_long_name(self) -> None:
        """A name of 512 characters is good, one more is not, and the error stays short."""
        name = "e:" + "m" * 510
        assert (name,) == decode(row(metrics={name: 1}))[0].names
        (said,) = faults(row(metrics={name + "m": 1}))

        assert "at most 512 characters expected, got 513" in said
        assert len(said) < 400

    def test_lone_surrogates(self) -> None:
        """Text that cannot be written as UTF-8 is refused, and the error can be written."""
        for raw in (
            rb'{"system":"\ud800","timestamp":1,"metrics":{}}',
            rb'{"system":"s","timestamp":1,"metrics":{"a:\ud800":1}}',
        ):
            (said,) = faults(raw)
            assert "can be written as UTF-8" in said
            assert said.encode()

    def test_limits(self) -> None:
        """Payloads and messages beyond the limits are refused."""
        codec = NativeCodec(max_bytes=100, max_series=2)
        with pytest.raises(DecodeError, match="at most 100 bytes expected, got 101"):
            codec.decode(record(b" " * 101))
        with pytest.raises(DecodeError, match="metrics: at most 2 series expected, got 3"):
            codec.decode(
                record(
                    {
                        "system": "s",
                        "timestamp": 1,
                        "metrics": dict.fromkeys(["a:x", "b:x", "c:x"], 1),
                    }
                )
            )

    def test_good_after_bad(self) -> None:
        """A refused message leaves nothing behind in the codec."""
        codec = NativeCodec()
        for _ in range(2):
            with pytest.raises(DecodeError):
                decode(row(timestamp=-1), codec)

        assert 1 == len(decode(row(), codec))


class TestParts:
    """One part that is wrong costs nothing but itself."""

    @pytest.mark.parametrize("again", [1, 2])
    def test_series_without_a_proper_name(self, again: int) -> None:
        """It is left out, each time; names and values of the others stay together."""
        codec = NativeCodec()
        for _ in range(again):
            found = codec.decode(record(row(metrics={"cpu": 1, "a:x": 2, "b:": 3, "c:x": 4})))

        assert [("shop", 10.0, ("a:x", "c:x"), [2.0, 4.0])] == plain(found.samples)
        assert [("name", "cpu"), ("name", "b:")] == [p[:2] for p in found.problems]

    def test_series_of_a_batch(self) -> None:
        """A column without a proper name is left out of every row."""
        one, two = decode(batch(series=["x", "b:y"]))

        assert (("b:y",), [3.0]) == (two.names, two.values.tolist())
        assert np.isnan(one.values).all()

    def test_value_that_is_no_number(self) -> None:
        """The values beside it count."""
        found = NativeCodec().decode(record(row(metrics={"a:x": "up", "b:x": 5})))

        assert [("shop", 10.0, ("b:x",), [5.0])] == plain(found.samples)
        assert ["metrics.a:x: Expected float | null, got str 'up'"] == [*map(str, found.problems)]

    def test_array_and_lines(self) -> None:
        """Rows as an array, or one a line, whatever one of them is; a byte order mark."""
        rows = [json.dumps(row(timestamp=t)).encode() for t in (10, -1, 30)]
        lines = b"\xef\xbb\xbf" + b"\r\n".join([*rows, b"{", b""])
        for payload, third in ((b"[" + b",".join(rows) + b"]", "[1]"), (lines, "line 2")):
            found = NativeCodec().decode(record(payload))
            assert [10.0, 30.0] == [s.time for s in found.samples]
            said = [str(problem) for problem in found.problems]
            assert any(text.startswith(f"{third}.timestamp: unix seconds") for text in said)
        assert ["line 4: JSON expected"] == [text[:21] for text in said if "line 4" in text]

    def test_envelope_of_kafka_connect(self) -> None:
        """The payload beside a schema is the message."""
        held = {"schema": {"type": "struct"}, "payload": row()}

        assert [10.0] == [s.time for s in decode(held)]

    @pytest.mark.parametrize(
        ("payload", "expected"),
        [
            ({"resourceSpans": []}, "these are traces: `resourceSpans`"),
            ({"resourceLogs": []}, "these are logs: `resourceLogs`"),
            ({"resourceMetrics": []}, "looks like otlp_json; set `format`"),
            (
                {"before": None, "after": {"id": 1}, "op": "c", "source": {}, "ts_ms": 5},
                "Debezium change event",
            ),
            (b"\0\0\0\0\x07\x02abc", "magic byte 0, schema id 7"),
            (b"\x1f\x8b\x08abc", "looks compressed by its producer (gzip)"),
            ("{}".encode("utf-16"), "looks like UTF-16; write UTF-8"),
            (b"<m/>", "looks like XML"),
        ],
    )
    def test_what_is_no_metric_is_named(self, payload: object, expected: str) -> None:
        """With the remedy, and counted as such."""
        with pytest.raises(DecodeError) as caught:
            decode(payload)

        assert expected in caught.value.reason
        assert "not_metrics" == caught.value.kind


class TestEncode:
    def test_row_with_missing_values(self) -> None:
        """NaN and infinity are written as null."""
        raw = encode_row("s", 1.5, ["a:x", "b:x", "c:x"], np.array([1.0, np.nan, np.inf]))

        assert {
            "system": "s",
            "timestamp": 1.5,
            "metrics": {"a:x": 1.0, "b:x": None, "c:x": None},
        } == json.loads(raw)

    def test_row_rejects_other_lengths(self) -> None:
        """Names and values belong together."""
        with pytest.raises(ValueError, match="zip"):
            encode_row("s", 1.0, ["a:x"], np.array([1.0, 2.0]))

    def test_batch_rejects_other_shapes(self) -> None:
        """Times, names and values belong together."""
        with pytest.raises(ValueError, match=r"shape \(1, 1\), got \(2, 1\)"):
            encode_batch("s", [1.0], ["a:x"], np.zeros((2, 1)))
