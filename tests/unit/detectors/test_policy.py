"""Every choice of the trigger is one number with one reason."""

import ast
import inspect
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import numpy as np
import pytest

from detectors import policy as policies
from detectors.names import STATISTICS
from detectors.policy import (
    TRIGGER,
    MovingAveragesPolicy,
    NoveltyPolicy,
    ScalerPolicy,
    SSAPolicy,
    TailPolicy,
    TriggerPolicy,
)
from detectors.trigger import Trigger

SOURCE = inspect.getsource(policies)


def chosen() -> Iterator[tuple[str, ast.AnnAssign]]:
    """Name of a policy and line of each number in it."""
    for node in ast.parse(SOURCE).body:
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and not ast.unparse(line.target).startswith("_"):
                    yield node.name, line


def test_every_number_has_its_reason() -> None:
    """In a comment above it; what is a policy itself has reasons of its own."""
    lines = SOURCE.splitlines()
    bare = [
        f"{name}.{ast.unparse(line.target)}"
        for name, line in chosen()
        if not ast.unparse(line.annotation).endswith("Policy")
        and not lines[line.lineno - 2].strip().startswith("#")
    ]
    # Two numbers of one range share a line.
    assert ["TailPolicy.max_peaks", "TailPolicy.drop_part"] == bare


def test_a_policy_is_varied_by_replacing() -> None:
    """Frozen and made of frozen parts, so that the shipped one stays what it is."""
    changed = replace(TRIGGER, tail=replace(TRIGGER.tail, max_peaks=12))

    assert (changed.tail.max_peaks, TRIGGER.tail.max_peaks) == (12, 48)
    assert changed != TRIGGER == TriggerPolicy()
    with pytest.raises(FrozenInstanceError):
        TRIGGER.warmup_rows = 3  # type: ignore[misc]
    assert all(
        is_dataclass(getattr(TRIGGER, one.name))
        for one in fields(TRIGGER)
        if one.type not in (int, float, tuple[str, ...])
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TriggerPolicy(warmup_rows=3), "`TriggerPolicy` requires warmup_rows >= 30, got"),
        (lambda: TriggerPolicy(statistics=("spam",)), "`TriggerPolicy` requires statistics out of"),
        (lambda: TriggerPolicy(statistics=()), "`TriggerPolicy` requires statistics out of"),
        (lambda: TriggerPolicy(memory_rows=29), "`TriggerPolicy` requires memory_rows >= 30, got"),
        (lambda: ScalerPolicy(cap=float("nan")), "`ScalerPolicy` requires cap > 0.0, got cap=nan."),
        (lambda: ScalerPolicy(fit_rows=97), "`ScalerPolicy` requires fit_rows <= 96, got"),
        (lambda: ScalerPolicy(winsor=1.0), "`ScalerPolicy` requires winsor > 1.0, got winsor=1.0."),
        (lambda: SSAPolicy(lags=1), "`SSAPolicy` requires lags >= 2, got lags=1."),
        (lambda: SSAPolicy(refit_rows=0), "`SSAPolicy` requires refit_rows >= 1, got refit_rows=0"),
        (lambda: MovingAveragesPolicy(long_rows=12), "`MovingAveragesPolicy` requires long_rows >"),
        (lambda: NoveltyPolicy(growth=1.0), "`NoveltyPolicy` requires growth > 1.0, got growth=1"),
        (lambda: TailPolicy(max_peaks=1), "`TailPolicy` requires max_peaks >= 2, got max_peaks=1."),
    ],
)
def test_wrong_values_are_named(make: Callable[[], object], message: str) -> None:
    """An error says which policy requires what, and what came."""
    with pytest.raises(ValueError, match=r".") as caught:
        make()

    assert str(caught.value).startswith(message)


def test_wrong_types_are_named() -> None:
    """A number of rows is an integer."""
    with pytest.raises(TypeError, match=r"`SSAPolicy` requires an integer lags, got lags=2.5"):
        SSAPolicy(lags=2.5)  # type: ignore[arg-type]


def test_what_may_be_zero() -> None:
    """Where none of it makes sense."""
    assert TailPolicy(probation_blocks=0, shape_errors=0.0).probation_blocks == 0


def test_a_record_has_the_numbers_by_name() -> None:
    """For a kernel, with what another part decides."""
    record = NoveltyPolicy(rows=5).record(top=3, level=0.5)[0]

    assert (record["rows"], record["top"], record["level"]) == (5, 3, 0.5)
    kinds = {name: record.dtype[name] for name in ("rows", "top", "growth", "level")}
    assert kinds == dict.fromkeys(("rows", "top"), np.int64) | dict.fromkeys(
        ("growth", "level"), np.float64
    )


def test_the_trigger_follows_its_policy() -> None:
    """Fewer statistics share the budget; a longer warm-up delays the first alarm."""
    policy = TriggerPolicy(statistics=("pair", "novelty"), warmup_rows=60)
    trigger = Trigger(2, 60.0, policy=policy)
    rows = np.random.default_rng(0).normal(size=(64, 2))
    warm = [trigger.update(row).warm for row in rows]

    assert warm.index(True) == 59
    assert trigger.statistic_name in STATISTICS
