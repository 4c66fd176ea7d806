"""The benchmarks are scripts, not a package: their folders are searched last."""

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"

sys.path += [str(BENCHMARKS), str(BENCHMARKS / "live"), str(BENCHMARKS / "record")]
