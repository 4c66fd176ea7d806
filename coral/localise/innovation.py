"""Innovation scores of every series: how little the one-step predictor of the base expects it.

A series is suspicious when it does what its own past and that of the others
do not predict, not merely when its level is unusual: what follows from another series is
predicted by it and keeps quiet.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from coral.baseline.one_step_predictor import OneStepPredictor
from coral.baseline.scaling import column_max
from coral.localise._innovation_kernels import (
    BASE,
    RUNNING,
    accumulate_comovement,
    accumulate_innovation,
)
from coral.localise.layout import Layout
from coral.localise.policy import RANKING, RankingPolicy

__all__ = ["InnovationScorer", "InnovationScores"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Attributes by their names in a checkpoint: arrays, the columns of `_base` and of `_running`.
_ARRAYS = {
    "known": "known",
    "_coverage": "_coverage",
    "_silence": "_missingness",
    "_base_log": "_base_log",
    "_previous": "_previous",
    "_products": "_products",
    "_squares": "_squares",
}
_RUNNING = ("log_sum", "peak", "level_sum", "raw_sum", "count", "first")


class InnovationScores(NamedTuple):
    """What the rows since the onset say about every series; arrays of shape (n,)."""

    total: Floats  # combined innovation score, >= 0
    sustained: Floats  # mean log innovation above that of the base period, >= 0
    largest: Floats  # log of the largest innovation, >= 0
    level: Floats  # mean deviation of the level in units of the base period, signed
    after: Floats  # mean since the onset, raw units, NaN = no cell
    missing: Floats  # share of the rows since the onset without a cell, above that of the base
    first: Ints  # first row outside of the base period's range, counted from the onset, -1 = none


class InnovationScorer:
    """Running innovation scores since an onset against a base period.

    Parameters
    ----------
    base : ndarray of shape (rows, n), float64, raw units, NaN = missing
        Rows of normal state before the onset, oldest first.
    adjacent : ndarray of shape (rows,), bool
        Whether a row directly follows the one before it on the grid.
    predictor : OneStepPredictor
        Its center and scale are those of the base: the median was taken there.
    layout : Layout
        Of its series; says whose joint movement is followed and whose load is on whom.
    policy : RankingPolicy

    Notes
    -----
    Memory does not grow with the rows. Multiplying a series by a positive factor changes nothing.
    A component without any request has no latency: a missing one is no innovation.
    """

    def __init__(
        self,
        base: Floats,
        adjacent: NDArray[np.bool_],
        predictor: OneStepPredictor,
        layout: Layout,
        policy: RankingPolicy = RANKING,
    ) -> None:
        n = base.shape[1]
        self.rows = 0
        self._layout = layout
        self._predictor = predictor
        self._policy = policy
        self.center, self.scale = predictor.center, predictor.scale
        present = np.isfinite(base).sum(axis=0)
        self.known = present > 0
        self._coverage = present / max(len(base), 1)
        odds = log_odds(present, len(base))
        self._missingness = np.where(self.known, policy.missing_weight * odds, 0.0)
        innovation = self._base_innovation(base, adjacent)
        range_units = policy.scale.range_units
        sigma = policy.sigma_floor + column_max(np.abs(innovation)) / range_units
        usual = _column_mean(np.log1p(np.abs(innovation) / sigma))
        self._base_log = self._coverage * usual + (1.0 - self._coverage) * self._missingness
        self._previous = base[-1].copy() if len(base) else np.full(n, np.nan)
        self._base = np.zeros(n, dtype=BASE)
        self._base["center"], self._base["scale"] = self.center, self.scale
        self._base["sigma"] = sigma
        self._running = np.zeros(n, dtype=RUNNING)
        self._running["first"] = -1
        self._outside = math.log1p(range_units)
        self._left = np.ascontiguousarray(layout.pairs[:, 0])
        self._right = np.ascontiguousarray(layout.pairs[:, 1])
        self._products = np.zeros(len(layout.pairs))
        self._squares = np.zeros((len(layout.pairs), 2))

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any], layout: Layout, policy: RankingPolicy = RANKING
    ) -> Self:
        """Continue from what `state_dict` returned; `layout` is that of then.

        Raises
        ------
        KeyError
            If an entry is missing.
        """
        predictor = OneStepPredictor(**state["mechanism"])
        n = len(predictor.center)
        scorer = cls(np.empty((0, n)), np.empty(0, dtype=np.bool_), predictor, layout, policy)
        scorer._load(state)
        return scorer

    def state_dict(self) -> dict[str, Any]:
        """Return the sums so far and the predictor that rows are judged by, for the checkpoint."""
        return {
            "rows": self.rows,
            "_weight": float(self.rows),
            "_sigma": self._base["sigma"].copy(),
            **{key: getattr(self, name).copy() for key, name in _ARRAYS.items()},
            **{f"_{name}": self._running[name].copy() for name in _RUNNING},
            "mechanism": self._predictor._asdict(),
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        self.rows = state["rows"]
        self._base["sigma"] = state["_sigma"]
        for key, name in _ARRAYS.items():
            dtype = getattr(self, name).dtype
            setattr(self, name, np.array(state[key], dtype=dtype, order="C"))
        for name in _RUNNING:
            self._running[name] = state[f"_{name}"]
        # Older versions weighed the rows: the mean is the same with as many rows of weight one.
        self._running["log_sum"] *= self.rows / max(state["_weight"], 1e-300)

    def update(self, x: Floats, *, adjacent: bool) -> None:
        """Add one row after the onset.

        Parameters
        ----------
        x : ndarray of shape (n,), float64, raw units, NaN = missing
        adjacent : bool
            False after a gap: then nothing is predicted from the row before.
        """
        scale = self._policy.scale
        previous = self._previous if adjacent else np.full_like(x, np.nan)
        accumulate_innovation(
            x,
            self._predictor.predict(previous, scale),
            self._missingness_in(x),
            self._base,
            self._running,
            self.rows,
            self._policy.waking_units,
            scale.learned_units,
            scale.clip_units,
            self._outside,
        )
        accumulate_comovement(self._running, self._left, self._right, self._products, self._squares)
        self._previous = x
        self.rows += 1

    @property
    def scores(self) -> InnovationScores:
        """Scores so far; zeros for a series without a cell since the onset or in the base."""
        running, policy = self._running, self._policy
        seen = (running["count"] > 0) & self.known
        count = np.maximum(running["count"], 1)
        rows = max(self.rows, 1)
        mean_log = running["log_sum"] / rows - self._base_log
        sustained = np.where(self.known, np.maximum(mean_log, 0.0), 0.0)
        missing = np.maximum(self._coverage - running["count"] / rows, 0.0) * min(self.rows, 1)
        largest = np.where(seen, np.log1p(running["peak"]), 0.0)
        return InnovationScores(
            total=np.expm1(policy.sustained_weight * sustained + policy.largest_weight * largest),
            sustained=sustained,
            largest=largest,
            level=np.where(seen, running["level_sum"] / count, 0.0),
            after=np.where(running["count"] > 0, running["raw_sum"] / count, np.nan),
            missing=missing,
            first=running["first"].copy(),
        )

    @property
    def comovement(self) -> Floats:
        """Similarity of direction of every pair since the onset: (n_pairs,), 0 .. 1.

        Cosine of the signed-logarithmic deviations from the base period, floored at zero.
        """
        norm = np.sqrt(self._squares[:, 0] * self._squares[:, 1])
        safe = np.where(norm > 0.0, norm, 1.0)
        cosine: Floats = np.clip(np.where(norm > 0.0, self._products / safe, 0.0), 0.0, 1.0)
        return cosine

    def _missingness_in(self, x: Floats) -> Floats:
        """Score of a missing cell in this row, per series."""
        present = np.isfinite(x)
        if present.all():
            return self._missingness
        # A row without any cell is a gap in the collection, not one of all series.
        if not present.any():
            return np.zeros_like(x)
        return np.where(self._layout.idle(x), 0.0, self._missingness)

    def _base_innovation(self, base: Floats, adjacent: NDArray[np.bool_]) -> Floats:
        """Innovations of the base rows in units, NaN = missing; the first row has none."""
        if len(base) < 2:
            return np.zeros_like(base)
        previous = np.where(adjacent[1:, None], base[:-1], np.nan)
        unit = np.where(self.scale > 0.0, self.scale, 1.0)
        return (base[1:] - self._predictor.predict(previous, self._policy.scale)) / unit


def log_odds(present: Ints, rows: int) -> Floats:
    """Logarithm of one plus the odds that a series has a value in a row: (n,), >= 0.

    `present` of `rows` rows had one; a row with and one without are mixed in.
    """
    odds: Floats = np.log1p((present + 1.0) / (rows - present + 1.0))
    return odds


def _column_mean(values: Floats) -> Floats:
    count = np.isfinite(values).sum(axis=0)
    total = np.where(np.isfinite(values), values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), 0.0)
