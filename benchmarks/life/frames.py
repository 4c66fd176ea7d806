"""How measurements arrive: samples of three collectors, one of them late or wrong at times."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from life.series import EPOCH, Collector, Column
from life.world import SYSTEM, World
from streams.records import Samples

__all__ = ["matrix_of", "samples"]

Floats = NDArray[np.float64]

GAPS_A_DAY, GAP_ROWS = 0.5, 4  # scrapes that nobody made
LATE_S = 0.25  # of the other collectors, within a tick


def samples(world: World, columns: list[Column]) -> Iterator[Samples]:
    """Yield what collectors send, in the order of its arrival."""
    collectors: tuple[Collector, ...] = ("services", "nodes", "jobs")
    rows = [_rows(world, [c for c in columns if c.collector == name]) for name in collectors]
    late, ahead = (_during(world, kind) for kind in ("late collector", "clock step"))
    silent = _gaps(world)
    held: Samples | None = None
    for t, parts in enumerate(zip(*rows, strict=True)):
        if silent[t]:
            continue
        now = EPOCH + float(world.times[t])
        for k, (names, values) in enumerate(parts):
            if not names:
                continue
            # Of the nodes: a clock that is ahead, and what is sent one interval later.
            wrong = world.interval_s if k == 1 and ahead[t] else 0.0
            sent = Samples(SYSTEM, now + wrong + (LATE_S if k else 0.0), names, values)
            if k == 1 and held is not None:
                yield held
                held = None
            if k == 1 and late[t]:
                held = sent
            else:
                yield sent


def matrix_of(columns: list[Column], names: tuple[str, ...], rows: int) -> Floats:
    """Return the values of series of a whole life, NaN where they are missing."""
    by_name = {column.name: column for column in columns}
    values = np.full((rows, len(names)), np.nan)
    for j, name in enumerate(names):
        column = by_name[name]
        values[column.first : column.last, j] = column.values
    return values


def _rows(world: World, columns: list[Column]) -> Iterator[tuple[tuple[str, ...], Floats]]:
    """Yield names and values of every row; names are one object while they stay the same."""
    rows = len(world.times)
    borders = sorted({0, rows, *(c.first for c in columns), *(c.last for c in columns)})
    order = sorted(columns, key=lambda c: c.first)
    alive: list[Column] = []
    for first, last in pairwise(borders):
        alive = [c for c in alive if c.last > first]
        while order and order[0].first <= first:
            if order[0].last > first:
                alive.append(order[0])
            del order[0]
        names = tuple(c.name for c in alive)
        block = np.empty((last - first, len(alive)))
        for j, c in enumerate(alive):
            block[:, j] = c.values[first - c.first : last - c.first]
        for values in block:
            yield names, values


def _during(world: World, kind: str) -> NDArray[np.bool_]:
    """Return the rows of benign events of a kind."""
    inside = np.zeros(len(world.times), dtype=np.bool_)
    for event in world.benign:
        if event.kind == kind:
            inside |= (world.times >= event.start) & (world.times < event.end)
    return inside


def _gaps(world: World) -> NDArray[np.bool_]:
    rng, silent = world.rng(11), np.zeros(len(world.times), dtype=np.bool_)
    days = world.times[-1] / 86_400.0
    for row in rng.integers(len(silent), size=rng.poisson(GAPS_A_DAY * days)):
        silent[row : row + int(rng.integers(1, GAP_ROWS))] = True
    return silent
