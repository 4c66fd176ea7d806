"""What each part of the trigger is worth: the trigger without it, on the same recordings.

Parts are switched off from outside, so that the trigger has no options that nobody needs.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MethodType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.ours import watch
from detection.recordings import open_run
from detection.scoring import Score, score_alarms
from detectors import trigger as module
from detectors.bank import Bank
from detectors.tail import PredictiveTail
from detectors.trigger import CHANNELS, Trigger

__all__ = ["ABLATIONS", "Ablation", "score_ablation"]

TEMPORAL = ("level", "pair", "mean", "slow", "ssa")
CROSS = ("cross_sum", "cross_max", "dispersion")
SUMS = ("level", "pair", "cross_sum", "ssa")
LARGEST = ("mean", "cross_max", "dispersion")
ACCUMULATING = ("mean", "slow")
IN_SAMPLE_ROWS = 240


class Ablation(NamedTuple):
    """One change to the trigger."""

    name: str
    adapt: Callable[[Trigger], None] = lambda _: None
    channels: tuple[str, ...] = CHANNELS
    constants: tuple[tuple[str, float], ...] = ()


def _reshape(change: Callable[[Bank, NDArray[np.float64]], None]) -> Callable[[Trigger], None]:
    """Change the statistics of every row after they were measured, in place."""

    def adapt(trigger: Trigger) -> None:
        bank = trigger._bank  # noqa: SLF001
        measure = bank.measure

        def changed(_: Bank, row: NDArray[np.float64], *, learn: bool) -> NDArray[np.float64]:
            statistics = measure(row, learn=learn)
            change(bank, statistics)
            return statistics

        setattr(bank, "measure", MethodType(changed, bank))  # noqa: B010

    return adapt


def _compress(_: Bank, statistics: NDArray[np.float64]) -> None:
    """Take the logarithm of every statistic that has a tail."""
    np.log1p(statistics[:-1], out=statistics[:-1])


def _uncompress(bank: Bank, statistics: NDArray[np.float64]) -> None:
    """Average usual peaks themselves where the trigger averages their logarithm."""
    u = np.sqrt(np.expm1(bank.scores("level")))
    statistics[0] = u.mean() if np.isfinite(statistics[0]) else np.nan


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
    tail = PredictiveTail(len(CHANNELS) - 1, block_rows=old.block_rows.tolist())
    trigger._tail = tail  # noqa: SLF001
    for row in rows:
        tail.push(trigger._bank.measure(row, learn=False)[:-1])  # noqa: SLF001
    tail.push = lambda _: None  # type: ignore[method-assign]


def _without(*names: str) -> tuple[str, ...]:
    return tuple(name for name in CHANNELS if name not in names)


ABLATIONS = (
    *(Ablation(f"{name} alone", channels=(name,)) for name in CHANNELS),
    Ablation("sum over series alone", channels=SUMS),
    Ablation("top sqrt(n) alone", channels=("slow",)),
    Ablation("max over series alone", channels=LARGEST),
    Ablation("temporal fold alone", channels=TEMPORAL),
    Ablation("cross-series fold alone", channels=CROSS),
    Ablation("no accumulation", channels=_without(*ACCUMULATING)),
    Ablation("log compression always", _reshape(_compress)),
    Ablation("log compression never", _reshape(_uncompress)),
    Ablation("limits set in sample", _in_sample),
    Ablation("no freeze", _keep_learning),
    Ablation("no new normal", constants=(("_NEW_NORMAL_SHARE", np.inf),)),
    Ablation("alarms not learned", _forget_alarms),
)


@contextmanager
def _patched(constants: tuple[tuple[str, float], ...]) -> Iterator[None]:
    """Set module constants of the trigger for a while."""
    before = [(name, getattr(module, name)) for name, _ in constants]
    for name, value in constants:
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before:
            setattr(module, name, value)


def score_ablation(path: Path, index: int) -> Score:
    """Score one ablation on one recording."""
    ablation, run = ABLATIONS[index], open_run(path)
    with _patched(ablation.constants):
        alarms, on, warm, seconds = watch(run, ablation.adapt, channels=ablation.channels)
    return score_alarms(run, alarms, on, after=warm, seconds=seconds)
