"""The benchmarks are scripts, not a package: their folder is searched last."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))
