"""Textbook twins of `coral.localise`: plain loops, nothing fast."""

import math
import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from typed import FloatArray


def innovation(
    x: FloatArray,
    predicted: FloatArray,
    center: FloatArray,
    scale: FloatArray,
    sigma: FloatArray,
    recent: FloatArray,
    rows: FloatArray,
    silence: FloatArray,
    waking: float,
    learned: float,
    beyond: float,
    row: int,
    state: list[dict[str, Any]],
) -> list[float]:
    """Add one row to the evidence; `state` is a list of dicts, one per series."""
    deviation = []
    for j, value in enumerate(x):
        if math.isnan(value):
            deviation.append(math.nan)
            state[j]["log"] += silence[j]
            state[j]["recent_log"] += silence[j]
            if state[j]["first"] < 0 and silence[j] > math.log(4):
                state[j]["first"] = row
            continue
        if scale[j] > 0:
            z = max(-1000.0, min(1000.0, (value - center[j]) / scale[j]))
            u = min(abs(z - (predicted[j] - center[j]) / scale[j]), learned + abs(z))
        else:
            z = 0.0 if value == center[j] else math.copysign(waking, value - center[j])
            u = abs(z)
        s = state[j]
        s["log"] += bounded(u / sigma[j], rows[j], beyond)
        s["peak"] = max(s["peak"], u)
        v = u if math.isnan(recent[j]) else abs(z - recent[j])
        s["recent_log"] += bounded(v / sigma[j], rows[j], beyond)
        s["recent_peak"] = max(s["recent_peak"], v)
        if scale[j] <= 0 and value != center[j]:
            s["woken"].add(value)
        s["level"] += z
        s["raw"] += value
        s["count"] += 1
        if s["first"] < 0 and u > 3 * sigma[j]:
            s["first"] = row
        deviation.append(math.copysign(math.log(1 + abs(z)), z) if z else 0.0)
    return deviation


def bounded(size: float, rows: float, beyond: float) -> float:
    """Log odds of a size: in full as far as `rows` rows can tell odds of, a share of the rest."""
    odds, known = 1 + size, rows + 2
    told = odds * known / (known + size)  # between the two: odds where rows are many
    return math.log(told) + beyond * (math.log(odds) - math.log(told))


def cosine(a: Iterable[float], b: Iterable[float]) -> float:
    """Cosine of two rows of deviations over the entries that both have, floored at 0."""
    both = [(p, q) for p, q in zip(a, b, strict=True) if not (math.isnan(p) or math.isnan(q))]
    top = sum(p * q for p, q in both)
    bottom = math.sqrt(sum(p * p for p, _ in both) * sum(q * q for _, q in both))
    return max(0.0, top / bottom) if bottom > 0 else 0.0


def center_and_scale(base: FloatArray) -> tuple[list[float], list[float]]:
    """Median and unit of every column."""
    centers, scales = [], []
    for column in np.asarray(base).T:
        seen = sorted(v for v in column if not math.isnan(v))
        if not seen:
            centers.append(0.0)
            scales.append(0.0)
            continue
        half = len(seen) // 2
        median = seen[half] if len(seen) % 2 else (seen[half - 1] + seen[half]) / 2
        centers.append(median)
        largest = max(abs(v - median) for v in seen)
        scales.append(largest / 3 * (1 + 30 / len(seen)) + 0.03 * abs(median))
    return centers, scales


def walk(
    explained: FloatArray, evidence: Sequence[float], kpi: Sequence[float], walks: int, seed: int
) -> list[float]:
    """Simulate the absorbing walk: the share of walks that stop at each entity."""
    chance = random.Random(seed)
    n = len(evidence)
    stopped = [0] * n
    for _ in range(walks):
        if any(kpi) and chance.random() < 0.5:
            i = chance.choices(range(n), weights=kpi)[0]
        else:
            i = chance.choices(range(n), weights=evidence)[0]
        while True:
            weight = [float(explained[i][j] * evidence[j]) for j in range(n)]
            move = 0.95 * max(explained[i]) if sum(weight) > 0 else 0.0
            if chance.random() >= move:
                stopped[i] += 1
                break
            if chance.random() >= 0.98:  # damped: the walk is lost
                break
            i = chance.choices(range(n), weights=weight)[0]
    return [count / walks for count in stopped]


def together(
    pairs: Sequence[tuple[int, int]],
    relations: int,
    comovement: Sequence[float],
    evidence: Sequence[float],
) -> list[float]:
    """Share of every relation's effect that moves with its cause; pairs: (relation, effect)."""
    shares = []
    for relation in range(relations):
        mine = [k for k, (of, _) in enumerate(pairs) if of == relation]
        total = sum(evidence[pairs[k][1]] for k in mine)
        moved = sum(evidence[pairs[k][1]] * comovement[k] for k in mine)
        shares.append(moved / total if total else 0.0)
    return shares


def rank_biased_overlap(a: Sequence[object], b: Sequence[object], depth: int, p: float) -> float:
    """Truncated, normalised rank-biased overlap by its definition."""
    top = bottom = 0.0
    for d in range(1, depth + 1):
        agreement = len(set(a[:d]).intersection(b[:d])) / d
        top += p ** (d - 1) * agreement
        bottom += p ** (d - 1)
    return top / bottom


def excursion(rows: Sequence[float], center: float) -> tuple[float, int, bool]:
    """Level just before the onset, rows since it is there, whether the series varied before.

    NaN and 0 where the level had been seen before. `rows` of one series, oldest first.
    """
    newest = sorted(value for value in rows[-5:] if not math.isnan(value))
    since, level = 0, math.nan
    if len(rows) > 5 and newest:
        half = len(newest) // 2
        middle = newest[half] if len(newest) % 2 else (newest[half - 1] + newest[half]) / 2
        far = abs(middle - center)
        way = [math.copysign(1.0, middle - center) * (value - center) for value in rows]
        back = [row for row, value in enumerate(way) if value < far / 2]
        if far > 0 and back and all(math.isnan(v) or v < far for v in way[: back[-1] + 1]):
            since, level = len(rows) - 1 - back[-1], middle
    before = {value for value in rows[: len(rows) - since] if not math.isnan(value)}
    return level, since, len(before) > 1


def is_counter(rows: Sequence[float], adjacent: Sequence[bool]) -> bool:
    """Whether one series grows in half of its changes, 8 at least, and 16 times a fall to zero.

    Near zero: a fall leaves a tenth at most.
    """
    changes = [
        b - a for a, b, follows in zip(rows, rows[1:], adjacent[1:], strict=False) if follows
    ]
    known = [change for change in changes if not math.isnan(change)]
    grown, fallen = sum(c > 0 for c in known), sum(c < 0 for c in known)
    often = grown >= max(8, len(known) / 2) and 16 * fallen <= grown
    pairs = zip(rows, rows[1:], adjacent[1:], strict=False)
    partial = any(follows and a > b > 0.1 * a for a, b, follows in pairs)
    return often and not partial and not any(value < 0 for value in rows)
