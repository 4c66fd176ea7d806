"""Every kernel against its textbook twin, over grids of missing, infinite and constant cells."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from naive import detectors as naive
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from typed import BoolArray, FloatArray

from detectors.decision import _cusum_kernels as cusum_kernels
from detectors.decision import _gpd_tail_kernels as tail_kernels
from detectors.decision import _verdict_kernels as verdict_kernels
from detectors.decision.cusum import Cusum
from detectors.places import appended
from detectors.policy import (
    MissingnessPolicy,
    MovingAveragesPolicy,
    NoveltyGatePolicy,
    NoveltyPolicy,
    PeaksPolicy,
    RelativeEnergyPolicy,
    ResidualChartsPolicy,
    ScalerPolicy,
    TailPolicy,
)
from detectors.statistics import _dynamic_pca_kernels as pca_kernels
from detectors.statistics import _moving_averages_kernels as averages_kernels
from detectors.statistics import _residual_charts_kernels as charts_kernels
from detectors.statistics import _robust_scaler_kernels as scaler_kernels
from detectors.statistics import _ssa_kernels as ssa_kernels
from detectors.statistics.missingness import Missingness
from detectors.statistics.moving_averages import MovingAverages
from detectors.statistics.novelty import Novelty
from detectors.statistics.peaks import BlockMaxima
from detectors.statistics.residual_charts import ResidualCharts

# Clip, winsorised energies and smallest mean of the twins below.
ENERGY = RelativeEnergyPolicy(clip=1.5, winsor=4.0, floor=0.01)
ODD = [None, np.nan, np.inf, -np.inf, 0.0]
SIZES = [0, 1, 2, 7]


def row(n: int, odd: float | None, seed: int = 0) -> FloatArray:
    """One row, with an odd value at its first and last place."""
    x = np.random.default_rng(seed).normal(size=n)
    if odd is not None and n:
        x[0] = x[-1] = odd
    return x


def traits_of(used: BoolArray, level_free: BoolArray) -> NDArray[np.void]:
    """Traits of statistics as the novelty gate hands them to its kernel."""
    traits = np.zeros(len(used), dtype=[("used", bool), ("level_free", bool)])
    traits["used"], traits["level_free"] = used, level_free
    return traits


def gate_of(**derived: float) -> NDArray[np.void]:
    """The numbers of a novelty gate whose second statistic is novelty."""
    return NoveltyGatePolicy().record(novelty=1, **derived)


def windows(
    n: int, lags: int, seed: int = 0
) -> tuple[Callable[[FloatArray], FloatArray], FloatArray]:
    """A ring (lags, n) whose oldest row is row 2, and the windows (n, lags) that it holds."""
    cells = np.random.default_rng(seed).normal(size=(n, lags))

    def ring(cells: FloatArray) -> FloatArray:
        return np.ascontiguousarray(np.roll(np.clip(cells, -1.5, 1.5).T, 2, axis=0))

    return ring, cells


class TestScaler:
    @pytest.mark.parametrize("n", SIZES)
    @pytest.mark.parametrize("odd", ODD)
    @pytest.mark.parametrize("spread", [0.0, 1e-300, 1.0, np.nan])
    @pytest.mark.parametrize("level", [0.0, -3.0, 1e12])
    def test_normalise(self, n: int, odd: float | None, spread: float, level: float) -> None:
        """A row is normalised like its twin does it."""
        x, z = row(n, odd), np.empty(n)
        loc, scale = np.zeros(n), np.full(n, spread)

        loc += level
        scaler_kernels.scaler_normalise(x, 50.0, 0.01, np.array([loc, scale, loc, loc]), z)

        assert_allclose(z, naive.scaler_normalise(x, loc, scale, 50.0, 0.01))

    @pytest.mark.parametrize("n", SIZES)
    @pytest.mark.parametrize("odd", [*ODD, 1e9])
    @pytest.mark.parametrize("spread", [0.0, 0.1, np.nan])
    def test_learn(self, n: int, odd: float | None, spread: float) -> None:
        """Location, scale, weight and extreme rows move like those of the twin."""
        x = row(n, odd)
        state = np.array([np.zeros(n), np.full(n, spread), np.full(n, 5.0), np.arange(float(n))])
        expected = naive.scaler_learn(
            x, state[0], state[1], state[2], state[3], 6.0, 2.0, 50.0, 8.0
        )

        policy = ScalerPolicy(winsor=2.0, cap=50.0).record(memory_rows=6)
        scaler_kernels.scaler_learn(x, policy, state)

        for ours, theirs in zip(state, expected, strict=True):
            assert_allclose(ours, theirs)

    def test_observe(self) -> None:
        """Only finite cells are remembered, and a series is ready when its memory is full."""
        learned, recent = np.full((4, 2), np.nan), np.full((2, 2), np.nan)
        seen, policy = np.zeros(2, np.int64), ScalerPolicy(fit_rows=2).record()

        ready = [
            scaler_kernels.scaler_observe(np.array(x), policy, learned, recent, seen)
            for x in ([1.0, np.nan], [2.0, np.inf], [3.0, 7.0])
        ]

        assert ready == [0, 1, 1]
        assert_allclose(recent, [[3.0, 2.0], [7.0, np.nan]])


class TestWindows:
    @pytest.mark.parametrize("n", SIZES)
    @pytest.mark.parametrize("rows", [1, 3, 4, 9])
    def test_ring(self, n: int, rows: int) -> None:
        """A ring holds the newest rows, clipped, in order."""
        x = np.random.default_rng(1).normal(size=(rows, n))
        ring, position = np.full((4, n), np.nan), 0
        for one in x:
            ssa_kernels.ring_push(one, 1.5, position, ring)
            position = (position + 1) % 4
        held = np.full((4, n), np.nan)
        held[4 - min(rows, 4) :] = np.clip(x[-4:], -1.5, 1.5)

        assert_allclose(np.roll(ring, -position, axis=0), held)

    @pytest.mark.parametrize(
        "missing", [[], [0], [3], [5], [1, 4], [0, 1, 2], [0, 1, 2, 3], [1, 5]]
    )
    @pytest.mark.parametrize("rank", [1, 2, 3])
    @pytest.mark.parametrize("n", SIZES)
    def test_energy(self, missing: list[int], rank: int, n: int) -> None:
        """The energy of a window with gaps is the smallest that any filling gives."""
        lags = 6
        ring, cells = windows(n, lags, seed=2)
        if n:
            cells[0, missing] = np.nan
        q, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(lags, lags)))
        residual = q[:, rank:] @ q[:, rank:].T
        out, outside = np.empty(n), np.ascontiguousarray(q[:, rank:].T)

        ssa_kernels.ssa_energy(ring(cells), 2, outside, residual, out)

        assert_allclose(out, naive.ssa_energy(cells, residual, rank, 1.5), rtol=1e-7, atol=1e-9)

    @pytest.mark.parametrize("n", SIZES)
    @pytest.mark.parametrize("missing", [[], [0], [2, 3]])
    def test_gram(self, n: int, missing: list[int]) -> None:
        """Only complete windows enter the Gram matrix."""
        ring, cells = windows(n, 4, seed=4)
        if n:
            cells[-1, missing] = np.nan
        gram = np.zeros((4, 4))
        expected, count = naive.gram(cells, 1.5)

        assert ssa_kernels.gram_add(ring(cells), 2, np.empty(4), gram) == count
        assert_allclose(gram, expected)

    @pytest.mark.parametrize("fitted", [False, True])
    def test_push(self, fitted: bool) -> None:
        """A row pushed is clipped, and relative energies come out once there is a space."""
        ring, cells = windows(3, 4, seed=9)
        cells[1, 2] = np.nan
        residual = np.diag([0.0, 1.0, 1.0, 1.0])
        held, z = ring(cells), np.array([9.0, 0.1, np.nan])
        usual, out = np.array([[0.5] * 3, [9.0] * 3]), np.full(3, -1.0)
        moved = np.column_stack([cells[:, 1:], z])
        energies = naive.ssa_energy(moved, residual, 1, 1.5)
        expected = naive.track_energy(energies, usual[0], usual[1], 50.0, 4.0, 0.01)

        ssa_kernels.ssa_push(
            z,
            ENERGY.record(memory_rows=50),
            2,
            held,
            fitted,
            residual[1:],
            residual,
            usual,
            True,
            out,
        )

        assert_allclose(np.roll(held, -3, axis=0).T, np.clip(moved, -1.5, 1.5))
        assert_allclose(out, expected[0] if fitted else -1.0)
        assert_allclose(usual[0], expected[1] if fitted else 0.5)


class TestSubspace:
    @pytest.mark.parametrize("n", SIZES)
    @pytest.mark.parametrize("rank", [0, 1, 2])
    def test_residual(self, n: int, rank: int) -> None:
        """The residual is the distance to the space, for series that are there."""
        width = 2 * n
        rank = min(rank, width)
        rng = np.random.default_rng(5)
        q, _ = np.linalg.qr(rng.normal(size=(width, max(rank, 1))))
        basis = np.ascontiguousarray(q[:, :rank])
        lagged, present = rng.normal(size=width), rng.random(n) > 0.3
        lagged[:n][~present] = 0.0
        z = np.where(present, lagged[:n], np.nan)
        out = np.empty(n)
        basis_t = np.ascontiguousarray(basis[:n].T)

        pca_kernels.subspace_residual(z, lagged, basis, basis_t, out)

        assert_allclose(out, naive.subspace_residual(lagged, basis, present), atol=1e-12)

    @pytest.mark.parametrize("lags", [1, 2, 3])
    @pytest.mark.parametrize("n", SIZES)
    @pytest.mark.parametrize("odd", ODD)
    def test_lags(self, lags: int, n: int, odd: float | None) -> None:
        """A lagged row is the newest rows behind each other, clipped, missing cells at 0."""
        rows = np.array([row(n, odd, seed) for seed in range(4)])
        lagged = np.zeros(lags * n)
        for one in rows:
            pca_kernels.lag_push(one, 1.0, lagged)

        assert_allclose(lagged, naive.lagged(rows, lags, 1.0))

    @pytest.mark.parametrize("rank", [0, 1])
    def test_push(self, rank: int) -> None:
        """A row pushed moves the lags, and relative energies come out once there is a space."""
        z, lagged, basis = np.array([9.0, np.nan]), np.array([0.3, -0.2]), np.full((2, 1), 0.5**0.5)
        basis = np.ascontiguousarray(basis[:, :rank])
        usual, out = np.array([[0.5] * 2, [9.0] * 2]), np.full(2, -1.0)
        moved = np.array([1.5, 0.0])
        energies = naive.subspace_residual(moved, basis, np.isfinite(z))
        expected = naive.track_energy(energies, usual[0], usual[1], 50.0, 4.0, 0.01)

        pca_kernels.subspace_push(
            *(z, ENERGY.record(memory_rows=50), lagged, basis, np.ascontiguousarray(basis.T)),
            *(usual, True, out),
        )

        assert_allclose(lagged, moved)
        assert_allclose(out, expected[0] if rank else -1.0)
        assert_allclose(usual[0], expected[1] if rank else 0.5)

    @pytest.mark.parametrize("kernels", [pca_kernels, ssa_kernels])
    @pytest.mark.parametrize("learn", [False, True])
    @pytest.mark.parametrize("weight", [0.0, 7.0, 8.0, 100.0])
    def test_track(self, kernels: ModuleType, learn: bool, weight: float) -> None:
        """Relative energies and their means follow the twin, and are not learned when frozen."""
        energy = np.array([0.0, 0.5, 1e9, np.nan])
        usual = np.array([[0.7] * 4, [weight] * 4])
        expected = naive.track_energy(energy, usual[0], usual[1], 50.0, 4.0, 0.01)

        kernels.track_energy(energy, ENERGY.record(memory_rows=50), usual, learn)

        assert_allclose(energy, expected[0])
        assert_allclose(usual, expected[1:] if learn else [[0.7] * 4, [weight] * 4])


class TestFolds:
    @pytest.mark.parametrize("n", [0, 1, 2, 50])
    @pytest.mark.parametrize("k", [1, 2, 7])
    @pytest.mark.parametrize("odd", [None, np.nan, np.inf, 0.0])
    def test_top_mean(self, n: int, k: int, odd: float | None) -> None:
        """The mean of the next largest is that of a sort; no order of columns changes a bit."""
        x = np.abs(row(n, odd))

        ours = averages_kernels.top_mean(x, np.empty(k + 1))

        assert_allclose(ours, naive.top_mean(x, k))
        turned = averages_kernels.top_mean(np.ascontiguousarray(x[::-1]), np.empty(k + 1))
        assert ours == turned or np.isnan(ours)

    @pytest.mark.parametrize("n", SIZES)
    def test_windows(self, n: int) -> None:
        """Persistence, means and statistics are those of all rows, over many turns of the ring."""
        rng = np.random.default_rng(3)
        x = rng.normal(0.3, 2.0, size=(40, n))
        x[rng.random(x.shape) < 0.3] = np.nan
        ours = MovingAverages(n, MovingAveragesPolicy(short_rows=3, long_rows=8, clip=2.5))
        for t in range(len(x)):
            out = ours.push(x[t])
            pair, short, long = naive.windows(x[: t + 1], 3, 8, 2.5)
            k = int(np.ceil(np.sqrt(n)))
            expected = naive.mean_but_largest(np.array(pair)), naive.top_mean(long, k)
            assert_allclose(out, expected, atol=1e-12)
            assert_allclose(ours.persistence, pair)
            assert_allclose(ours.means, [short, long], atol=1e-12)

    def test_peaks(self) -> None:
        """Mean maxima and scales are winsorised, missing blocks left out; scores bend."""
        x = np.abs(np.random.default_rng(4).standard_t(2, size=(66, 4)))
        x[8:24, 1] = np.nan
        x[:, 2] = 0.0
        x[50, 3] = 1e9
        ours = BlockMaxima(4, PeaksPolicy(block_rows=4, memory_blocks=6))
        newest = np.array([3.0, 1e6, 2.0, np.nan])
        for t, one in enumerate(x):
            ours.learn(one)
            blocks = x[: (t + 1) // 4 * 4].reshape(-1, 4, 4)
            learned = [naive.block_maxima(blocks[:, :, j], 6) for j in range(4)]
            for values in (one, newest):
                largest = ours.score(values)
                expected = [naive.block_score(v, *learned[j], 4) for j, v in enumerate(values)]
                assert_allclose(ours.scores, expected)
                assert_allclose(largest, max((s for s in expected if s >= 0), default=np.nan))
            assert_allclose(ours.mean, [mean for _, mean, _ in learned])
        reach = [naive.block_score(50.0, *one, 4) for one in learned]
        assert ours.reach(np.full(4, 50.0)) == pytest.approx(np.median(reach))
        ours.select(appended(3, 5))
        assert np.isnan(ours.score(np.array([np.nan] * 4 + [9.0])))

    def test_a_burst_that_was_learned_blinds_no_series(self) -> None:
        """One block of a million scales moves the mean maximum by eight scales in a block."""
        x = np.abs(np.random.default_rng(5).normal(size=(1600, 1)))
        calm, burst = BlockMaxima(1), BlockMaxima(1)
        for t, one in enumerate(x):
            calm.learn(one)
            burst.learn(one + 1e6 * (t == 800))
        far = np.array([8.0])

        assert 0.8 * calm.score(far) < burst.score(far) < calm.score(far)

    @pytest.mark.parametrize("memory", [60, 1000])
    @pytest.mark.parametrize("n", [1, 2, 3, 5])
    def test_variance_chart(self, memory: int, n: int) -> None:
        """The chart of log amplitudes is that of the twin, gaps, zeros and storms included."""
        energies = np.random.default_rng(8).chisquare(1, size=(150, n))
        energies[100:, :2] *= 9.0
        energies[20:40, 0] = np.nan
        energies[50] = np.resize([0.0, np.inf, 1e300], n)
        ours = ResidualCharts(n, ResidualChartsPolicy(rows=4.0), memory)
        told = []
        for one in energies:
            *_, chart = ours.push(one, one, learn=True)
            told.append(chart)

        assert_allclose(told, naive.dispersion(np.sqrt(energies), 4.0, 12.0, memory))

    def test_what_stands_still_has_no_variance_to_chart(self) -> None:
        """A start time and a count of restarts that jump say nothing there; what varies does."""
        energies = np.random.default_rng(9).chisquare(1, size=(400, 4))
        energies[:, 2:] = 0.0
        energies[300:, 2:] = 50.0
        ours = ResidualCharts(4)
        told = [ours.push(one, one, learn=t < 300)[2] for t, one in enumerate(energies)]

        assert np.nanmax(told[300:]) < 3.0
        assert np.isnan(ours.variance_chart[2:]).all()

    @pytest.mark.parametrize("n", SIZES)
    @pytest.mark.parametrize("odd", [None, np.nan, np.inf, 0.0])
    @pytest.mark.parametrize("loud", [0.0, 6.0])
    def test_residuals(self, n: int, odd: float | None, loud: float) -> None:
        """What energies say of one row, and of two in a row, follows its formula."""
        crossed, before, lagged = (np.abs(row(n, odd, seed)) for seed in range(3))
        ours = ResidualCharts(n, memory_rows=100)
        peaks = np.where(np.arange(n) % 2, loud, 1.0)
        for _ in range(16 * 4):
            ours.push(peaks**2, peaks, learn=False)
            ours.learn()
        ours.clear()
        assert np.isnan(ours.push(before, lagged, learn=True)[0])

        out = ours.push(crossed, lagged, learn=True)

        assert_allclose(out[:2], naive.residuals(crossed, before, lagged, peaks))

    @pytest.mark.parametrize("rows", [1, 4])
    def test_novelty(self, rows: int) -> None:
        """Distances are those of the twin while the memory overflows, gaps included."""
        rng = np.random.default_rng(9)
        z = rng.normal(size=(300, 3)) * np.array([1.0, 5.0, 30.0])
        z[40:60, 0] = np.nan
        z[100] = np.nan
        z[200:, 1] += 60.0
        learned = rng.random(300) < 0.8
        ours = Novelty(3, NoveltyPolicy(rows=rows, size=8))
        found = []
        for one, learn in zip(z, learned, strict=True):
            found.append(ours.push(one))
            if learn:
                ours.learn()

        assert_allclose(found, naive.novelty(z, rows, 8, 0.1, learned), rtol=1e-5, atol=1e-6)

    def test_novelty_state_and_growth(self) -> None:
        """A copy goes on as the original does; a series that joins does not hide the others."""
        rng = np.random.default_rng(10)
        ours, copy = (Novelty(3, NoveltyPolicy(size=8)) for _ in range(2))
        for one in rng.normal(size=(50, 3)):
            ours.push(one)
            ours.learn()
        copy.load_state_dict(ours.state_dict())
        for novelty in (ours, copy):
            novelty.clear()
            novelty.select(appended(3, 4))
        far = np.array([[0.0, 0.0, 0.0, 50.0]] * 8)
        assert_allclose([ours.push(one) for one in far], [copy.push(one) for one in far], rtol=0)
        assert int(np.argmax(ours.scores)) == 3

    @pytest.mark.parametrize("known", [1, 10])
    def test_missingness(self, known: int) -> None:
        """The surprisal of every gap is that of the twin; empty rows say nothing."""
        rng = np.random.default_rng(5)
        x = rng.normal(size=(80, 3))
        x[rng.random(80) < 0.2, 0] = np.nan
        x[70:, 1] = np.nan
        learned = rng.random(80) < 0.8
        ours = Missingness(3, MissingnessPolicy(known_rows=known))
        for one, learn in zip(x, learned, strict=True):
            worst = ours.push(one, learn=bool(learn))
            ours.push(np.full(3, np.nan), learn=True)

        expected = [naive.silence(~np.isnan(x[:, j]), learned, known) for j in range(3)]
        assert_allclose(ours.surprisal, expected)
        assert worst == pytest.approx(max(0.0, max(expected) - np.log(3)))
        assert ours.gap == 10

    @pytest.mark.parametrize("known", [1, 10])
    def test_missingness_of_what_is_slower_than_the_grid(self, known: int) -> None:
        """Nothing while a value is not due; then the surprisal of the twin."""
        rng, due = np.random.default_rng(6), np.arange(100) % 5 == 0
        there = np.column_stack([due, due, np.ones(100, dtype=bool)])
        there[40, 1] = False
        there[80:, :2] = False
        learned = rng.random(100) < 0.9
        ours = Missingness(3, MissingnessPolicy(known_rows=known))
        found, waits = [], []
        for one, learn in zip(there, learned, strict=True):
            ours.push(np.where(one, 1.0, np.nan), learn=bool(learn))
            found.append(ours.surprisal.copy())
            waits.append(ours.waiting.copy())

        expected = [
            [naive.silence(there[: t + 1, j], learned[: t + 1], known) for j in range(3)]
            for t in range(100)
        ]
        assert_allclose(found, expected)
        assert [5, 10, 0] == ours.periods.tolist()
        assert [True] * 4 + [False] * 20 == [bool(one[0]) for one in waits[76:]]

    def test_missingness_of_before(self) -> None:
        """A state that knows no slow series is continued, with the same surprisal."""
        ours, copy = Missingness(2), Missingness(2)
        for _ in range(40):
            ours.push(np.ones(2), learn=True)
        state = ours.state_dict()
        state["_counts"] = state["_counts"][:4]
        copy.load_state_dict(state)
        for one in (ours, copy):
            one.push(np.array([1.0, np.nan]), learn=False)

        assert_allclose(copy.surprisal, ours.surprisal, rtol=0)

    def test_gap_of_who_fell_silent_beside_a_renamed_series(self) -> None:
        """Who left when a new one came is excused; nobody silent, nobody known has no gap."""
        ours = Missingness(3)
        gaps = [ours.gap]
        for _ in range(40):
            ours.push(np.ones(3), learn=True)
        ours.select(appended(3, 4))
        for row in range(20):
            gone = [np.nan, 1.0 if row < 8 else np.nan, 1.0, 1.0]
            ours.push(np.array(gone), learn=False)
            gaps.append(ours.gap)

        assert gaps == [0] * 9 + [*range(1, 13)]

    @pytest.mark.parametrize("size", [1e-9, 1.0, 1e200])
    def test_logarithms(self, size: float) -> None:
        """The logarithm of a product neither overflows nor loses what is small."""
        energy = size * np.random.default_rng(10).chisquare(1, size=200)

        ours = charts_kernels.mean_log1p(energy)

        assert_allclose(ours, np.sort(np.log1p(energy))[:-1].mean(), rtol=1e-12, atol=1e-15)

    @pytest.mark.parametrize("kernels", [averages_kernels, charts_kernels])
    @pytest.mark.parametrize("n", [0, 1, 2, 3, 50])
    @pytest.mark.parametrize("odd", [None, np.nan, np.inf, 1e300, 0.0])
    def test_largest_left_out(self, kernels: ModuleType, n: int, odd: float | None) -> None:
        """However large the largest is, it changes no digit of the mean of the others."""
        x = np.abs(row(n, odd))
        if odd is not None and n > 3:
            x[-1] = 1.0

        assert_allclose(kernels.mean_but_largest(x), naive.mean_but_largest(x))

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([], np.nan),
            ([np.nan, 2.0], 2.0),
            ([1.0, 2.0], 2.0),
            ([1.0, np.nan, 3.0, 2.0], 2.0),
            ([-1.0, -3.0, -2.0], -2.0),
            ([5.0, 5.0, 1.0], 5.0),
        ],
    )
    def test_second_largest(self, values: list[float], expected: float) -> None:
        """Of three or more the second, of fewer the largest."""
        assert_allclose(charts_kernels.second_largest(np.array(values, dtype=float)), expected)

    def test_nothing_present(self) -> None:
        """Without any value there is no mean and no maximum."""
        nothing = np.full(3, np.nan)

        for kernels in (averages_kernels, charts_kernels):
            assert np.isnan(kernels.mean_but_largest(nothing))
        assert np.isnan(averages_kernels.top_mean(nothing, np.empty(3)))
        assert np.isnan(charts_kernels.mean_log1p(nothing))
        assert np.isnan(charts_kernels.second_largest(nothing))

    @pytest.mark.parametrize("slack", [0.0, 0.5])
    def test_cusum(self, slack: float) -> None:
        """The recursion and its age follow the twin through missing scores and the ceiling."""
        scores = np.random.default_rng(6).normal(0.3, 1.0, size=(60, 2))
        scores[[5, 6, 30], 0] = np.nan
        y, age, path = np.zeros(2), np.zeros(2, np.int64), []
        for one in scores:
            cusum_kernels.cusum_step(one, slack, 3.0, y, age)
            path.append((y.copy(), age.copy()))

        for c in range(2):
            ours = [(p[0][c], p[1][c]) for p in path]
            assert_allclose(ours, naive.cusum(scores[:, c], slack, 3.0))


class TestTail:
    @pytest.mark.parametrize("size", [3, 4, 20, 60])
    @pytest.mark.parametrize("kind", ["normal", "heavy", "constant", "quantised"])
    @pytest.mark.parametrize("unit", [1e-9, 5.0])
    def test_fit(self, size: int, kind: str, unit: float) -> None:
        """The tail of a list of block maxima is that of its twin."""
        rng = np.random.default_rng(7)
        maxima = {
            "normal": rng.normal(size=size),
            "heavy": rng.pareto(1.5, size=size),
            "constant": np.full(size, 2.0),
            "quantised": rng.integers(0, 3, size=size).astype(float),
        }[kind]
        top, when = np.full((1, 41), -np.inf), np.full((1, 41), -1)
        for now, value in enumerate(maxima):
            tail_kernels.tail_push(value, now, top[0], when[0])
        out = np.full(4, np.nan)

        policy = TailPolicy(share=0.3, max_peaks=12).record()
        tail_kernels.tail_fit(top[0], size, 4, policy, unit, out)

        assert_allclose(out, naive.tail(maxima, 0.3, 12, 4, unit), rtol=1e-9)

    def test_fit_needs_blocks(self) -> None:
        """A statistic with too few blocks has no tail."""
        out = np.zeros(4)

        tail_kernels.tail_fit(np.array([3.0, 2.0, 1.0]), 2, 4, TailPolicy().record(), 0.1, out)

        assert np.isnan(out[0])

    def test_forget(self) -> None:
        """Old entries go, and the rest stays in order."""
        top, when = np.array([4.0, 3.0, 2.0]), np.array([0, 9, 5])

        tail_kernels.tail_forget(5, top, when)

        assert (top.tolist(), when.tolist()) == ([3.0, 2.0, -np.inf], [9, 5, -1])

    @pytest.mark.parametrize("value", [-1.0, 1.0, 1.5, 40.0, np.nan, np.inf])
    def test_log_p(self, value: float) -> None:
        """The p-value of a score is that of its twin."""
        out, beyond = np.empty(1), np.empty(1)
        tails = np.array([[1.0, 0.5, 0.2, 0.1]])

        verdict_kernels.tail_log_p(np.array([value]), tails, out, beyond)

        with np.errstate(divide="ignore"):
            expected = -np.inf if value == np.inf else naive.tail_log_p(value, *tails[0])
        assert_allclose(out[0], expected)
        assert_allclose(beyond[0], np.log(0.1) - expected if expected else 0.0)

    def test_worst_margin(self) -> None:
        """The statistic farthest beyond its own limit is found among those that are used."""
        rng = np.random.default_rng(8)
        for used in (np.array([True, True, False, True]), np.array([False, True, False, False])):
            log_p, accepted = -rng.exponential(9.0, size=4), rng.exponential(size=4)
            easing, traits = rng.normal(size=4), traits_of(used, used)
            expected = naive.worst_margin(log_p, -7.0, 0.5, accepted, used, easing)

            found = verdict_kernels.worst_margin(log_p, -7.0, 0.5, accepted, traits, easing)
            assert found == expected[0]
            assert_allclose(accepted, expected[1])

    @pytest.mark.parametrize("relief", [0.0, 2.0])
    @pytest.mark.parametrize("others", [-1.0, 0.0])
    @pytest.mark.parametrize("said", [0.0, -5.0, -9.0])
    def test_novelty_gate(self, relief: float, others: float, said: float) -> None:
        """Limits are eased and tightened as the rule of the novelty gate says."""
        log_p, level_free = (
            np.array([others, said, others, -3.0]),
            np.array([False, False, True, True]),
        )
        for used in (np.ones(4, dtype=bool), np.array([False, True, False, True])):
            easing = np.empty(4)
            rule = (3, 1, -7.0, relief, level_free, used)

            policy = gate_of(rare_log_p=-7.0, relief=relief)
            traits = traits_of(used, level_free)
            verdict_kernels.novelty_gate(log_p, 3, policy, relief, traits, easing)

            assert_allclose(easing, naive.novelty_gate(log_p, *rule))

    def test_judge(self) -> None:
        """Tails and surprises become p-values, sums since they left zero, and one margin."""
        tails = np.array([[1.0, 0.5, 0.2, 0.1], [2.0, 1.0, 0.3, 0.2]])
        rows = np.random.default_rng(9).exponential(2.0, size=(40, 3))
        used, cusum = np.array([True, False, True]), Cusum(3, slack=1.0, ceiling=30.0)
        log_p, easing, accepted, beyond = np.empty(3), np.empty(3), np.ones(3), np.empty(3)
        policy, traits = gate_of(rare_log_p=-7.0, relief=0.0), traits_of(used, used)
        told = []
        for one in rows:
            before = accepted.copy()
            verdict = verdict_kernels.judge(
                *(one, tails, policy, traits, -7.0, 0.9, accepted, log_p, easing, beyond),
            )
            cusum.push(beyond)
            told.append([*(naive.tail_log_p(one[c], *tails[c]) for c in range(2)), -one[2]])

        assert_allclose(log_p, told[-1])
        assert_allclose(easing, [0.0, -np.inf, 0.0])  # the gate is open
        assert verdict == naive.worst_margin(log_p, -7.0, 0.9, before, used, easing)[0]
        rates = np.where(np.array(told) < 0.0, np.log([0.1, 0.2, 1.0]), 0.0)
        paths = [naive.cusum(scores, 1.0, 30.0)[-1] for scores in (rates - told).T]
        assert_allclose(np.transpose([cusum.statistic, cusum.onset]), paths)
