r"""CORAL's own JSON: one row of many series, or a micro-batch of rows.

Row: ``{"system": "shop", "timestamp": 1700000000, "metrics": {"cart:cpu": 0.5, "cart:mem": null}}``

Batch: ``{"system": "shop", "series": ["cart:cpu", "cart:mem"], "timestamps": [1700000000,
1700000001], "values": [[0.5, null], [0.6, 7.0]]}``

The values of a batch may be packed: a string, base64 of float64 in little endian, row by row, NaN
where one is missing. Reading decimal numbers is most of what other batches cost.

A time stamp is unix seconds or an RFC 3339 string with its zone. ``null`` and an absent series
are missing, never zero. Values that are no finite numbers (``1e400``; ``NaN`` and ``Infinity``,
which are not JSON but which Python writes) or beyond ``1e100`` are missing too, and counted.
Of a repeated key the last one wins. Keys not named here are ignored. A message may also be an
array of such objects, or one a line. Values that are no numbers and series without a proper name
are left out; everything else that departs from the form is a `DecodeError` for the whole record.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from streams.codec.faults import Problems, fail, printable, refuse, show
from streams.codec.payload import Parts, documents, opened
from streams.codec.values import drop_extreme, parse_rfc3339, time_problem
from streams.errors import DecodeError
from streams.records import EMPTY, Decoded, Problem, Record, Samples
from streams.series import MAX_NAME, name_problem

Floats = NDArray[np.float64]

_KNOWN_TUPLES = 1024
_KNOWN_NAMES = 1_000_000


class _Message(msgspec.Struct, gc=False):
    """Union of both forms; which one it is shows in the fields that are set."""

    system: str
    timestamp: float | str | None = None
    metrics: dict[str, float | None] | None = None
    series: list[str] | None = None
    timestamps: list[float | str] | None = None
    values: list[list[float | None]] | bytes | None = None


class _Columns(NamedTuple):
    """Names of a message that are known: those of series, and where they stand among all."""

    names: tuple[str, ...]
    kept: NDArray[np.intp] | None  # None: all
    problems: tuple[Problem, ...]


_decoder = msgspec.json.Decoder(_Message)
_VALUES: Final = (Parts(("metrics",), msgspec.json.Decoder(float | None), (), "value"),)
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
    >>> (samples,), problems = codec.decode(Record("metrics", 0, 7, b"shop", row))
    >>> samples.names, samples.values.tolist()
    (('cart:cpu',), [0.5])
    """

    def __init__(self, max_bytes: int = 8 << 20, max_series: int = 20_000) -> None:
        self._max_bytes = max_bytes
        self._max_series = max_series
        self._known: dict[tuple[str, ...], _Columns] = {}
        self._known_names = 0
        self.extreme = 0

    def decode(self, record: Record) -> Decoded:
        """Return the samples in `record`, in its order; none if it holds no series or no row.

        Raises
        ------
        DecodeError
            If the payload is not of this format; no other exception for any bytes.
        """
        held = opened(record, self._max_bytes)
        if held is None:
            return Decoded([], (EMPTY,))
        try:  # nearly always one message
            message = _decoder.decode(held.value)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return self._apart(held)
        left_out: list[Problem] = []
        return Decoded(self._samples(held, message, left_out), left_out)

    def _apart(self, record: Record) -> Decoded:
        """Return what can be read of a payload that is not one sound message."""
        found: list[Samples] = []
        left_out = Problems()
        left_out.record = record
        for message, where in documents(record, _decoder, _VALUES, left_out):
            try:
                found += self._samples(record, message, left_out)
            except DecodeError as error:
                if not where:
                    raise
                problem = error.problem()
                left_out.append(problem._replace(where=f"{where}{problem.where}"))
        return Decoded(found, left_out)

    def systems(self, record: Record) -> frozenset[str]:
        """Return the systems that `record` has values of.

        Raises
        ------
        DecodeError
            As `decode`, and if none of its parts can be used.
        """
        samples, problems = self.decode(record)
        if not samples:
            refuse(record, problems)
        return frozenset(part.system for part in samples)

    def _samples(self, record: Record, message: _Message, left_out: list[Problem]) -> list[Samples]:
        if not 0 < len(message.system) <= MAX_NAME:
            reason = f"1 to {MAX_NAME} characters expected, got {len(message.system)}"
            fail(record, reason, "system", "name")
        if (message.metrics is None) == (message.series is None):
            got = "neither" if message.metrics is None else "both"
            fail(record, f"either `metrics` (a row) or `series` (a batch) expected, got {got}")
        if message.metrics is None:
            return self._batch(record, message, left_out)
        return self._row(record, message, left_out)

    def _row(self, record: Record, message: _Message, left_out: list[Problem]) -> list[Samples]:
        if message.timestamp is None:
            reason = "unix seconds or RFC 3339 string expected, got nothing"
            fail(record, reason, "timestamp", "time")
        time = _time(record, message.timestamp, "timestamp")
        metrics = message.metrics
        if not metrics:
            return []
        names, kept, problems = self._columns(record, tuple(metrics), "metrics")
        values = np.array(list(metrics.values()), dtype=np.float64)
        if kept is not None:
            left_out += problems
            values = values[kept]
        self.extreme += drop_extreme(values)
        return [Samples(message.system, time, names, values)] if names else []

    def _batch(self, record: Record, message: _Message, left_out: list[Problem]) -> list[Samples]:
        series, stamps, rows = message.series, message.timestamps, message.values
        if series is None or stamps is None or rows is None:
            key = "timestamps" if stamps is None else "values"
            fail(record, "array expected, got nothing", key)
        names, kept, problems = self._columns(record, tuple(series), "series")
        times = [_time(record, t, f"timestamps[{i}]") for i, t in enumerate(stamps)]
        m, n = len(times), len(series)
        if isinstance(rows, bytes):
            values = _packed(record, rows, m, n)
        else:
            values = _listed(record, rows, m, n)
        if kept is not None:
            left_out += problems
            values = values[:, kept]
        if not values.size:
            return []
        self.extreme += drop_extreme(values)
        return [Samples(message.system, times[i], names, values[i]) for i in range(m)]

    def _columns(self, record: Record, names: tuple[str, ...], where: str) -> _Columns:
        """Return what is known of these names, checked when seen for the first time."""
        known = self._known.get(names)
        if known is not None:
            return known
        if len(names) > self._max_series:
            reason = f"at most {self._max_series} series expected, got {len(names)}"
            fail(record, reason, where, "limit")
        good: dict[str, int] = {}
        problems: list[Problem] = []
        for i, name in enumerate(names):
            reason = name_problem(name) or ("distinct names expected" if name in good else "")
            if reason:
                again = " again" if name in good else ""
                at = f"{where}[{i}]" if where == "series" else f"{where}.{printable(name)}"
                text = f"{reason}, got {show(name)}{again}"
                problems.append(Problem("name", printable(name), at, text))
            else:
                good[name] = i
        kept = np.array([*good.values()], dtype=np.intp) if problems else None
        self._known_names += len(names)
        if len(self._known) >= _KNOWN_TUPLES or self._known_names > _KNOWN_NAMES:
            self._known.clear()  # bounded memory under churn; the next message re-checks
            self._known_names = len(names)
        made = _Columns(tuple(good) if problems else names, kept, tuple(problems))
        self._known[names] = made
        return made


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
        reason = f"RFC 3339 time with its zone expected, got {show(raw)}"
        fail(record, reason, where, "time")
    problem = time_problem(time)
    if problem is not None:
        fail(record, problem, where, "time")
    return time
