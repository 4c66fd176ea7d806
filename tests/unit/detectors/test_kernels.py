"""Every kernel against its textbook twin, over grids of missing, infinite and constant cells."""

import numpy as np
import pytest
from naive import detectors as naive
from numpy.testing import assert_allclose

from detectors import _kernels as kernels

ODD = [None, np.nan, np.inf, -np.inf, 0.0]
SIZES = [0, 1, 2, 7]


def row(n, odd, seed=0):
    """One row, with an odd value at its first and last place."""
    x = np.random.default_rng(seed).normal(size=n)
    if odd is not None and n:
        x[0] = x[-1] = odd
    return x


def windows(n, lags, seed=0):
    """Rings of n series, shape (n, 2 lags), and the windows they hold, start at 0."""
    cells = np.random.default_rng(seed).normal(size=(n, lags))
    return np.ascontiguousarray(np.hstack([cells, cells])), cells


class TestScaler:
    @pytest.mark.parametrize("n", SIZES)
    @pytest.mark.parametrize("odd", ODD)
    @pytest.mark.parametrize("spread", [0.0, 1e-300, 1.0, np.nan])
    def test_normalise(self, n, odd, spread):
        """A row is normalised like its twin does it."""
        x, z = row(n, odd), np.empty(n)
        loc, scale = np.zeros(n), np.full(n, spread)

        kernels.scaler_normalise(x, loc, scale, 50.0, z)

        assert_allclose(z, naive.scaler_normalise(x, loc, scale, 50.0))

    @pytest.mark.parametrize("n", SIZES)
    @pytest.mark.parametrize("odd", [*ODD, 1e9])
    @pytest.mark.parametrize("spread", [0.0, 0.1, np.nan])
    def test_learn(self, n, odd, spread):
        """Location, scale, weight and extreme rows move like those of the twin."""
        x = row(n, odd)
        state = np.zeros(n), np.full(n, spread), np.full(n, 5.0), np.arange(float(n))
        expected = naive.scaler_learn(x, *state, 6.0, 2.0, 50.0, 8.0)

        kernels.scaler_learn(x, *state, 6.0, 2.0, 50.0, 8.0)

        for ours, theirs in zip(state, expected, strict=True):
            assert_allclose(ours, theirs)

    def test_observe(self):
        """Only finite cells are remembered, and a series is ready when its memory is full."""
        scale, recent, seen = np.full(2, np.nan), np.full((2, 2), np.nan), np.zeros(2, np.int64)

        ready = [
            kernels.scaler_observe(np.array(x), scale, recent, seen)
            for x in ([1.0, np.nan], [2.0, np.inf], [3.0, 7.0])
        ]

        assert ready == [0, 1, 1]
        assert_allclose(recent, [[3.0, 2.0], [7.0, np.nan]])


class TestWindows:
    @pytest.mark.parametrize("n", SIZES)
    @pytest.mark.parametrize("rows", [1, 3, 4, 9])
    def test_ring(self, n, rows):
        """A ring holds the newest rows in order."""
        x = np.random.default_rng(1).normal(size=(rows, n))
        ring, position = np.full((n, 8), np.nan), 0
        for one in x:
            kernels.ring_push(one, ring, position, 4)
            position = (position + 1) % 4
        held = np.full((4, n), np.nan)
        held[4 - min(rows, 4) :] = x[-4:]

        assert_allclose(ring[:, position : position + 4], held.T)

    @pytest.mark.parametrize("missing", [[], [0], [3], [1, 2], [0, 1, 2, 3]])
    def test_mean(self, missing):
        """Window means leave out what is missing."""
        ring, cells = windows(5, 4)
        ring[2, missing] = cells[2, missing] = np.nan
        out = np.empty(5)

        kernels.window_mean(ring, 0, 4, out)

        assert_allclose(out, naive.window_mean(cells))

    @pytest.mark.parametrize(
        "missing", [[], [0], [3], [5], [1, 4], [0, 1, 2], [0, 1, 2, 3], [1, 5]]
    )
    @pytest.mark.parametrize("rank", [1, 2, 3])
    @pytest.mark.parametrize("n", SIZES)
    def test_energy(self, missing, rank, n):
        """The energy of a window with gaps is the smallest that any filling gives."""
        lags = 6
        ring, cells = windows(n, lags, seed=2)
        if n:
            ring[0, missing] = cells[0, missing] = np.nan
        q, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(lags, lags)))
        residual = np.ascontiguousarray(q[:, rank:] @ q[:, rank:].T)
        out, work, window = np.empty(n), np.empty((lags, lags)), np.empty(lags)

        kernels.ssa_energy(ring, 0, residual, rank, 1.5, work, window, out)

        assert_allclose(out, naive.ssa_energy(cells, residual, rank, 1.5), rtol=1e-7, atol=1e-9)

    @pytest.mark.parametrize("n", SIZES)
    @pytest.mark.parametrize("missing", [[], [0], [2, 3]])
    def test_gram(self, n, missing):
        """Only complete windows enter the Gram matrix."""
        ring, cells = windows(n, 4, seed=4)
        if n:
            ring[-1, missing] = cells[-1, missing] = np.nan
        gram = np.zeros((4, 4))
        expected, count = naive.gram(cells, 1.0)

        assert kernels.gram_add(ring, 0, 1.0, np.empty(4), gram) == count
        assert_allclose(gram, expected)


class TestSubspace:
    @pytest.mark.parametrize("n", SIZES)
    @pytest.mark.parametrize("rank", [0, 1, 2])
    def test_residual(self, n, rank):
        """The residual is the distance to the space, for series that are there."""
        width = 2 * n
        rank = min(rank, width)
        rng = np.random.default_rng(5)
        q, _ = np.linalg.qr(rng.normal(size=(width, max(rank, 1))))
        basis = np.ascontiguousarray(q[:, :rank])
        lagged, present = rng.normal(size=width), rng.random(n) > 0.3
        lagged[:n][~present] = 0.0
        out, fitted = np.empty(n), np.empty(n)
        basis_t = np.ascontiguousarray(basis[:n].T)

        kernels.subspace_residual(lagged, basis, basis_t, np.empty(rank), fitted, present, out)

        assert_allclose(out, naive.subspace_residual(lagged, basis, present), atol=1e-12)

    @pytest.mark.parametrize("learn", [False, True])
    @pytest.mark.parametrize("weight", [0.0, 7.0, 8.0, 100.0])
    def test_track(self, learn, weight):
        """Relative energies and their means follow the twin, and are not learned when frozen."""
        energy = np.array([0.0, 0.5, 1e9, np.nan])
        mean, weights, out = np.full(4, 0.7), np.full(4, weight), np.empty(4)
        expected = naive.track_energy(energy, mean, weights, 50.0, 4.0, 0.01)

        kernels.track_energy(energy, mean, weights, 50.0, 4.0, 0.01, learn, out)

        assert_allclose(out, expected[0])
        assert_allclose(mean, expected[1] if learn else 0.7)
        assert_allclose(weights, expected[2] if learn else weight)


class TestFolds:
    @pytest.mark.parametrize("n", [0, 1, 2, 50])
    @pytest.mark.parametrize("k", [1, 2, 7])
    @pytest.mark.parametrize("odd", [None, np.nan, np.inf, 0.0])
    def test_top_mean(self, n, k, odd):
        """The mean of the largest is that of a sort, and no order of columns changes a bit."""
        x = row(n, odd)

        ours = kernels.top_mean(x, k, np.empty(k))

        assert_allclose(ours, naive.top_mean(x, k))
        turned = kernels.top_mean(np.ascontiguousarray(x[::-1]), k, np.empty(k))
        assert ours == turned or np.isnan(ours)

    @pytest.mark.parametrize("n", SIZES)
    @pytest.mark.parametrize("odd", [None, np.nan, 0.0])
    def test_present_mean(self, n, odd):
        """The mean leaves out what is missing."""
        x = row(n, odd)

        assert_allclose(kernels.present_mean(x), naive.present_mean(x))

    def test_age(self):
        """Ages count rows above the limit; missing scores and low ones set them back."""
        age = np.array([3, 3, 3])

        kernels.age_step(np.array([2.0, np.nan, 1.0]), 1.0, age)

        assert age.tolist() == [4, 0, 0]

    @pytest.mark.parametrize("slack", [0.0, 0.5])
    def test_cusum(self, slack):
        """The recursion and its age follow the twin through missing scores and the ceiling."""
        scores = np.random.default_rng(6).normal(0.3, 1.0, size=(60, 2))
        scores[[5, 6, 30], 0] = np.nan
        y, age, path = np.zeros(2), np.zeros(2, np.int64), []
        for one in scores:
            kernels.cusum_step(one, slack, 3.0, y, age)
            path.append((y.copy(), age.copy()))

        for c in range(2):
            ours = [(p[0][c], p[1][c]) for p in path]
            assert_allclose(ours, naive.cusum(scores[:, c], slack, 3.0))


class TestTail:
    @pytest.mark.parametrize("size", [3, 4, 20, 60])
    @pytest.mark.parametrize("kind", ["normal", "heavy", "constant", "quantised"])
    def test_fit(self, size, kind):
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
            kernels.tail_push(np.array([value]), now, top, when)
        out = [np.full(1, np.nan) for _ in range(4)]

        kernels.tail_fit(top, np.array([size]), 4, 0.3, 12, *out)

        expected = naive.tail(maxima, 0.3, 12, 4)
        assert_allclose([o[0] for o in out], expected, rtol=1e-9)

    def test_fit_needs_blocks(self):
        """A channel with too few blocks has no tail."""
        out = [np.zeros(1) for _ in range(4)]

        kernels.tail_fit(np.array([[3.0, 2.0, 1.0]]), np.array([2]), 4, 0.3, 2, *out)

        assert np.isnan(out[0][0])

    def test_forget(self):
        """Old entries go, and the rest stays in order."""
        top, when, blocks = np.array([[4.0, 3.0, 2.0]]), np.array([[0, 9, 5]]), np.array([10])

        kernels.tail_forget(5, 10, top, when, blocks)

        assert (top[0].tolist(), when[0].tolist()) == ([3.0, 2.0, -np.inf], [9, 5, -1])
        assert blocks.tolist() == [5]

    @pytest.mark.parametrize("value", [-1.0, 1.0, 1.5, 40.0, np.nan, np.inf])
    def test_log_p(self, value):
        """The p-value of a score is that of its twin."""
        out = np.empty(1)

        kernels.tail_log_p(*(np.array([v]) for v in (value, 0.1, 1.0, 0.5, 0.2)), out)

        with np.errstate(divide="ignore"):
            expected = -np.inf if value == np.inf else naive.tail_log_p(value, 1.0, 0.5, 0.2, 0.1)
        assert_allclose(out[0], expected)
