"""Whether a second thread pays: the nodes of a solve shared between two, against one."""

import one_thread  # noqa: F401 - before numpy

# isort: split
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numba as nb
import numpy as np
from common import finish, options
from graph_synthetic import tiled

from coral.graph import CausalGraph, _solver_kernels

UPDATE_ROWS = 16
UPDATES = 20
SETTLED = 1024
Kernel = Callable[..., tuple[float, float]]


def shared(pool: ThreadPoolExecutor) -> Kernel:
    """Return `solve_all` that gives each of two threads one half of the nodes."""
    free = nb.njit(nogil=True, error_model="numpy")(_solver_kernels.solve_all.py_func)

    def solve_all(*arguments: Any) -> tuple[float, float]:
        *fixed, wanted, floors, base, settings, coefs, noise = arguments
        jobs, total = [], np.zeros(2)
        for half in np.array_split(np.arange(coefs.shape[0]), 2):
            mine = np.zeros(coefs.shape[0], dtype=np.bool_)
            mine[half] = True
            own = coefs.copy()
            own[~mine] = 0.0
            out = (own, noise.copy())
            args = (*fixed, wanted & mine, floors, base, settings.copy(), *out)
            jobs.append((mine, out, pool.submit(free, *args)))
        for mine, (part, left), job in jobs:
            total += job.result()
            coefs[mine], noise[mine] = part[mine], left[mine]
        return float(total[0]), float(total[1])

    return solve_all


@contextmanager
def replaced(kernel: Kernel) -> Iterator[None]:
    """Solve with another kernel for a while."""
    before = _solver_kernels.solve_all
    setattr(_solver_kernels, "solve_all", kernel)  # noqa: B010
    try:
        yield
    finally:
        _solver_kernels.solve_all = before


def measured(n: int, lags: int, kernel: Kernel) -> tuple[float, float, np.ndarray]:
    """Wall-clock ms of the fastest warm update, ms of it in the kernel, and the graph."""
    spent = 0.0

    def timed(*arguments: Any) -> tuple[float, float]:
        nonlocal spent
        begin = time.perf_counter()
        moved = kernel(*arguments)
        spent += time.perf_counter() - begin
        return moved

    rows = tiled(0, n, lags, SETTLED + UPDATE_ROWS * UPDATES)
    graph = CausalGraph(n, lags)
    with replaced(timed):
        graph.update_block(rows[:SETTLED])
        graph.solve()
        best = (np.inf, 0.0)
        for start in range(SETTLED, len(rows), UPDATE_ROWS):
            spent, begin = 0.0, time.perf_counter()
            graph.update_block(rows[start : start + UPDATE_ROWS])
            graph.solve()
            best = min(best, (time.perf_counter() - begin, spent))
    return 1e3 * best[0], 1e3 * best[1], graph.invariant.copy()


def threads(sizes: dict[int, int]) -> dict[str, Any]:
    """One thread against two, by number of series; `sizes` maps it to the lags."""
    table = {}
    with ThreadPoolExecutor(2) as pool:
        two_threads = shared(pool)
        for n, lags in sizes.items():
            one_ms, kernel_ms, one = measured(n, lags, _solver_kernels.solve_all)
            two_ms, _, two = measured(n, lags, two_threads)
            table[str(n)] = {
                "one_ms": one_ms,
                "two_ms": two_ms,
                "kernel_share": kernel_ms / one_ms,
                "identical": bool(np.array_equal(one, two)),
            }
    return table


def main() -> None:
    """Measure, print, write."""
    chosen = options(__doc__ or "").parse_args()
    table = threads({100: 3} if chosen.quick else {300: 3, 1000: 1})
    figures = {f"{key}_{n}": row[key] for n, row in table.items() for key in ("one_ms", "two_ms")}
    finish(chosen, figures, threads=table)


if __name__ == "__main__":
    main()
