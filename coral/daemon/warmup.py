"""Compile all kernels, or load them, before the first row: `python -m coral.daemon.warmup`.

numba compiles a kernel at its first call, and keeps it on disk (`NUMBA_CACHE_DIR`) for the next
process. Most are first called by the first incident: the worst moment for it.
"""

import numpy as np

from coral.config import SystemConfig
from coral.contract.events import Event
from coral.engine import Engine
from streams.records import Frame

__all__ = ["warm"]

_NAMES = tuple(f"{entity}:{metric}" for entity in "abc" for metric in "xyz")
_NORMAL_ROWS = 400  # twice that overflows what the trigger remembers
_FAULT_ROWS = 40


def warm() -> list[Event]:
    """Drive a made-up system into an incident and out of it; return the events, which nobody sees.

    Afterwards no row waits for a compiler.
    """
    system = SystemConfig(name="warm", interval_s=1.0, kpi=_NAMES[:1], edges=(("b", "a"),))
    engine = Engine(system)
    x = np.random.default_rng(0).normal(size=(2 * _NORMAL_ROWS, len(_NAMES)))
    x[_NORMAL_ROWS : _NORMAL_ROWS + _FAULT_ROWS, :5] += 50.0
    x[::50, 8] = np.nan
    frames = (Frame(system.name, float(t), _NAMES, row) for t, row in enumerate(x))
    return [event for frame in frames for event in engine.step(frame)]


if __name__ == "__main__":
    warm()
