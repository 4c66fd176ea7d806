"""A detector of river as a further statistic of the trigger."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors._validate import check_integer
from detectors.base import FloatArray, Indices, IntArray, State
from detectors.places import take
from detectors.policy import TRIGGER, RiverPolicy
from detectors.statistics.river_catalogue import RiverDetector, Setting, parse

__all__ = ["RiverStatistic", "river_statistics"]

Row = NDArray[np.float32]


class RiverStatistic:
    """One number a row from a detector of river, for the same tail and budget as our statistics.

    A detector of single numbers is made for every series and takes the series' z-scores; the
    statistic is the mean of the sqrt(n) largest values, each in usual values of its series. A
    detector of rows takes all z-scores as features; the statistic is a moving mean of its score.

    Parameters
    ----------
    detector : RiverDetector
        What `problems` finds nothing wrong with.
    n_series : int
        Number of series.
    policy : RiverPolicy

    Attributes
    ----------
    name, key : str
        Of the statistic in events; of the same statistic in a saved state.
    span : int
        Rows that a value is made of.

    Notes
    -----
    River's objects can only be pickled, and a checkpoint holds plain values. So a detector learns
    from 2 N rows at most, and the state is these rows: two generations live side by side, the
    elder one speaks, and when the younger one has seen N rows it takes over and a new one is born.
    A restore makes both anew and shows them the same rows. Rows are kept in single precision, and
    shown so in the first place.

    Raises
    ------
    ValueError
        If there are more series than the detector can watch.
    """

    def __init__(
        self, detector: RiverDetector, n_series: int, policy: RiverPolicy = TRIGGER.river
    ) -> None:
        self._policy = policy
        self.detector, self._entry = detector, detector.entry
        self.name, self.key = detector.name, detector.key
        self.span = self._entry.span
        n = self._checked(n_series)
        own = getattr(detector.make(), "window_size", 0)
        self._life = max(self._entry.rows, own)
        self._ready = own or policy.least_rows
        self._row: Row = np.full(n, np.nan, dtype=np.float32)
        self._values: FloatArray = np.full(n, np.nan)
        self._usual: FloatArray = np.zeros(n)
        self._known: IntArray = np.zeros(n, dtype=np.int64)
        self._rows: list[Row] = []
        self._generations: list[Any] = []
        self._born_with: list[int] = []  # series that there were when each generation began
        self._mean, self._summed = 0.0, 0

    def push(self, z: FloatArray) -> float:
        """Take a row of z-scores, shape (n,), NaN = missing; return the statistic, NaN = nothing.

        A detector of single numbers has to take the row to judge it, in an alarm as well; one of
        rows learns in `learn` only.
        """
        clip = self._policy.clip
        self._row = row = np.clip(z, -clip, clip).astype(np.float32)
        if not self._entry.per_series:
            return self._score(row)
        self._values.fill(np.nan)
        present = np.flatnonzero(np.isfinite(row))
        if not present.size:
            return math.nan
        self._show(row)
        elder = self._generations[0]
        self._values[present] = [self._entry.read(elder[j]) for j in present.tolist()]
        shares = self.scores[np.isfinite(self._values)]
        top = min(math.ceil(math.sqrt(len(row))), len(shares))
        return float(np.partition(shares, -top)[-top:].mean()) if top else math.nan

    def learn(self) -> None:
        """Learn from the row that was pushed last: it is normal."""
        if not self._entry.per_series:
            if np.isfinite(self._row).any():
                self._show(self._row)
            return
        spoke = np.flatnonzero(np.isfinite(self._values))
        self._known[spoke] = np.minimum(self._known[spoke] + 1, self._policy.memory_rows)
        self._usual[spoke] += (self._values[spoke] - self._usual[spoke]) / self._known[spoke]

    @property
    def scores(self) -> FloatArray:
        """What each series brings to it, shape (n,), >= 0; 0 = nothing or missing.

        A detector of rows does not say: there it is how far the series is from its level.
        """
        if self._entry.per_series:
            shares = self._values / (1.0 + self._usual)
        else:
            shares = np.log1p(np.square(self._row, dtype=np.float64))
        return np.asarray(np.nan_to_num(np.maximum(shares, 0.0), nan=0.0))

    def clear(self) -> None:
        """Begin anew what every row moves on; what is only learned from normal rows stays."""
        if self._entry.per_series:
            self._forget()
        self._mean, self._summed = 0.0, 0

    def select(self, index: Indices) -> None:
        """Keep, reorder and append series; when one leaves, the detectors are shown the rows anew.

        As after a restart: a detector of rows knows its features by their place, and what a
        detector draws may depend on the place of its series.
        """
        n, old = self._checked(len(index)), self._row.shape[0]
        kept = index[index >= 0]
        self._row = take(self._row, index, (0,), np.nan)
        self._values = take(self._values, index, (0,), np.nan)
        self._usual = take(self._usual, index, (0,), 0.0)
        self._known = take(self._known, index, (0,), 0)
        self._rows = [take(row, index, (0,), np.nan) for row in self._rows]
        if len(kept) < old:
            self._reshow([int(np.count_nonzero(kept < width)) for width in self._born_with])
        elif self._entry.per_series:
            for generation in self._generations:
                generation += [self.detector.make(j) for j in range(old, n)]

    def _reshow(self, widths: Sequence[int]) -> None:
        """Show the kept rows to new generations, born with so many series each."""
        rows = list(self._rows)
        self._forget()
        for row in rows:
            self._show(row, widths[len(self._born_with) :])

    def state_dict(self) -> State:
        """Everything needed to go on identically."""
        shape = (len(self._rows), self._row.shape[0])
        return {
            "key": self.key,
            "rows": np.array(self._rows, dtype=np.float32).reshape(shape),
            "born_with": list(self._born_with),
            "row": self._row.copy(),
            "values": self._values.copy(),
            "usual": self._usual.copy(),
            "known": self._known.copy(),
            "mean": self._mean,
            "summed": self._summed,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` of the same statistic returned."""
        self._mean, self._summed = float(state["mean"]), int(state["summed"])
        self._row = np.array(state["row"], dtype=np.float32)
        for name in ("values", "usual"):
            setattr(self, f"_{name}", np.array(state[name], dtype=np.float64))
        self._known = np.array(state["known"], dtype=np.int64)
        self._rows = list(np.array(state["rows"], dtype=np.float32))
        self._reshow(list(state["born_with"]))

    def _forget(self) -> None:
        """Forget all rows."""
        for held in (self._rows, self._generations, self._born_with):
            held.clear()

    def _show(self, row: Row, widths: Sequence[int] = ()) -> None:
        """Show a row to both generations, after another one was born where it is time."""
        age = len(self._rows)
        if age == 2 * self._life:
            del self._rows[: self._life], self._generations[0], self._born_with[0]
            age = self._life
        if age in (0, self._life):
            self._bear(widths[0] if widths else len(row))
        self._rows.append(row)
        for number, generation in enumerate(self._generations):
            if not self._entry.per_series:
                first = age == number * self._life
                generation.learn_one(self._features(row, self._born_with[number] if first else 0))
                continue
            for j in np.flatnonzero(np.isfinite(row)).tolist():
                generation[j].update(float(row[j]))

    def _bear(self, width: int) -> None:
        single = self._entry.per_series
        n = len(self._row)
        self._generations.append(
            [self.detector.make(j) for j in range(n)] if single else self.detector.make()
        )
        self._born_with.append(width)

    def _score(self, row: Row) -> float:
        """Ask the elder detector of rows, once it has seen enough of them."""
        if len(self._rows) < self._ready or not np.isfinite(row).any():
            return math.nan
        score = self._entry.read(float(self._generations[0].score_one(self._features(row))))
        most = self._policy.mean_rows
        self._summed = min(self._summed + 1, most)
        self._mean += (score - self._mean) / self._summed
        return self._mean if 2 * self._summed >= most else math.nan

    def _features(self, row: Row, fill: int = 0) -> dict[int, float]:
        """Return the present cells, and the level of the first `fill` series that are missing.

        A detector that draws its features from the first row it sees must find all series there.
        """
        values = np.where(np.isnan(row[:fill]), np.float32(0.0), row[:fill])
        x = np.concatenate([values, row[fill:]]).astype(np.float64)
        if self._entry.unit:
            x = 1.0 / (1.0 + np.exp(-x))
        present = np.flatnonzero(np.isfinite(x)).tolist()
        return dict(zip(present, x[present].tolist(), strict=True))

    def _checked(self, n_series: int) -> int:
        """Return the number of series, or say how to go on without this statistic."""
        n, most = check_integer(self.name, "n_series", n_series, 0), self._entry.most_series
        if most and n > most:
            raise ValueError(
                f"`{self.name}` requires at most {most} series, got {n}: it is too slow for more; "
                "take it out of `engine.statistics`."
            )
        return n


def river_statistics(
    settings: Sequence[Setting], n_series: int, policy: RiverPolicy = TRIGGER.river
) -> list[RiverStatistic]:
    """Return the statistics that are configured, in their order."""
    return [RiverStatistic(parse(setting), n_series, policy) for setting in settings]
