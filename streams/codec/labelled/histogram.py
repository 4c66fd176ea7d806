"""Histograms: the increase between two points, and its quantiles."""

import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

import msgspec

MAX_BUCKETS: Final = 512
"""Most buckets of one histogram, or of one half of an exponential one."""


class Histogram(msgspec.Struct, frozen=True):
    """Observations counted in buckets, cumulative over the buckets.

    Parameters
    ----------
    count : float
        All observations.
    total : float or None
        Their sum, where it is known.
    bounds : tuple of float, length n
        Upper bounds of the buckets, finite, increasing.
    below : tuple of float, length n
        Observations at or below each bound, not decreasing; `count` of them are below infinity.
    geometric : bool
        Buckets of an exponential histogram: interpolate on a logarithmic scale.
    """

    count: float
    total: float | None
    bounds: tuple[float, ...]
    below: tuple[float, ...]
    geometric: bool = False


def from_buckets(
    count: float, total: float | None, bounds: Sequence[float], counts: Sequence[float]
) -> Histogram:
    """Return the histogram of an explicit layout.

    Parameters
    ----------
    count, total
        As in `Histogram`.
    bounds : sequence of float, length n
        Increasing.
    counts : sequence of float, length n + 1, or empty with `bounds` empty
        Observations in each bucket; the last has no upper bound.
    """
    below = tuple(itertools.accumulate(counts[: len(bounds)]))
    return Histogram(count, total, tuple(bounds), below)


def from_exponential(
    count: float,
    total: float | None,
    scale: int,
    zero: tuple[float, float],
    positive: tuple[int, Sequence[float]],
    negative: tuple[int, Sequence[float]],
) -> Histogram:
    """Return the histogram of an exponential layout (OpenTelemetry metrics data model).

    Bucket i of base ``b = 2 ** (2 ** -scale)`` holds ``(b ** i, b ** (i + 1)]``; of the negative
    ones ``[-b ** (i + 1), -b ** i)``.

    Parameters
    ----------
    count, total
        As in `Histogram`.
    scale : int
    zero : (float, float)
        Observations around zero, and how far around.
    positive, negative : (int, sequence of float)
        Index of the first bucket, and the observations in each.
    """
    width = 2.0**-scale
    bounds: list[float] = []
    counts: list[float] = []
    first, held = negative
    if held:
        # The lowest bound has nothing below it; bounds go up from there towards zero.
        bounds += [-_exp2((first + i) * width) for i in range(len(held), -1, -1)]
        counts += [0.0, *reversed(held)]
    first, held = positive
    bounds.append(zero[1])
    counts.append(zero[0])
    if held:
        start = _exp2(first * width)
        if start > zero[1]:
            bounds.append(start)
            counts.append(0.0)
        bounds += [_exp2((first + i + 1) * width) for i in range(len(held))]
        counts += held
    # Of bounds that meet (underflow, the threshold) the last is kept; an infinite one is none.
    merged = dict(zip(bounds, itertools.accumulate(counts), strict=True))
    finite = tuple(bound for bound in sorted(merged) if math.isfinite(bound))
    below = tuple(itertools.accumulate((merged[bound] for bound in finite), max))
    return Histogram(count, total, finite, below, geometric=True)


def increase(before: Histogram, now: Histogram) -> Histogram | None:
    """Return what was observed between two points of one cumulative histogram.

    If any count fell, the histogram was reset in between and all of `now` is new. Buckets of an
    exponential histogram may have grown wider: the common bounds are those of `now`. None if
    `before` has observations that cannot be told apart at these bounds.
    """
    below = [_below(before, bound) for bound in now.bounds]
    steps = [n - b for n, b in zip(now.below, below, strict=True) if b is not None]
    if len(steps) < len(below):
        return None
    if now.count < before.count or any(step < 0 for step in steps):
        return now
    total = None if now.total is None or before.total is None else now.total - before.total
    monotone = tuple(itertools.accumulate(steps, max))
    return Histogram(now.count - before.count, total, now.bounds, monotone, now.geometric)


def quantile(q: float, histogram: Histogram) -> float:
    """Return the q-quantile by interpolation within its bucket; NaN without observations.

    The rule is that of Prometheus' ``histogram_quantile``: linear within a bucket, from zero in
    the first one if its bound is positive; the highest finite bound if the quantile lies beyond
    it; on a logarithmic scale in the buckets of exponential histograms.
    """
    bounds, below = histogram.bounds, histogram.below
    if not bounds or not histogram.count > 0:
        return math.nan
    rank = q * histogram.count
    at = bisect_left(below, rank)
    if at == len(bounds):
        return bounds[-1]
    upper = bounds[at]
    if at == 0:
        if upper <= 0:
            return upper
        lower, under = 0.0, 0.0
    else:
        lower, under = bounds[at - 1], below[at - 1]
    inside = below[at] - under
    share = (rank - under) / inside if inside > 0 else 1.0
    if histogram.geometric and lower * upper > 0:
        return lower * math.pow(upper / lower, share)
    return lower + (upper - lower) * share


def _below(histogram: Histogram, bound: float) -> float | None:
    """Return the observations at or below a bound, None if some may lie on either side."""
    at = bisect_right(histogram.bounds, bound)
    lower = histogram.below[at - 1] if at else 0.0
    if at and histogram.bounds[at - 1] == bound:
        return lower
    upper = histogram.below[at] if at < len(histogram.bounds) else histogram.count
    return lower if lower == upper else None


def _exp2(exponent: float) -> float:
    try:
        return math.exp2(exponent)
    except OverflowError:
        return math.inf
