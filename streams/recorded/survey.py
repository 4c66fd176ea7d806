"""One pass over the rows of a table: what only the whole of it tells."""

import hashlib
from array import array
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.recorded.problem import ProblemLog
from streams.recorded.table import RecordedTable, Row, increasing

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_BLOCK: Final = 256
_CUMULATIVE: Final = ("_total", "_count", "_sum")
# A cumulative series grows at least so often; under a name that no convention marks it grows in
# nearly every row, for levels that never fell while they were watched are common.
_LEAST_GROWTHS: Final = 8
_UNMARKED_SHARE: Final = 0.9
_GROWTHS_PER_RESET: Final = 16
# What falls without having been reset is no counter: after a reset it begins near zero.
_NEAR_ZERO: Final = 0.1


class Survey(NamedTuple):
    """What one pass over a table tells.

    Attributes
    ----------
    names : tuple of str, length n_series
        All series of the table.
    times : ndarray of shape (n_rows,), float64, unix seconds
    lines : ndarray of shape (n_rows,), int64
    present : ndarray of shape (n_series,), int64
        Number of values.
    low, high : ndarray of shape (n_series,), float64
        Range of the values; infinite where there are none.
    unread : ndarray of shape (n_series,), int64
        Most cells in a row that hold something that is no number.
    cumulative : ndarray of shape (n_series,), bool
        Whether it only grows, and begins anew near zero where it does not.
    digest : str
        Of names, times and values: equal for equal contents, wherever and however they are kept.
    """

    names: tuple[str, ...]
    times: Floats
    lines: Counts
    present: Counts
    low: Floats
    high: Floats
    unread: Counts
    cumulative: NDArray[np.bool_]
    digest: str


def survey(table: RecordedTable, log: ProblemLog) -> Survey:
    """Read a table to its end; what cannot be read goes to `log`."""
    names = table.columns.names
    n = len(names)
    times, lines = array("d"), array("q")
    present = np.zeros(n, dtype=np.int64)
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    run, unread = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    growth, digest = _Growth(n), hashlib.sha256("\n".join(names).encode())
    for rows in _blocks(increasing(table.rows(log), table.columns, log)):
        times.extend(row.time for row in rows)
        lines.extend(row.line for row in rows)
        values = np.array([row.values for row in rows]).reshape(len(rows), n)
        present += (~np.isnan(values)).sum(axis=0)
        np.fmin(low, np.fmin.reduce(values, axis=0), out=low)
        np.fmax(high, np.fmax.reduce(values, axis=0), out=high)
        growth.add(values)
        digest.update(np.array([row.time for row in rows]).tobytes() + values.tobytes())
        for row in rows:
            if row.unread or run.any():
                longer = run[list(row.unread)] + 1
                run[:] = 0
                run[list(row.unread)] = longer
                np.maximum(unread, run, out=unread)
    cumulative = growth.cumulative(names) & (low >= 0.0)
    ranges = (present, low, high)
    return Survey(
        names,
        np.array(times),
        np.array(lines),
        *ranges,
        unread,
        cumulative,
        digest.hexdigest(),
    )


def _blocks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    block: list[Row] = []
    for row in rows:
        block.append(row)
        if len(block) == _BLOCK:
            yield block
            block = []
    if block:
        yield block


class _Growth:
    """Counts how often each series grew and fell from one value to the next.

    Parameters
    ----------
    n : int
        Number of series.
    """

    def __init__(self, n: int) -> None:
        self._last = np.full(n, np.nan)
        self._steps = np.zeros(n, dtype=np.int64)
        self._grown = np.zeros(n, dtype=np.int64)
        self._resets = np.zeros(n, dtype=np.int64)
        self._fell = np.zeros(n, dtype=np.bool_)

    def add(self, values: Floats) -> None:
        """Take rows, shape (n_rows, n), NaN = missing."""
        rows = np.vstack([self._last, values])
        # The newest value up to each row.
        at = np.where(np.isnan(rows), 0, np.arange(len(rows))[:, None])
        filled = np.take_along_axis(rows, np.maximum.accumulate(at, axis=0), axis=0)
        before, after = filled[:-1], values
        step = after - before
        reset = (step < 0.0) & (after <= _NEAR_ZERO * before)
        self._steps += (~np.isnan(step)).sum(axis=0)
        self._grown += (step > 0.0).sum(axis=0)
        self._resets += reset.sum(axis=0)
        self._fell |= ((step < 0.0) & ~reset).any(axis=0)
        self._last = filled[-1]

    def cumulative(self, names: tuple[str, ...]) -> NDArray[np.bool_]:
        """Return which series behave as what is counted up."""
        marked = np.array([name.endswith(_CUMULATIVE) for name in names], dtype=np.bool_)
        often = marked | (self._grown >= _UNMARKED_SHARE * self._steps)
        seldom_reset = _GROWTHS_PER_RESET * self._resets <= self._grown
        return often & (self._grown >= _LEAST_GROWTHS) & seldom_reset & ~self._fell


class Rates:
    """Turns cumulative series into what they grow by a second; from a reset on, from zero.

    Parameters
    ----------
    cumulative : ndarray of shape (n_series,), bool
    """

    def __init__(self, cumulative: NDArray[np.bool_]) -> None:
        self._at = np.flatnonzero(cumulative)
        self._last = np.full(len(self._at), np.nan)
        self._times = np.full(len(self._at), np.nan)

    def apply(self, row: Row) -> Row:
        """Return a row with rates; they are missing in the first row, and where a value is."""
        if not len(self._at):
            return row
        counts = row.values[self._at]
        grown = counts - self._last
        grown = np.where(grown < 0.0, counts, grown)
        values = row.values.copy()
        values[self._at] = grown / (row.time - self._times)
        there = ~np.isnan(counts)
        self._last[there] = counts[there]
        self._times[there] = row.time
        return row._replace(values=values)
