"""Published detectors, swept over their thresholds, as rows of evidence.

Every peer gets the same: the warm-up of the recording to learn from, missing cells filled forward
(then with the mean of the warm-up), and series standardised by mean and standard deviation of the
warm-up (a constant series by its mean alone). Every peer returns, for each setting, the rows on
which it sees a change, a boolean array of shape (settings, rows).
"""

from collections.abc import Callable
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN
from scipy.stats import chi2, f

from detection.mssa import mssa
from detection.recordings import Run

__all__ = ["PEERS", "Peer", "prepare"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

EWMA_WEIGHT = 0.2
PCA_VARIANCE = 0.9
CUSUM_SLACK = 0.5
PH_DELTA, PH_ALPHA, PH_LEAST_ROWS = 0.005, 1.0 - 1e-4, 30


class Peer(NamedTuple):
    """A detector and the settings that its curve runs through, from eager to reluctant."""

    fire: Callable[[Floats, int, Floats], Bools]
    settings: Floats


def prepare(run: Run) -> Floats:
    """Return standardised series without gaps, shape (rows, series)."""
    x = run.x.copy()
    base = x[: run.warmup]
    known = ~np.isnan(x)
    newest = np.maximum.accumulate(np.where(known, np.arange(len(x))[:, None], -1), axis=0)
    filled = np.take_along_axis(x, np.maximum(newest, 0), axis=0)
    count = np.maximum(known[: run.warmup].sum(axis=0), 1)
    mean = np.nansum(base, axis=0) / count
    std = np.sqrt(np.nansum((base - mean) ** 2, axis=0) / count)
    std[std <= 1e-12 * np.abs(mean)] = 1.0
    return np.asarray((np.where(newest < 0, mean, filled) - mean) / std)


def ewma(z: Floats, warmup: int, limits: Floats) -> Bools:
    """Exponentially weighted mean of the largest |z|, over limits (Roberts 1959)."""
    del warmup
    largest = np.abs(z).max(axis=1)
    smooth, mean = np.empty(len(z)), float(largest[0])
    for t, value in enumerate(largest.tolist()):
        mean += EWMA_WEIGHT * (value - mean)
        smooth[t] = mean
    return smooth > limits[:, None]


def cusum(z: Floats, warmup: int, limits: Floats) -> Bools:
    """Cumulative sum of the largest |z|, reset where it fires (Page 1954)."""
    largest = np.abs(z).max(axis=1)
    base = largest[:warmup]
    score = (largest - base.mean()) / max(float(base.std()), 1e-12) - CUSUM_SLACK
    fired = np.zeros((len(limits), len(z)), dtype=bool)
    total = np.zeros(len(limits))
    for t, step in enumerate(score.tolist()):
        np.maximum(total + step, 0.0, out=total)
        above = total > limits
        fired[:, t] = above
        total[above] = 0.0
    return fired


def pca(z: Floats, warmup: int, limits: Floats) -> Bools:
    """T2 and Q of a principal-component model of the warm-up, limits by tail probability.

    T2 against F (Jackson 1959), Q against the chi-square of Box (1954) that has the mean and the
    variance of the warm-up's; a setting is -log10 of the probability that either needs.
    """
    base = z[:warmup]
    _, s, vt = np.linalg.svd(base - base.mean(axis=0), full_matrices=False)
    held = np.cumsum(s**2) / np.sum(s**2)
    rank = min(int(np.searchsorted(held, PCA_VARIANCE)) + 1, warmup - 2)
    scores = (z - base.mean(axis=0)) @ vt[:rank].T
    variance = s[:rank] ** 2 / (warmup - 1)
    t2 = np.sum(scores**2 / variance, axis=1)
    factor = rank * (warmup**2 - 1) / (warmup * (warmup - rank))
    q = np.maximum(np.sum((z - base.mean(axis=0)) ** 2, axis=1) - np.sum(scores**2, axis=1), 0.0)
    mean, spread = float(q[:warmup].mean()), float(q[:warmup].var())
    evidence = -f.logsf(t2 / factor, rank, warmup - rank)
    if mean > 0.0 and spread > 0.0:
        scale, freedom = spread / (2 * mean), 2 * mean**2 / spread
        evidence = np.maximum(evidence, -chi2.logsf(q / scale, freedom))
    return np.asarray(evidence / np.log(10.0) > limits[:, None])


def page_hinkley(z: Floats, warmup: int, limits: Floats) -> Bools:
    """Page-Hinkley of every series, any of them, both directions (Page 1954; river's variant).

    Written over all series and limits at once; the same as one ``river.drift.PageHinkley`` per
    series and limit, which is tested.
    """
    del warmup
    shape = (len(limits), z.shape[1])
    count, mean = np.zeros(shape), np.zeros(shape)
    up, down, lowest = np.zeros(shape), np.zeros(shape), np.full(shape, np.inf)
    highest = np.full(shape, -1.0)
    fired = np.zeros((len(limits), len(z)), dtype=bool)
    for t, row in enumerate(z):
        count += 1.0
        mean += (row - mean) / count
        deviation = row - mean
        up *= PH_ALPHA
        up += deviation - PH_DELTA
        down *= PH_ALPHA
        down += deviation + PH_DELTA
        np.minimum(lowest, up, out=lowest)
        np.maximum(highest, down, out=highest)
        change = (up - lowest > limits[:, None]) | (highest - down > limits[:, None])
        change &= count >= PH_LEAST_ROWS
        if change.any():
            fired[:, t] = change.any(axis=1)
            for values, start in ((count, 0.0), (mean, 0.0), (up, 0.0), (down, 0.0)):
                values[change] = start
            lowest[change], highest[change] = np.inf, -1.0
    return fired


def adwin(z: Floats, warmup: int, limits: Floats) -> Bools:
    """River's ADWIN of every series, any of them, checked on every row (Bifet, Gavalda 2007).

    A setting is -log10 of its delta.
    """
    del warmup
    fired = np.zeros((len(limits), len(z)), dtype=bool)
    for which, limit in enumerate(limits):
        for series in z.T.tolist():
            detector = ADWIN(delta=10.0**-limit, clock=1)
            for t, value in enumerate(series):
                detector.update(value)
                if detector.drift_detected:
                    fired[which, t] = True
    return fired


def clock(z: Floats, warmup: int, limits: Floats) -> Bools:
    """Return what knows nothing: an alarm every so many rows, from a random row on."""
    del warmup
    rows = np.arange(len(z))
    phase = np.random.default_rng(crc32(z.tobytes())).random(len(limits))
    period = np.round(limits).astype(np.int64)
    return np.asarray((rows + (phase * period).astype(np.int64)[:, None]) % period[:, None] == 0)


PEERS: dict[str, Peer] = {
    "PCA T2/Q": Peer(pca, np.geomspace(2.0, 3000.0, 24)),
    "EWMA of largest z": Peer(ewma, np.geomspace(2.0, 2000.0, 24)),
    "CUSUM of largest z": Peer(cusum, np.geomspace(4.0, 40_000.0, 24)),
    "Page-Hinkley, river": Peer(page_hinkley, np.geomspace(10.0, 100_000.0, 16)),
    "ADWIN, river": Peer(adwin, np.array([2.7, 8.0, 24.0, 72.0, 216.0])),
    "mSSA, paper": Peer(mssa, np.geomspace(1.0, 10_000.0, 12)),
    "blind clock": Peer(clock, np.geomspace(12.0, 100_000.0, 24)),
}
