"""Every part of the trigger that forgets does so at the same pace after an hour, a day and a week.

A part that has stopped learning, or learns ever more slowly, takes ever longer to follow a change
of regime. So the rows are counted that each part needs to come half the way to another regime.
"""

from collections.abc import Callable

import numpy as np
import pytest
from typed import FloatArray

from detectors.policy import DynamicPCAPolicy, PeaksPolicy, SSAPolicy
from detectors.statistics.dynamic_pca import DynamicPCA
from detectors.statistics.peaks import BlockMaxima
from detectors.statistics.residual_charts import ResidualCharts
from detectors.statistics.robust_scaler import RobustScaler
from detectors.statistics.ssa import MultivariateSSA

MEMORY = 400  # rows
LIVES = (1_000, 10_000, 50_000)
BLOCK = 16

# A part: learns a row of the first regime or of the second; says how far it is from first to
# second, 0 .. 1.
Part = tuple[Callable[[int, bool], None], Callable[[], float]]

NOISE = np.random.default_rng(0).normal(size=(4096, 2))


def location() -> Part:
    """Level of a series that moves by two scales."""
    scaler = RobustScaler(2, memory_rows=MEMORY)

    def learn(row: int, second: bool) -> None:
        scaler.learn(NOISE[row % 4096] + 2.0 * second)

    return learn, lambda: float(scaler.location.mean()) / 2.0


def spread() -> Part:
    """Scale of a series that doubles its variance."""
    scaler = RobustScaler(2, memory_rows=MEMORY)

    def learn(row: int, second: bool) -> None:
        scaler.learn(NOISE[row % 4096] * (2.0**0.5 if second else 1.0))

    return learn, lambda: float(np.square(scaler.scale).mean()) - 1.0


def chart() -> Part:
    """Usual amplitude of what is not explained, which grows by a quarter."""
    charts = ResidualCharts(2, memory_rows=MEMORY)

    def learn(row: int, second: bool) -> None:
        energy = np.full(2, 1.25**2 if second else 1.0) * np.exp(0.2 * NOISE[row % 4096])
        charts.push(energy, energy, learn=True)

    return learn, lambda: float(charts._running[1].mean() / np.log(1.25))


def peaks() -> Part:
    """Mean block maximum, which grows by one."""
    maxima = BlockMaxima(2, PeaksPolicy(block_rows=BLOCK, memory_blocks=MEMORY // BLOCK))

    def learn(row: int, second: bool) -> None:
        maxima.learn(np.full(2, 1.0 + (row % BLOCK) / BLOCK + second))

    return learn, lambda: float(maxima.mean.mean()) - 1.0 - (BLOCK - 1) / BLOCK


def energy() -> Part:
    """Mean energy of a series outside of the lag windows' space, which doubles."""
    space = MultivariateSSA(2, SSAPolicy(lags=4, rank=1, refit_rows=4), MEMORY)
    reference: list[float] = []

    def learn(row: int, second: bool) -> None:
        space.push(NOISE[row % 4096] * (2.0**0.5 if second else 1.0), learn=True)
        if not second:
            space.learn()
            reference[:] = [float(space._energy.learned[0].mean())]

    return learn, lambda: float(space._energy.learned[0].mean()) / reference[0] - 1.0


def lag_windows() -> Part:
    """Common space of the lag windows of a wave whose period changes."""
    space = MultivariateSSA(2, SSAPolicy(lags=4, rank=2, refit_rows=4, dense_rows=32), MEMORY)

    def learn(row: int, second: bool) -> None:
        phase = 2.0 * np.pi * row / (4.0 if second else 40.0)
        space.push(np.array([np.sin(phase), np.cos(phase)]), learn=True)
        space.learn()

    windows: list[FloatArray] = []
    for period in (40.0, 4.0):
        wave = np.sin(2.0 * np.pi * np.arange(400) / period)
        windows.append(np.lib.stride_tricks.sliding_window_view(wave, 4))

    def moved() -> float:
        old, new = (
            float(np.square(x @ space._outside.T).sum() / np.square(x).sum()) for x in windows
        )
        return old / max(old + new, 1e-300)

    return learn, moved


def directions() -> Part:
    """Common direction of two series, which turns round."""
    policy = DynamicPCAPolicy(lags=1, max_rank=1, block_rows=4, dense_rows=32, explained=0.99)
    space = DynamicPCA(2, policy, MEMORY)

    def learn(row: int, second: bool) -> None:
        space.push(NOISE[row % 4096, 0] * np.array([1.0, -1.0 if second else 1.0]), learn=True)
        space.learn()

    return learn, lambda: float(np.square(space._basis[:2, 0] @ np.array([1.0, -1.0])).sum()) / 2.0


def half_life(make: Callable[[], Part], life: int) -> int:
    """Return after how many rows of a second regime a part is half the way to it."""
    learn, moved = make()
    for row in range(life):
        learn(row, False)
    for row in range(10 * MEMORY):
        learn(life + row, True)
        if moved() >= 0.5:
            return row + 1
    raise AssertionError(f"after {life} rows nothing is learned within ten times the memory")


PARTS = (location, spread, chart, peaks, energy, lag_windows, directions)


@pytest.mark.parametrize("make", PARTS, ids=lambda make: make.__name__)
def test_its_memory_is_the_same_after_any_life(make: Callable[[], Part]) -> None:
    """About ln 2 of the memory, and after 50,000 rows no longer than after 1,000."""
    rows = [half_life(make, life) for life in LIVES]

    assert max(rows) <= 2 * min(rows), rows
    assert MEMORY / 2 <= min(rows), rows
    assert max(rows) <= 2 * MEMORY, rows
