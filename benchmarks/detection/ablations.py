"""What each part of the trigger is worth: the trigger without it, on the same recordings.

Parts are switched off from outside, so that the trigger has no options that nobody needs.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MethodType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.ours import watch
from detection.recordings import open_run
from detection.scoring import Score, score_alarms
from detectors import trigger as module
from detectors.tail import PredictiveTail
from detectors.trigger import CHANNELS, Trigger

__all__ = ["ABLATIONS", "Ablation", "score_ablation"]

TEMPORAL = ("mean", "cusum", "ssa")
CROSS = ("cross_sum", "cross_top")
IN_SAMPLE_ROWS = 240


class Ablation(NamedTuple):
    """One change to the trigger."""

    name: str
    adapt: Callable[[Trigger], None] = lambda _: None
    constants: tuple[tuple[str, float], ...] = ()


def _only(*channels: str) -> Callable[[Trigger], None]:
    """Silence all other statistics, and share the budget among those that are left."""
    silent = np.array([name not in channels for name in CHANNELS])

    def adapt(trigger: Trigger) -> None:
        trigger._log_alpha += float(np.log(len(CHANNELS) / len(channels)))  # noqa: SLF001

        def silence() -> None:
            trigger._statistics[silent] = np.nan  # noqa: SLF001
            trigger._log_p[silent] = 0.0  # noqa: SLF001

        _after(trigger, "_measure", silence)

    return adapt


def _after(trigger: Trigger, name: str, then: Callable[[], None]) -> None:
    """Do something more after a method of one trigger."""
    original = getattr(trigger, name)

    def both(_: Trigger, *arguments: Any) -> None:
        original(*arguments)
        then()

    setattr(trigger, name, MethodType(both, trigger))


def _largest(trigger: Trigger) -> None:
    """Take the single largest series where the trigger takes the sqrt(n) largest."""
    trigger._top, trigger._heap = 1, np.empty(1)  # noqa: SLF001


def _compress(trigger: Trigger) -> None:
    """Feed the tails with the logarithm of every statistic."""
    statistics = trigger._statistics  # noqa: SLF001

    def compress() -> None:
        np.log1p(statistics, out=statistics)
        trigger._tail.log_p(statistics, trigger._log_p)  # noqa: SLF001

    _after(trigger, "_measure", compress)


def _keep_learning(trigger: Trigger) -> None:
    """Learn rows in alarm as well."""
    original = trigger.update

    def update(_: Trigger, x: NDArray[np.float64]) -> Trigger:
        original(x)
        if trigger.alarm:
            trigger._learn(x)  # noqa: SLF001
        return trigger

    setattr(trigger, "update", MethodType(update, trigger))  # noqa: B010


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
    tail = PredictiveTail(len(CHANNELS))
    trigger._tail = tail  # noqa: SLF001
    for row in rows:
        trigger._measure(row)  # noqa: SLF001
        tail.push(trigger._statistics)  # noqa: SLF001
    tail.push = lambda _: None  # type: ignore[method-assign]


ABLATIONS = (
    *(Ablation(f"{name} alone", _only(name)) for name in CHANNELS),
    Ablation("sum over series alone", _only("cross_sum")),
    Ablation("top sqrt(n) alone", _only(*(n for n in CHANNELS if n != "cross_sum"))),
    Ablation("max over series for the top", _largest),
    Ablation("temporal fold alone", _only(*TEMPORAL)),
    Ablation("cross-series fold alone", _only(*CROSS)),
    Ablation("no accumulation", _only(*(n for n in CHANNELS if n != "cusum"))),
    Ablation("log compression always", _compress),
    Ablation("limits set in sample", _in_sample),
    Ablation("no freeze", _keep_learning),
    Ablation("no new normal", constants=(("_NEW_NORMAL_SHARE", np.inf),)),
    Ablation("no fatigue", constants=(("_FATIGUE", 0.0),)),
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
        alarms, on, warm, seconds = watch(run, ablation.adapt)
    return score_alarms(run, alarms, on, after=warm, seconds=seconds)
