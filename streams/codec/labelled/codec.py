"""What all formats with labels share: limits, names, rates and the combination of replicas."""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any, TypeAlias

import msgspec

from streams.codec.faults import Problems, fail, refuse
from streams.codec.labelled.mapping import Namer, SeriesMapping
from streams.codec.labelled.reducer import Reading, Reducer
from streams.codec.payload import opened
from streams.grid import Grid
from streams.records import EMPTY, Decoded, Problem, Record

Parser: TypeAlias = Callable[[Record, Namer, list[Problem]], Iterable[Reading]]
"""Record to readings; parts that cannot be used go to the list, each with its place and rule."""


class CodecLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How large a message may be, and how many series are followed.

    Parameters
    ----------
    max_bytes : int
        Longest payload looked at.
    max_points : int
        Most values in one message.
    max_labels : int
        Most labels of one series.
    max_series : int
        Most series, and most sources of series, followed in one system.
    max_systems : int
        Most systems followed.
    """

    max_bytes: int = 8 << 20
    max_points: int = 20_000
    max_labels: int = 64
    max_series: int = 20_000
    max_systems: int = 1000


class LabelledCodec:
    """Decoder of a format whose series have labels; one for each topic.

    Unlike the native format these need memory: a rate needs the point before, a sum the other
    replicas. It is kept by system and goes into the checkpoint with the aligners.

    Parameters
    ----------
    parse : callable
        A `Parser`; raises `DecodeError` and nothing else.
    mapping : SeriesMapping
    grid : callable
        System id to its grid.
    limits : CodecLimits, optional

    Examples
    --------
    >>> from streams.codec import make_codec
    >>> codec = make_codec("influx", grid=lambda system: Grid(10.0))
    >>> line = b"cpu,host=web1 usage_idle=98.1 1700000000000000000"
    >>> (samples,), problems = codec.decode(Record("metrics", 0, 7, None, line))
    >>> samples.system, samples.names, samples.values.tolist()
    ('metrics', ('web1:cpu.usage_idle',), [98.1])
    """

    def __init__(
        self,
        parse: Parser,
        mapping: SeriesMapping,
        grid: Callable[[str], Grid],
        limits: CodecLimits | None = None,
    ) -> None:
        self._parse = parse
        limits = limits or CodecLimits()
        self._max_bytes, self._max_points = limits.max_bytes, limits.max_points
        self._namer = Namer(mapping, limits.max_labels)
        self._reducer = Reducer(grid, limits.max_series, limits.max_systems)

    @property
    def extreme(self) -> int:
        """Values so far that were no finite numbers within +-1e100 and became missing."""
        return self._reducer.extreme

    def decode(self, record: Record) -> Decoded:
        """Return what follows from `record`: new samples, and the parts that could not be used.

        Raises
        ------
        DecodeError
            If nothing in the payload can be read; no other exception for any bytes.
        """
        readings, problems = self._read(record)
        samples = self._reducer.reduce(readings)
        if self._reducer.noticed:
            problems += self._reducer.noticed
            self._reducer.noticed = []
        return Decoded(samples, problems)

    def systems(self, record: Record) -> frozenset[str]:
        """Return the systems that `record` has values of; remembers none of them.

        Raises
        ------
        DecodeError
            As `decode`, and if none of its parts can be used.
        """
        readings, problems = self._read(record)
        if not readings:
            refuse(record, problems)
        return frozenset(reading.series.system for reading in readings)

    def _read(self, record: Record) -> tuple[list[Reading], list[Problem]]:
        held = opened(record, self._max_bytes)
        if held is None:
            return [], [EMPTY]
        most = self._max_points
        problems = Problems()
        problems.record = held
        readings = list(islice(self._parse(held, self._namer, problems), most + 1))
        if len(readings) > most:
            fail(record, f"at most {most} values expected, got more", kind="limit")
        return readings, problems

    def forget(self, systems: AbstractSet[str]) -> None:
        """Drop the state of systems that went to another member of the group."""
        self._reducer.forget(systems)
        self._namer.jobs.forget(frozenset(systems))

    def state_dict(self) -> dict[str, Any]:
        """Return the state by system as plain values, to go into a checkpoint."""
        held, jobs = self._reducer.state_dict(), self._namer.jobs
        jobs.keep(held.keys())
        return {system: state | {"jobs": jobs.state(system)} for system, state in held.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned; mapping and grids must be those of then."""
        self._reducer.load_state_dict(state)
        for system, held in state.items():
            # What earlier versions wrote has none.
            self._namer.jobs.load(system, held.get("jobs", []))
