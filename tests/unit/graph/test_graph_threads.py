"""The number of threads changes nothing that is published."""

import os
import subprocess
import sys

PROGRAM = """
import sys
import numpy as np
from coral.contract.events import encode
from coral.config import SystemConfig
from coral.engine import Engine
from streams.records import Frame
n = 160
rng = np.random.default_rng(0)
rows = rng.normal(size=(400, n))
rows[1:, 1:] += 0.5 * rows[:-1, :-1]
rows[360:, 5] += 20.0
rows[rng.random(rows.shape) < 0.02] = np.nan
names = tuple(f"e{i // 4}:m{i % 4}" for i in range(n))
engine = Engine(SystemConfig(name="s", interval_s=1.0, kpi=("e0:m0",)), onset=360.0)
for t, x in enumerate(rows):
    for event in engine.step(Frame("s", float(t), names, x)):
        sys.stdout.buffer.write(encode(event) + b"\\n")
"""
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def test_one_thread_and_two_publish_the_same_bytes() -> None:
    """Of the linear algebra library and of numba; large enough for it to share the work."""
    found = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | dict.fromkeys(VARIABLES, number),
            capture_output=True,
            check=True,
        ).stdout
        for number in ("1", "2")
    ]

    assert found[0].count(b"\n") > 10
    assert found[0] == found[1]
