"""Evidence of every series: innovation surprise under the state-invariant mechanism.

A series is suspicious when it does what its own past and that of the others
do not predict, not merely when its level is unusual: what follows from another series is
predicted by it and keeps quiet.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from coral.baseline.one_step_predictor import OneStepPredictor
from coral.baseline.scaling import LEARNED_UNITS, RANGE_UNITS, column_max
from coral.localise._evidence_kernels import accumulate_comovement, accumulate_innovation
from coral.localise.layout import Layout
from detectors.base import Stateful

__all__ = ["Evidence", "Surprise"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Added to every innovation scale, in units: a series that was predicted perfectly for a short
# time is not known to be predictable.
SIGMA_FLOOR = 0.15
# Size in units of any value of a series that had been exactly zero: how much is much for an error
# counter that never counted, nobody knows.
WAKING_UNITS = 10.0
# A missing cell of a series that always had one is as surprising as its odds of being there, by
# half: silence is as often a consequence (no traffic, no latency) as it is a cause.
SILENCE = 0.5
# A row counts 1 / (1 + rows since the onset / this): in long faults, above all with feedback,
# everything deviates sooner or later, and the first rows tell the cause from its consequences.
EARLY_ROWS = 64.0
# Weight of the sustained surprise against that of the largest one.
SUSTAINED, LARGEST = 0.8, 0.2


class Surprise(NamedTuple):
    """What the rows since the onset say about every series; arrays of shape (n,)."""

    total: Floats  # combined evidence, >= 0
    sustained: Floats  # weighted mean log surprise above that of the base period, >= 0
    largest: Floats  # log of the largest surprise, >= 0
    level: Floats  # mean deviation of the level in units of the base period, signed
    after: Floats  # mean since the onset, raw units, NaN = no cell
    missing: Floats  # share of the rows since the onset without a cell, above that of the base
    first: Ints  # first row outside of the base period's range, counted from the onset, -1 = none


class Evidence(Stateful):
    """Running evidence since an onset against a base period.

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

    Notes
    -----
    Memory does not grow with the rows. Multiplying a series by a positive factor changes nothing.
    A component without any request has no latency: its silence is no evidence.
    """

    _STATE: ClassVar[tuple[str, ...]] = (
        "rows",
        "known",
        "_coverage",
        "_silence",
        "_sigma",
        "_base_log",
        "_previous",
        "_weight",
        "_log_sum",
        "_peak",
        "_level_sum",
        "_raw_sum",
        "_count",
        "_first",
        "_products",
        "_squares",
    )

    def __init__(
        self, base: Floats, adjacent: NDArray[np.bool_], predictor: OneStepPredictor, layout: Layout
    ) -> None:
        n = base.shape[1]
        self.rows = 0
        self._layout = layout
        self._predictor = predictor
        self.center, self.scale = predictor.center, predictor.scale
        present = np.isfinite(base).sum(axis=0)
        self.known = present > 0
        self._coverage = present / max(len(base), 1)
        self._silence = np.where(self.known, SILENCE * log_odds(present, len(base)), 0.0)
        innovation = self._base_innovation(base, adjacent)
        self._sigma = SIGMA_FLOOR + column_max(np.abs(innovation)) / RANGE_UNITS
        usual = _column_mean(np.log1p(np.abs(innovation) / self._sigma))
        self._base_log = self._coverage * usual + (1.0 - self._coverage) * self._silence
        self._previous = base[-1].copy() if len(base) else np.full(n, np.nan)
        self._weight = 0.0
        self._log_sum, self._peak = np.zeros(n), np.zeros(n)
        self._level_sum, self._raw_sum = np.zeros(n), np.zeros(n)
        self._count = np.zeros(n, dtype=np.int64)
        self._first = np.full(n, -1, dtype=np.int64)
        self._deviation = np.empty(n)
        self._left = np.ascontiguousarray(layout.pairs[:, 0])
        self._right = np.ascontiguousarray(layout.pairs[:, 1])
        self._products = np.zeros(len(layout.pairs))
        self._squares = np.zeros((len(layout.pairs), 2))

    @classmethod
    def from_state(cls, state: Mapping[str, Any], layout: Layout) -> Self:
        """Continue from what `state_dict` returned; `layout` is that of then."""
        learned = dict(state)
        predictor = OneStepPredictor(**learned.pop("mechanism"))
        n = len(predictor.center)
        evidence = cls(np.empty((0, n)), np.empty(0, dtype=np.bool_), predictor, layout)
        evidence.load_state_dict(learned)
        return evidence

    def state_dict(self) -> dict[str, Any]:
        """Evidence so far and the predictor it is judged by, for the checkpoint."""
        return super().state_dict() | {"mechanism": self._predictor._asdict()}

    def update(self, x: Floats, *, adjacent: bool) -> None:
        """Add one row after the onset.

        Parameters
        ----------
        x : ndarray of shape (n,), float64, raw units, NaN = missing
        adjacent : bool
            False after a gap: then nothing is predicted from the row before.
        """
        previous = self._previous if adjacent else np.full_like(x, np.nan)
        weight = 1.0 / (1.0 + self.rows / EARLY_ROWS)
        self._weight += weight
        accumulate_innovation(
            x,
            self._predictor.predict(previous),
            self.center,
            self.scale,
            self._sigma,
            self._silence_in(x),
            WAKING_UNITS,
            LEARNED_UNITS,
            weight,
            self.rows,
            self._log_sum,
            self._peak,
            self._level_sum,
            self._raw_sum,
            self._count,
            self._first,
            self._deviation,
        )
        accumulate_comovement(
            self._deviation, self._left, self._right, self._products, self._squares
        )
        self._previous = x
        self.rows += 1

    @property
    def surprise(self) -> Surprise:
        """Evidence so far; zeros for a series without a cell since the onset or in the base."""
        seen = (self._count > 0) & self.known
        count = np.maximum(self._count, 1)
        rows = max(self.rows, 1)
        mean_log = self._log_sum / max(self._weight, 1e-300) - self._base_log
        sustained = np.where(self.known, np.maximum(mean_log, 0.0), 0.0)
        missing = np.maximum(self._coverage - self._count / rows, 0.0) * min(self.rows, 1)
        largest = np.where(seen, np.log1p(self._peak), 0.0)
        return Surprise(
            total=np.expm1(SUSTAINED * sustained + LARGEST * largest),
            sustained=sustained,
            largest=largest,
            level=np.where(seen, self._level_sum / count, 0.0),
            after=np.where(self._count > 0, self._raw_sum / count, np.nan),
            missing=missing,
            first=self._first.copy(),
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

    def _silence_in(self, x: Floats) -> Floats:
        """Surprise of a missing cell in this row, per series."""
        present = np.isfinite(x)
        if present.all():
            return self._silence
        # A row without any cell is a gap in the collection, not silence of all series.
        if not present.any():
            return np.zeros_like(x)
        return np.where(self._layout.idle(x), 0.0, self._silence)

    def _base_innovation(self, base: Floats, adjacent: NDArray[np.bool_]) -> Floats:
        """Innovations of the base rows in units, NaN = missing; the first row has none."""
        if len(base) < 2:
            return np.zeros_like(base)
        previous = np.where(adjacent[1:, None], base[:-1], np.nan)
        unit = np.where(self.scale > 0.0, self.scale, 1.0)
        return (base[1:] - self._predictor.predict(previous)) / unit


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
