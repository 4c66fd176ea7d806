"""What each part of the trigger is worth: the trigger without it, on the same recordings.

Parts are switched off from outside, so that the trigger has no options that nobody needs.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MethodType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detection.ours import watch
from detection.recordings import open_run
from detection.scoring import Score, score_alarms
from detectors.decision.gpd_tail import PredictiveTail
from detectors.names import STATISTICS
from detectors.policy import TRIGGER, TriggerPolicy
from detectors.trigger import Trigger

__all__ = ["ABLATIONS", "Ablation", "score_ablation"]

LARGEST = ("mean", "dispersion")
SUMS = ("pair", "cross_sum", "ssa")
IN_SAMPLE_ROWS = 240


class Ablation(NamedTuple):
    """One change to the trigger."""

    name: str
    adapt: Callable[[Trigger], None] = lambda _: None
    policy: TriggerPolicy = TRIGGER


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
    tail = PredictiveTail(len(STATISTICS) - 1, block_rows=old.block_rows.tolist())
    trigger._tail = tail  # noqa: SLF001
    for row in rows:
        tail.push(trigger._row_statistics.measure(row, learn=False)[:-1])  # noqa: SLF001
    setattr(tail, "push", lambda _: None)  # noqa: B010


def _only(*names: str) -> TriggerPolicy:
    return replace(TRIGGER, statistics=names)


def _without(*names: str) -> TriggerPolicy:
    return _only(*(name for name in STATISTICS if name not in names))


def _part(name: str, **changes: Any) -> TriggerPolicy:
    return replace(TRIGGER, **{name: replace(getattr(TRIGGER, name), **changes)})


ABLATIONS = (
    *(Ablation(f"without {name}", policy=_without(name)) for name in STATISTICS),
    Ablation("without slow and dispersion", policy=_without("slow", "dispersion")),
    Ablation("without mean and slow", policy=_without("mean", "slow")),
    Ablation("sums alone", policy=_only(*SUMS)),
    Ablation("largest alone", policy=_only(*LARGEST)),
    Ablation("no young budget", policy=_part("budget", early_alarms=0.0)),
    Ablation("no debt", policy=_part("budget", held_nats=0.0)),
    Ablation("alarms not learned", _forget_alarms),
    Ablation("no smallest scale of a tail", policy=_part("tail", least_unit=1e-9)),
    Ablation("limits set in sample", _in_sample),
    Ablation("no freeze", _keep_learning),
    Ablation("no new normal", policy=_part("rebaselining", least_s=np.inf)),
)


def score_ablation(path: Path, index: int) -> Score:
    """Score one ablation on one recording."""
    ablation, run = ABLATIONS[index], open_run(path)
    alarms, on, warm, seconds = watch(run, ablation.adapt, policy=ablation.policy)
    return score_alarms(run, alarms, on, after=warm, seconds=seconds)
