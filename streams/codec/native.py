r"""CORAL's own JSON: one row of many series, or a micro-batch of rows.

Row: ``{"system": "shop", "timestamp": 1700000000, "metrics": {"cart:cpu": 0.5, "cart:mem": null}}``

Batch: ``{"system": "shop", "series": ["cart:cpu", "cart:mem"], "timestamps": [1700000000,
1700000001], "values": [[0.5, null], [0.6, 7.0]]}``

The values of a batch may be packed: a string, base64 of float64 in little endian, row by row, NaN
where one is missing. Reading decimal numbers is most of what other batches cost.

A time stamp is unix seconds or an RFC 3339 string with its zone. ``null`` and an absent series
are missing, never zero. Values that are no finite numbers (``1e400``; ``NaN`` and ``Infinity``,
which are not JSON but which Python writes) or beyond ``1e100`` are missing too, and counted.
Of a repeated key the last one wins. Keys not named here are ignored. Everything else that
departs from the form is a `DecodeError` for the whole record.
"""

import base64
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.codec.faults import fail, printable, show
from streams.codec.values import drop_extreme, parse_rfc3339, time_problem
from streams.errors import DecodeError
from streams.records import Record, Samples
from streams.series import MAX_NAME, name_problem

Floats = NDArray[np.float64]

_KNOWN_TUPLES = 1024


class _Message(msgspec.Struct, gc=False):
    """Union of both forms; which one it is shows in the fields that are set."""

    system: str
    timestamp: float | str | None = None
    metrics: dict[str, float | None] | None = None
    series: list[str] | None = None
    timestamps: list[float | str] | None = None
    values: list[list[float | None]] | bytes | None = None


_decoder = msgspec.json.Decoder(_Message)
_encoder = msgspec.json.Encoder()


class NativeCodec:
    """Decoder of native rows and micro-batches.

    Parameters
    ----------
    max_bytes : int
        Longest payload looked at.
    max_series : int
        Most series in one message.

    Attributes
    ----------
    extreme : int
        Values so far that were no finite numbers within +-1e100 and became missing.

    Examples
    --------
    >>> codec = NativeCodec()
    >>> row = encode_row("shop", 1700000000.0, ["cart:cpu"], np.array([0.5]))
    >>> (samples,) = codec.decode(Record("metrics", 0, 7, b"shop", row))
    >>> samples.names, samples.values.tolist()
    (('cart:cpu',), [0.5])
    """

    def __init__(self, max_bytes: int = 8 << 20, max_series: int = 20_000) -> None:
        self._max_bytes = max_bytes
        self._max_series = max_series
        self._known: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.extreme = 0

    def decode(self, record: Record) -> list[Samples]:
        """Return the samples in `record`, in its order; none if it holds no series or no row.

        Raises
        ------
        DecodeError
            If the payload is not of this format; no other exception for any bytes.
        """
        if len(record.value) > self._max_bytes:
            size = len(record.value)
            reason = f"at most {self._max_bytes} bytes expected, got {size}"
            raise DecodeError.of(record, reason)
        try:
            message = _decoder.decode(record.value)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            message = _decode_slowly(record)
        if not 0 < len(message.system) <= MAX_NAME:
            reason = f"1 to {MAX_NAME} characters expected, got {len(message.system)}"
            fail(record, reason, "system")
        if (message.metrics is None) == (message.series is None):
            got = "neither" if message.metrics is None else "both"
            fail(record, f"either `metrics` (a row) or `series` (a batch) expected, got {got}")
        return (
            self._batch(record, message) if message.metrics is None else self._row(record, message)
        )

    def _row(self, record: Record, message: _Message) -> list[Samples]:
        if message.timestamp is None:
            fail(record, "unix seconds or RFC 3339 string expected, got nothing", "timestamp")
        time = _time(record, message.timestamp, "timestamp")
        metrics = message.metrics
        if not metrics:
            return []
        names = self._names(record, tuple(metrics), "metrics")
        values = np.array(list(metrics.values()), dtype=np.float64)
        self.extreme += drop_extreme(values)
        return [Samples(message.system, time, names, values)]

    def _batch(self, record: Record, message: _Message) -> list[Samples]:
        series, stamps, rows = message.series, message.timestamps, message.values
        if series is None or stamps is None or rows is None:
            key = "timestamps" if stamps is None else "values"
            fail(record, "array expected, got nothing", key)
        names = self._names(record, tuple(series), "series")
        times = [_time(record, t, f"timestamps[{i}]") for i, t in enumerate(stamps)]
        m, n = len(times), len(names)
        if isinstance(rows, bytes):
            values = _packed(record, rows, m, n)
        else:
            values = _listed(record, rows, m, n)
        if not values.size:
            return []
        self.extreme += drop_extreme(values)
        return [Samples(message.system, times[i], names, values[i]) for i in range(m)]

    def _names(self, record: Record, names: tuple[str, ...], where: str) -> tuple[str, ...]:
        """Return the one tuple object for these names, checked when seen for the first time."""
        known = self._known.get(names)
        if known is not None:
            return known
        if len(names) > self._max_series:
            fail(record, f"at most {self._max_series} series expected, got {len(names)}", where)
        seen = set()
        for i, name in enumerate(names):
            at = f"{where}[{i}]" if where == "series" else f"{where}.`{printable(name)}`"
            problem = name_problem(name)
            if problem is not None:
                fail(record, f"{problem}, got {show(name)}", at)
            if name in seen:
                fail(record, f"distinct names expected, got {show(name)} again", at)
            seen.add(name)
        if len(self._known) >= _KNOWN_TUPLES:
            self._known.clear()  # bounded memory under churn; the next message re-checks
        self._known[names] = names
        return names


def encode_row(
    system: str, time: float, names: Iterable[str], values: NDArray[np.float64]
) -> bytes:
    """Return the native row of one tick.

    Parameters
    ----------
    system : str
    time : float
        Unix seconds.
    names : iterable of str, length n
        ``<entity>:<metric>``.
    values : ndarray of shape (n,), float64
        NaN and infinite values are written as ``null``.

    Raises
    ------
    ValueError
        If there are not as many values as names.
    """
    metrics = dict(zip(names, values.tolist(), strict=True))
    return _encoder.encode({"system": system, "timestamp": time, "metrics": metrics})


def encode_batch(
    system: str,
    times: Sequence[float],
    names: Sequence[str],
    values: NDArray[np.float64],
    *,
    packed: bool = False,
) -> bytes:
    """Return the native micro-batch of several ticks.

    Parameters
    ----------
    system : str
    times : sequence of float, length m
        Unix seconds.
    names : sequence of str, length n
        ``<entity>:<metric>``.
    values : ndarray of shape (m, n), float64
        NaN and infinite values are written as ``null``.
    packed : bool
        Write the values as base64: half the size, and a third of the work to read.

    Raises
    ------
    ValueError
        If the shape of `values` is not (m, n).
    """
    if values.shape != (len(times), len(names)):
        expected = (len(times), len(names))
        raise ValueError(f"`encode_batch` requires values of shape {expected}, got {values.shape}.")
    return _encoder.encode(
        {
            "system": system,
            "series": list(names),
            "timestamps": list(times),
            "values": values.astype("<f8").tobytes() if packed else values.tolist(),
        }
    )


def _listed(record: Record, rows: list[list[float | None]], m: int, n: int) -> Floats:
    """Return the values of m rows of n numbers, NaN for null."""
    if len(rows) != m:
        fail(record, f"as many rows as timestamps expected ({m}), got {len(rows)}", "values")
    for i, row in enumerate(rows):
        if len(row) != n:
            reason = f"as many values as series expected ({n}), got {len(row)}"
            fail(record, reason, f"values[{i}]")
    return np.array(rows, dtype=np.float64)


def _packed(record: Record, raw: bytes, m: int, n: int) -> Floats:
    """Return the values of m rows of n numbers, packed."""
    if len(raw) != 8 * m * n:
        reason = f"8 bytes for each of {m} x {n} values expected ({8 * m * n}), got {len(raw)}"
        fail(record, reason, "values")
    return np.frombuffer(raw, dtype="<f8").astype(np.float64).reshape(m, n)


def _time(record: Record, raw: float | str, where: str) -> float:
    time = parse_rfc3339(raw) if isinstance(raw, str) else raw
    if time is None:
        fail(record, f"RFC 3339 time with its zone expected, got {show(raw)}", where)
    problem = time_problem(time)
    if problem is not None:
        fail(record, problem, where)
    return time


def _decode_slowly(record: Record) -> _Message:
    """Decode what the typed decoder refused: to name the fault, or to read non-finite numbers."""
    try:
        text = record.value.decode()
        raw = json.loads(text, parse_int=float, parse_constant=lambda _: math.inf)
    except UnicodeDecodeError as e:
        fail(record, f"UTF-8 expected, got byte {e.object[e.start]:#04x} at {e.start}")
    except RecursionError:
        fail(record, "JSON nested less deeply expected")
    except ValueError as e:
        fail(record, f"JSON expected: {e}")
    if not isinstance(raw, dict):
        fail(record, f"object expected, got {show(raw)}")
    _check_system(record, raw.get("system"))
    _check_time(record, raw.get("timestamp"), "timestamp")
    for name, value in _typed(record, raw, "metrics", dict).items():
        _check_number(record, value, f"metrics.`{printable(name)}`")
    for i, name in enumerate(_typed(record, raw, "series", list)):
        if not isinstance(name, str):
            fail(record, f"string expected, got {show(name)}", f"series[{i}]")
    for i, time in enumerate(_typed(record, raw, "timestamps", list)):
        _check_time(record, time, f"timestamps[{i}]", required=True)
    if isinstance(raw.get("values"), str):
        raw["values"] = _unpacked(record, raw["values"])
        return _message(raw)
    for i, row in enumerate(_typed(record, raw, "values", list)):
        if not isinstance(row, list):
            fail(record, f"array expected, got {show(row)}", f"values[{i}]")
        for j, value in enumerate(row):
            _check_number(record, value, f"values[{i}][{j}]")
    return _message(raw)


def _message(raw: dict[str, Any]) -> _Message:
    return _Message(**{key: raw[key] for key in _Message.__struct_fields__ if key in raw})


def _unpacked(record: Record, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        fail(record, f"base64 expected, got {show(text)}", "values")


def _typed(record: Record, raw: dict[str, Any], key: str, kind: type) -> Any:
    value = raw.get(key)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        expected = "object" if kind is dict else "array"
        fail(record, f"{expected} expected, got {show(value)}", key)
    return value


def _check_system(record: Record, system: object) -> None:
    if not isinstance(system, str):
        fail(record, f"string expected, got {show(system)}", "system")
    try:
        system.encode()
    except UnicodeEncodeError:
        fail(record, f"string that can be written as UTF-8 expected, got {show(system)}", "system")


def _check_number(record: Record, value: object, where: str) -> None:
    if value is not None and not isinstance(value, float):
        fail(record, f"number expected, got {show(value)}", where)


def _check_time(record: Record, value: object, where: str, *, required: bool = False) -> None:
    if value is None and not required:
        return
    if not isinstance(value, float | str):
        fail(record, f"unix seconds or RFC 3339 string expected, got {show(value)}", where)
