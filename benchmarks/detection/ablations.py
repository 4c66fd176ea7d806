"""What each part of the trigger is worth: the trigger without it, on the same recordings.

Parts are switched off from outside, so that the trigger has no options that nobody needs.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MethodType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.ours import watch
from detection.recordings import open_run
from detection.scoring import Score, score_alarms
from detectors.decision.gpd_tail import PredictiveTail
from detectors.names import STATISTICS
from detectors.policy import TRIGGER, TriggerPolicy
from detectors.statistics.row_statistics import RowStatistics
from detectors.trigger import Trigger

__all__ = ["ABLATIONS", "Ablation", "score_ablation"]

TEMPORAL = ("pair", "mean", "slow", "ssa")
CROSS = ("cross_sum", "dispersion")
SUMS = ("pair", "cross_sum", "ssa")
LARGEST = ("mean", "dispersion")
# Statistics that are means of logarithms as shipped.
COMPRESSED = ("ssa",)
ACCUMULATING = ("mean", "slow")
IN_SAMPLE_ROWS = 240
# Fewer series than this are taken as they are: no largest one is left out.
FEW = 3


class Ablation(NamedTuple):
    """One change to the trigger."""

    name: str
    adapt: Callable[[Trigger], None] = lambda _: None
    policy: TriggerPolicy = TRIGGER


def _reshape(
    change: Callable[[RowStatistics, NDArray[np.float64]], None],
) -> Callable[[Trigger], None]:
    """Change the statistics of every row after they were measured, in place."""

    def adapt(trigger: Trigger) -> None:
        measured = trigger._row_statistics  # noqa: SLF001
        measure = measured.measure

        def changed(
            _: RowStatistics, row: NDArray[np.float64], *, learn: bool
        ) -> NDArray[np.float64]:
            statistics = measure(row, learn=learn)
            change(measured, statistics)
            return statistics

        setattr(measured, "measure", MethodType(changed, measured))  # noqa: B010

    return adapt


def _compress(_: RowStatistics, statistics: NDArray[np.float64]) -> None:
    """Take the logarithm of every statistic that has a tail."""
    statistics[:-1] = np.log1p(np.maximum(statistics[:-1], 0.0))


def _uncompress(measured: RowStatistics, statistics: NDArray[np.float64]) -> None:
    """Average amplitudes themselves where the trigger averages the logarithms of energies."""
    for name in COMPRESSED:
        c = STATISTICS.index(name)
        u = np.sort(np.sqrt(np.expm1(measured.scores(c))))
        # As the trigger does, without the largest of three or more.
        u = u[:-1] if len(u) >= FEW else u
        statistics[c] = u.mean() if np.isfinite(statistics[c]) else np.nan


def _compress_where_heavy(trigger: Trigger) -> None:
    """Compress a statistic once its base has a tail heavier than exponential, beyond doubt.

    The shape of the fitted tail decides, two standard errors above zero (Hosking and Wallis 1987:
    about 1 / sqrt(k)); what the tail has learned so far is compressed along.
    """
    tail = trigger._tail  # noqa: SLF001
    heavy = np.zeros(len(STATISTICS) - 1, dtype=bool)
    heavy[[STATISTICS.index(name) for name in COMPRESSED]] = True  # they are already

    def change(_: RowStatistics, statistics: NDArray[np.float64]) -> None:
        onset, _scale, shape, rate = tail.tails.T
        k = np.maximum(rate * tail.blocks * tail.block_rows - 1.0, 1.0)
        # Of the estimate half a standard error was taken off, and 1 / k added for its own error.
        new = ~heavy & (onset > 0.0) & (shape - 1.0 / k > 1.5 / np.sqrt(k))
        for c in np.flatnonzero(new):
            for learned in (tail._top, tail._pending):  # noqa: SLF001
                empty = np.isneginf(learned[c])
                learned[c] = np.where(empty, -np.inf, np.log1p(np.maximum(learned[c], 0.0)))
            tail.tails[c, 0] = np.nan  # until the next block has fitted it anew
        heavy[new] = True
        settled = heavy.copy()
        settled[[STATISTICS.index(name) for name in COMPRESSED]] = False
        statistics[:-1][settled] = np.log1p(np.maximum(statistics[:-1][settled], 0.0))

    _reshape(change)(trigger)


def _keep_learning(trigger: Trigger) -> None:
    """Learn rows in alarm as well."""
    original = trigger.update

    def update(_: Trigger, x: NDArray[np.float64]) -> Trigger:
        original(x)
        if trigger.alarm:
            trigger._learn(x)  # noqa: SLF001
        return trigger

    setattr(trigger, "update", MethodType(update, trigger))  # noqa: B010


def _forget_alarms(trigger: Trigger) -> None:
    """Leave alarms out of the tails: cut off at their own limits."""
    setattr(trigger._tail, "censor", lambda *_: None)  # noqa: B010, SLF001


def _in_sample(trigger: Trigger) -> None:
    """Set the limits once, from the scores of rows that the models have learned from."""
    original = trigger.update
    rows: list[NDArray[np.float64]] = []

    def update(_: Trigger, x: NDArray[np.float64]) -> Trigger:
        if len(rows) < IN_SAMPLE_ROWS:
            rows.append(x.copy())
            original(x)
            if len(rows) == IN_SAMPLE_ROWS:
                _calibrate_again(trigger, rows)
            return trigger
        return original(x)

    setattr(trigger, "update", MethodType(update, trigger))  # noqa: B010


def _calibrate_again(trigger: Trigger, rows: list[NDArray[np.float64]]) -> None:
    trigger.restart()
    old = trigger._tail  # noqa: SLF001
    tail = PredictiveTail(len(STATISTICS) - 1, block_rows=old.block_rows.tolist(), units=old.units)
    trigger._tail = tail  # noqa: SLF001
    for row in rows:
        tail.push(trigger._row_statistics.measure(row, learn=False)[:-1])  # noqa: SLF001
    setattr(tail, "push", lambda _: None)  # noqa: B010


def _only(*names: str) -> TriggerPolicy:
    return replace(TRIGGER, statistics=names)


def _without(*names: str) -> TriggerPolicy:
    return _only(*(name for name in STATISTICS if name not in names))


ABLATIONS = (
    # Novelty raises nothing that no other statistic sees.
    *(Ablation(f"{name} alone", policy=_only(name)) for name in _without("novelty").statistics),
    Ablation("no witness", policy=_without("novelty")),
    Ablation("sum over series alone", policy=_only(*SUMS)),
    Ablation("top sqrt(n) alone", policy=_only("slow")),
    Ablation("max over series alone", policy=_only(*LARGEST)),
    Ablation("temporal fold alone", policy=_only(*TEMPORAL)),
    Ablation("cross-series fold alone", policy=_only(*CROSS)),
    Ablation("no accumulation", policy=_without(*ACCUMULATING)),
    Ablation("log compression always", _reshape(_compress)),
    Ablation("log compression never", _reshape(_uncompress)),
    Ablation("log compression where the base is heavy-tailed", _compress_where_heavy),
    Ablation("limits set in sample", _in_sample),
    Ablation("no freeze", _keep_learning),
    Ablation(
        "no new normal",
        policy=replace(TRIGGER, rebaselining=replace(TRIGGER.rebaselining, least_s=np.inf)),
    ),
    Ablation("alarms not learned", _forget_alarms),
)


def score_ablation(path: Path, index: int) -> Score:
    """Score one ablation on one recording."""
    ablation, run = ABLATIONS[index], open_run(path)
    alarms, on, warm, seconds = watch(run, ablation.adapt, policy=ablation.policy)
    return score_alarms(run, alarms, on, after=warm, seconds=seconds)
