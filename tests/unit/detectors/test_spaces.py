"""The two spaces of what is normal learn for ever, and forget what is older than their memory."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from typed import FloatArray

from detectors.policy import DynamicPCAPolicy, SSAPolicy
from detectors.statistics.dynamic_pca import DynamicPCA
from detectors.statistics.ssa import MultivariateSSA

SSA = SSAPolicy(lags=4, rank=1, refit_rows=4, dense_rows=32)
PCA = DynamicPCAPolicy(lags=1, max_rank=1, block_rows=4, dense_rows=32, explained=0.99)


def wave(rows: int, period: float) -> FloatArray:
    """Two series of one period."""
    t = np.arange(rows)
    return np.column_stack([np.sin(2 * np.pi * t / period), np.cos(2 * np.pi * t / period)])


def along(rows: int, direction: tuple[float, float], seed: int = 0) -> FloatArray:
    """Two series that move along one direction."""
    return np.asarray(np.random.default_rng(seed).normal(size=(rows, 1)) * np.array(direction))


def feed(space: MultivariateSSA | DynamicPCA, rows: FloatArray) -> None:
    """Learn every row."""
    for one in rows:
        space.push(one, learn=True)
        space.learn()


def outside(space: DynamicPCA, direction: tuple[float, float]) -> float:
    """Share of a direction that the common space does not explain."""
    unit = np.array(direction) / np.linalg.norm(direction)
    return float(1.0 - np.square(unit @ space._basis[:2]).sum())


def ssa_outside(space: MultivariateSSA, period: float) -> float:
    """Share of the energy of windows of a period that is outside the space of lag windows."""
    windows = np.lib.stride_tricks.sliding_window_view(wave(400, period)[:, 0], space.lags)
    return float(np.square(windows @ space._outside.T).sum() / np.square(windows).sum())


def test_ssa_follows_what_changes_after_70_000_rows() -> None:
    """The space of lag windows is the new one within some of its memory."""
    space = MultivariateSSA(2, replace(SSA, rank=2), memory_rows=2000)
    feed(space, wave(70_000, 40.0))
    old = ssa_outside(space, 40.0), ssa_outside(space, 4.0)
    feed(space, wave(10_000, 4.0))

    assert old[0] < 1e-6
    assert old[1] > 0.3
    assert ssa_outside(space, 4.0) < 1e-3


def test_dynamic_pca_follows_what_changes_after_70_000_rows() -> None:
    """The common space turns to the new direction within some of its memory."""
    space = DynamicPCA(2, PCA, memory_rows=2000)
    feed(space, along(70_000, (1.0, 1.0)))
    old = outside(space, (1.0, 1.0)), outside(space, (1.0, -1.0))
    feed(space, along(10_000, (1.0, -1.0), seed=1))

    assert old[0] < 1e-6
    assert old[1] > 0.9
    assert outside(space, (1.0, -1.0)) < 1e-3


@pytest.mark.parametrize("memory", [64, 300])
def test_ssa_is_that_of_a_decayed_sum(memory: int) -> None:
    """Sampled by the length of the base; older windows fade with the memory, told by a sum."""
    space, rng = MultivariateSSA(2, SSA, memory_rows=memory), np.random.default_rng(3)
    x, gram, learned, skipped = rng.normal(size=(3000, 2)), np.zeros((4, 4)), 0, 0
    feed(space, x)
    for t in range(len(x)):
        learned, skipped = min(learned + 1, memory), skipped + 1
        every = 1 + learned // 32
        if skipped < every:
            continue
        skipped = 0
        if learned == memory:
            gram *= 1.0 - every / memory
        for window in x[t - 3 : t + 1].T if t >= 3 else ():
            gram += np.outer(window, window)

    assert_allclose(space._gram, gram)


@pytest.mark.parametrize("memory", [64, 300])
def test_dynamic_pca_is_that_of_a_decayed_sum(memory: int) -> None:
    """A sketch of as many directions as there are loses nothing: the sum of outer products."""
    policy = replace(PCA, max_rank=2, explained=1.0 - 1e-12)
    space, rng = DynamicPCA(2, policy, memory_rows=memory), np.random.default_rng(3)
    x = rng.normal(size=(3000, 2)) * np.array([1.0, 3.0])
    total, block, learned, skipped = np.zeros((2, 2)), [], 0, 0
    feed(space, x)
    for one in x.clip(-policy.clip, policy.clip):
        learned, skipped = min(learned + 1, memory), skipped + 1
        every = 1 + learned // 32
        if skipped < every:
            continue
        skipped = 0
        block.append(one)
        if len(block) == policy.block_rows:
            if learned == memory:
                total *= 1.0 - every * policy.block_rows / memory
            total += np.transpose(block) @ np.array(block)
            block = []

    assert_allclose(space._sketch.T @ space._sketch, total, rtol=1e-6)
    assert space._total == pytest.approx(np.trace(total))


def test_the_shortest_memory_leaves_numbers() -> None:
    """Of a block and a half of rows: what fades does not fade below nothing."""
    policy = replace(PCA, block_rows=16)
    space = DynamicPCA(2, policy, memory_rows=30)
    feed(space, along(4000, (1.0, 1.0)))

    assert np.isfinite(space._sketch).all()
    assert space._total >= 0.0
