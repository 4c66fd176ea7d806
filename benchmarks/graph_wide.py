"""What an incident costs when it opens on a system of 5,000 series: time, memory, what is left out.

In a process of its own, so that its peak is that of this system alone.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import time

import numpy as np
from common import finish, options, peak_rss_mb

from coral.config import SystemConfig
from coral.engine import Engine
from streams.records import Frame

SERIES, PER_ENTITY = 5000, 10
ROWS = {False: 900, True: 300}


def opened(n_series: int, rows: int) -> dict[str, float]:
    """CPU seconds of the frame that opens an incident, and the memory of the process."""
    rng = np.random.default_rng(0)
    names = tuple(f"e{i // PER_ENTITY}:m{i % PER_ENTITY}" for i in range(n_series))
    system = SystemConfig(name="wide", interval_s=1.0, kpi=(names[0],))
    engine, x = Engine(system, onset=float(rows)), np.zeros(n_series)
    for t in range(rows):
        x = 0.6 * x + rng.normal(size=n_series)
        engine.step(Frame("wide", float(t), names, x))
    before, begin = peak_rss_mb(), time.thread_time()
    events = engine.step(Frame("wide", float(rows), names, x + 10.0 * (np.arange(n_series) == 7)))
    seconds = time.thread_time() - begin
    screened = events[0].data.screened
    return {
        "open_s": seconds,
        "peak_mb_watching": before,
        "peak_mb_open": peak_rss_mb(),
        "series_in_graph": n_series if screened is None else screened.in_graph,
    }


def main() -> None:
    """Load the kernels with a small system, measure the wide one, write."""
    chosen = options(__doc__ or "").parse_args()
    opened(50, 200)
    found = opened(SERIES, ROWS[chosen.quick])
    finish(chosen, {f"{name}_{SERIES}": round(value, 3) for name, value in found.items()})


if __name__ == "__main__":
    main()
