"""Innovation scores of every series: how little the one-step predictor of the base expects it.

A series is suspicious when it does what its own past and that of the others
do not predict, not merely when its level is unusual: what follows from another series is
predicted by it and keeps quiet.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from coral.baseline.cadence import longest_waits
from coral.baseline.counters import counters, increments
from coral.baseline.excursion import excursions
from coral.baseline.moving_means import largest_moving_means
from coral.baseline.one_step_predictor import OneStepPredictor
from coral.baseline.scaling import center_and_scale
from coral.localise._innovation_kernels import (
    BASE,
    LIMITS,
    RUNNING,
    accumulate_comovement,
    accumulate_innovation,
    bounded,
    mean_bounded,
    prediction_errors,
)
from coral.localise.layout import Layout
from coral.localise.policy import RANKING, RankingPolicy

__all__ = ["InnovationScorer", "InnovationScores"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

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
# The same, that older checkpoints lack: then a series has no history of its own.
_HISTORY = {
    "_counter": "counter",
    "_varied": "varied",
    "_outside_before": "outside_before",
    "_strayed": "_strayed",
    "_longest": "_longest",
    "_run": "_run",
    "_waited": "_waited",
}
_RUNNING = ("log_sum", "peak", "level_sum", "raw_sum", "count", "first")
_RUNNING_RECENT = ("recent_log_sum", "recent_peak", "woken")


class InnovationScores(NamedTuple):
    """What the rows since the onset say about every series; arrays of shape (n,)."""

    total: Floats  # combined innovation score, >= 0
    sustained: Floats  # mean log innovation and mean level above those of the base period, >= 0
    largest: Floats  # log of the largest innovation, >= 0
    level: Floats  # mean deviation of the level in units of the base period, signed
    after: Floats  # mean since the onset, raw units, NaN = no cell
    missing: Floats  # share of the due rows since the onset without a cell, above that of the base
    first: Ints  # first row outside of the base period's range, counted from the onset, -1 = none
    flag: Bools  # whether it is a flag that was set together with a health signal
    varied: Bools  # whether it had two values at least in the base period
    outside_before: Ints  # rows before the onset since it is outside of its earlier range, 0 = none


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
    between : ndarray of shape (m, n), float64, raw units, NaN = missing, or None
        Rows between the base period and the onset that were not learned, oldest first.

    Attributes
    ----------
    counter : ndarray of shape (n,), bool
        Series that are judged by how fast they grow; their center and scale are those of it.

    Notes
    -----
    Memory does not grow with the rows. What the base period never showed counts as rare as its rows
    can tell, odds of m + 2 after m rows, and little more: so on a short base the walk decides among
    those that are all further out than anything known. Multiplying a series by a positive factor
    changes nothing. A component without any request has no latency: a missing one is no innovation.
    """

    def __init__(
        self,
        base: Floats,
        adjacent: Bools,
        predictor: OneStepPredictor,
        layout: Layout,
        policy: RankingPolicy = RANKING,
        between: Floats | None = None,
    ) -> None:
        n = base.shape[1]
        self.rows = 0
        self.counter = counters(base, adjacent, policy.history)
        rows = base if between is None else np.vstack([base, between])
        self._previous = rows[-1].copy() if len(rows) else np.full(n, np.nan)
        if self.counter.any():
            rows = self._with_rates(rows, adjacent)
            base = rows[: len(base)]
            predictor = predictor.detached(self.counter, *center_and_scale(base, policy.scale))
        self._layout = layout
        self._predictor = predictor
        self._policy = policy
        self.center, self.scale = predictor.center, predictor.scale
        present = self._count_cells(base)
        deviations = base - self.center
        deviations /= self._unit
        sizes, largest = self._base_errors(base, deviations, adjacent)
        sigma = policy.sigma_floor + largest / policy.scale.range_units
        rarest = 1.0 / (present.astype(np.float64) + 2.0)
        self._limits = limits_of(policy)
        usual = np.empty(n)
        mean_bounded(sizes, sigma, rarest, policy.beyond_weight, usual)
        self._base_log = self._coverage * usual + (1.0 - self._coverage) * self._missingness
        self._base = np.zeros(n, dtype=BASE)
        self._base["center"], self._base["scale"] = self.center, self.scale
        self._base["sigma"] = sigma
        self._base["rarest"] = rarest
        past = excursions(rows, self.center, policy.history)
        self.varied, self.outside_before = past.varied, past.rows
        self._base["recent"] = self._in_units(past.level)
        self._strayed = largest_moving_means(deviations)
        self._running = np.zeros(n, dtype=RUNNING)
        self._running["first"] = -1
        self._running["woken"] = np.nan
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
            "_rarest": self._base["rarest"].copy(),
            "_recent": self._base["recent"].copy(),
            **{key: getattr(self, name).copy() for key, name in (_ARRAYS | _HISTORY).items()},
            **{f"_{name}": self._running[name].copy() for name in _RUNNING + _RUNNING_RECENT},
            "mechanism": self._predictor._asdict(),
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        self.rows = state["rows"]
        self._base["sigma"] = state["_sigma"]
        self._base["rarest"] = state.get("_rarest", 0.0)  # older checkpoints bound nothing
        known = _ARRAYS | {k: n for k, n in _HISTORY.items() if k in state}
        for key, name in known.items():
            dtype = getattr(self, name).dtype
            setattr(self, name, np.array(state[key], dtype=dtype, order="C"))
        for name in _RUNNING:
            self._running[name] = state[f"_{name}"]
        if "_recent" in state:
            self._base["recent"] = state["_recent"]
            for name in _RUNNING_RECENT:
                self._running[name] = state[f"_{name}"]
        # Older versions weighed the rows: the mean is the same with as many rows of weight one.
        self._running["log_sum"] *= self.rows / max(state["_weight"], 1e-300)

    def skip(self, x: Floats) -> None:
        """Take a row that counts for neither state: the next one follows it.

        Parameters
        ----------
        x : ndarray of shape (n,), float64, raw units, NaN = missing
        """
        self._previous = x

    def update(self, x: Floats, *, adjacent: bool) -> None:
        """Add one row after the onset.

        Parameters
        ----------
        x : ndarray of shape (n,), float64, raw units, NaN = missing
        adjacent : bool
            False after a gap: then nothing is predicted from the row before.
        """
        missingness = np.where(self._waits(x), 0.0, self._missingness_in(x))
        previous = self._previous if adjacent else np.full_like(x, np.nan)
        self._previous = x
        if self.counter.any():
            # After a gap nobody knows how much it grew: that is no missing cell.
            missingness = np.where(np.isfinite(x), 0.0, missingness)
            x = np.where(self.counter, increments(x, previous), x)
        accumulate_innovation(
            x,
            self._predictor.predict(previous, self._policy.scale),
            missingness,
            self._base,
            self._running,
            self.rows,
            self._limits,
        )
        accumulate_comovement(self._running, self._left, self._right, self._products, self._squares)
        self.rows += 1

    @property
    def scores(self) -> InnovationScores:
        """Scores so far; zeros for a series without a cell since the onset or in the base."""
        running = self._running
        seen = (running["count"] > 0) & self.known
        count = np.maximum(running["count"], 1)
        share = running["count"] / self._due
        missing = np.maximum(self._coverage - share, 0.0) * (self._waited < self.rows)
        sustained = self._sustained("log_sum", 0.0)
        largest = np.where(seen, self._bounded(running["peak"]), 0.0)
        return InnovationScores(
            total=self._total(seen, sustained, largest),
            sustained=sustained,
            largest=largest,
            level=np.where(seen, running["level_sum"] / count, 0.0),
            after=np.where(running["count"] > 0, running["raw_sum"] / count, np.nan),
            missing=missing,
            first=running["first"].copy(),
            flag=self._flags(),
            varied=self.varied,
            outside_before=self.outside_before,
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

    def _bounded(self, size: Floats) -> Floats:
        """See `bounded`: (n,)."""
        logarithm: Floats = bounded(size, self._base["rarest"], self._policy.beyond_weight)
        return logarithm

    def _sustained(self, log_sum: str, usual: Floats | float) -> Floats:
        """Mean log innovation and mean level above those of the base period: (n,), >= 0.

        The less the predictor knows about rows that it was not fitted to, the more the level
        counts: how far from `usual` (units) the mean since the onset is, held against the means
        over as many rows of the base period (half of its rows at most).
        """
        mean = self._running[log_sum] / self._due - self._base_log
        innovation = np.where(self.known, np.maximum(mean, 0.0), 0.0)
        count = self._running["count"]
        away = np.abs(self._running["level_sum"] / np.maximum(count, 1) - usual)
        strayed = self._strayed[min(max(self.rows, 1).bit_length(), len(self._strayed)) - 1]
        policy, leverage = self._policy, self._predictor.leverage
        level = self._bounded(away / (policy.sigma_floor + strayed / policy.scale.range_units))
        level = np.where(self.known & (count > 0), np.maximum(level - policy.usual_level, 0.0), 0.0)
        return (1.0 - leverage) * innovation + leverage * level

    def _total(self, seen: Bools, sustained: Floats, largest: Floats) -> Floats:
        """Combine the scores: (n,), >= 0; less for what was outside before, and stayed there."""
        policy = self._policy

        def combined(mean: Floats, peak: Floats) -> Floats:
            return policy.sustained_weight * mean + policy.largest_weight * peak

        log_total = combined(sustained, largest)
        recent = self._bounded(self._running["recent_peak"])
        peak = np.where(seen, recent, 0.0)
        still = ~np.isnan(self._base["recent"])
        level = np.where(still, self._base["recent"], 0.0)
        recently = combined(self._sustained("recent_log_sum", level), peak)
        old = np.where(still, np.maximum(log_total - recently, 0.0), 0.0)
        return np.expm1(log_total - policy.recent_weight * old)

    def _count_cells(self, base: Floats) -> Ints:
        """Learn how often each series has a value when one is due; return how many it has: (n,)."""
        present: Ints = np.isfinite(base).sum(axis=0)
        self.known = present > 0
        # Of a series that is slower than the grid only those cells count that are due.
        self._longest = longest_waits(base)
        self._run = np.zeros_like(self._longest)  # newest rows without a value
        self._waited = np.zeros_like(self._longest)  # rows since the onset in which none was due
        due = np.where(self._longest > 0, present, len(base))
        self._coverage = present / np.maximum(due, 1)
        odds = log_odds(present, due)
        self._missingness = np.where(self.known, self._policy.missing_weight * odds, 0.0)
        return present

    def _flags(self) -> Bools:
        """Which series are flags that were set together with a health signal: (n,).

        Always zero in the base period and one other value since, first within a row of the first
        one in which a health signal left its range: an alarm lamp, an error state, a burn rate.
        """
        first, healthy = self._running["first"], self._layout.healthy
        moved = first[self._layout.health_series]
        moments = moved[moved >= 0]
        set_once = self.known & (self.scale == 0.0) & np.isfinite(self._running["woken"])
        together = (np.abs(first[:, None] - moments) <= 1).any(axis=1) & (first >= 0)
        flags: Bools = set_once & together & (healthy <= 0)
        return flags

    def _with_rates(self, rows: Floats, adjacent: Bools) -> Floats:
        """Return rows with what counters grew by: unknown in the first one and after a gap.

        Rows behind those that `adjacent` is about follow each other.
        """
        before = np.full_like(rows, np.nan)
        before[1:] = rows[:-1]
        before[: len(adjacent)][~adjacent] = np.nan
        return np.where(self.counter, increments(rows, before), rows)

    @property
    def _unit(self) -> Floats:
        """Scale, 1 where none is known: (n,), raw units."""
        return np.where(self.scale > 0.0, self.scale, 1.0)

    def _in_units(self, level: Floats) -> Floats:
        """Levels as the kernel has them: in units, cut, and a waking series by its direction."""
        clip, waking = self._policy.scale.clip_units, self._policy.waking_units
        deviation = level - self.center
        units: Floats = np.clip(deviation / self._unit, -clip, clip)
        return np.where(self.scale > 0.0, units, waking * np.sign(deviation))

    @property
    def _due(self) -> Ints:
        """Rows since the onset in which each series was due, at least 1: (n,)."""
        return np.maximum(self.rows - self._waited, 1)

    def _waits(self, x: Floats) -> Bools:
        """Note one row; return which series are missing in it because they are not due."""
        self._run = np.where(np.isfinite(x), 0, self._run + 1)
        waits: Bools = (self._run > 0) & (self._run <= self._longest)
        self._waited += waits
        return waits

    def _missingness_in(self, x: Floats) -> Floats:
        """Score of a missing cell in this row, per series."""
        present = np.isfinite(x)
        if present.all():
            return self._missingness
        # A row without any cell is a gap in the collection, not one of all series.
        if not present.any():
            return np.zeros_like(x)
        return np.where(self._layout.idle(x), 0.0, self._missingness)

    def _base_errors(
        self, base: Floats, deviations: Floats, adjacent: Bools
    ) -> tuple[Floats, Floats]:
        """Sizes of the innovations of the base rows in units, and the largest of each series.

        NaN = missing; the first row has none. None of their deviations is large enough to be cut:
        the unit is that of the largest.
        """
        largest = np.zeros(base.shape[1])
        if len(deviations) < 2:
            return deviations[:0], largest
        previous = deviations[:-1]
        known = adjacent[1:, None] & ~np.isnan(previous)
        if not known.all():
            previous = np.where(known, previous, 0.0)
        sizes = self._predictor.ahead(previous)
        prediction_errors(base, self.center, self._unit, sizes, largest)
        return sizes, largest


def limits_of(policy: RankingPolicy) -> NDArray[np.void]:
    """Return the numbers that the kernel has for all series: shape (1,) of `LIMITS`."""
    scale = policy.scale
    limits = np.zeros(1, dtype=LIMITS)
    limits["waking"], limits["beyond"] = policy.waking_units, policy.beyond_weight
    limits["learned"], limits["clip"] = scale.learned_units, scale.clip_units
    limits["outside"] = scale.range_units
    return limits


def log_odds(present: Ints, rows: Ints) -> Floats:
    """Logarithm of one plus the odds that a series has a value in a row: (n,), >= 0.

    `present` of `rows` rows had one; a row with and one without are mixed in.
    """
    odds: Floats = np.log1p((present + 1.0) / (rows - present + 1.0))
    return odds
