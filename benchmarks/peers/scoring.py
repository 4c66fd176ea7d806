"""From scores by name to measures by data set; coral.evaluation.metrics does the counting."""

import math
from collections.abc import Collection, Mapping, Sequence
from math import comb

import numpy as np

from coral.evaluation.metrics import TOP, RankScores, break_ties, mean
from peers.case import entity_of

__all__ = ["MEASURES", "chance", "interval", "macro_interval", "ranking"]

MEASURES = ("ac@1", "ac@3", "avg@5", "mrr")
RESAMPLES = 2000
COVERAGE = (2.5, 97.5)


def ranking(scores: Mapping[str, float], truth: Collection[str]) -> list[str]:
    """Return the entities, best first: an entity is as suspicious as the worst of its metrics.

    Ties are broken against the method; what it gives no score (or NaN) is not ranked.
    """
    best: dict[str, float] = {}
    for name, score in scores.items():
        if not math.isnan(score):
            entity = entity_of(name)
            best[entity] = max(best.get(entity, -math.inf), score)
    # Levels instead of scores: any number is a score here, `break_ties` leaves out those <= 0.
    level = {score: i for i, score in enumerate(sorted(set(best.values())), start=1)}
    return break_ties(list(best), [level[score] for score in best.values()], truth)


def chance(entities: Collection[str], truth: Collection[str], *, any_of: bool) -> RankScores:
    """Return what a random order of the entities is expected to reach, exactly.

    Parameters
    ----------
    entities : collection of str
        Everything that can be ranked.
    truth : collection of str
    any_of : bool
    """
    n, true = len(entities), len(set(truth) & set(entities))
    ac = []
    for k in range(1, TOP + 1):
        if any_of:
            ac.append(1.0 - _none_among(k, n, true))
        else:
            ac.append(min(k, n) * true / n / min(k, len(truth)))
    # P(the first true one has rank r) is the difference of two P(none among the first).
    first = (_none_among(r - 1, n, true) - _none_among(r, n, true) for r in range(1, n + 1))
    mrr = sum(p / r for r, p in enumerate(first, start=1))
    return RankScores(ac[0], ac[2], ac[4], mean(ac), mrr)


def _none_among(k: int, n: int, true: int) -> float:
    """Return the probability that none of the true ones is among k drawn from n."""
    return comb(n - true, k) / comb(n, k) if k <= n else float(true == 0)


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean, resampling the cases."""
    return macro_interval([values], seed)


def macro_interval(groups: Sequence[Sequence[float]], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean of means, resampling inside each data set."""
    rng = np.random.default_rng(seed)
    means = np.zeros(RESAMPLES)
    for values in groups:
        x = np.asarray(values, dtype=np.float64)
        means += x[rng.integers(len(x), size=(RESAMPLES, len(x)))].mean(axis=1) / len(groups)
    low, high = np.percentile(means, COVERAGE)
    return round(float(low), 4), round(float(high), 4)
