"""The benchmarks are scripts, not a package: their folder is searched last.

`benchmarks/kafka.py` must not hide the client of the same name.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))
