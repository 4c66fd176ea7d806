"""`make fuzz`: every target explored for a while, and what that took written as a result.

The corpus stays where `--corpus` says, so that the next run goes on from it. The exit code is 1
when any target failed; the input that did it is in the corpus' folder as `crash-*`.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from fuzzed import NAMES

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from common import save

HERE = Path(__file__).parent
MOST_LENGTH = 1 << 14
_TOLD = re.compile(r"cov: (\d+) .*corp: (\d+)/(\w+)")
_RUNS = re.compile(r"stat::number_of_executed_units: (\d+)")


def explored(name: str, corpus: Path, seconds: int) -> dict[str, Any]:
    """Explore one target and return what came of it."""
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={MOST_LENGTH}",
        f"-artifact_prefix={corpus}/",
        "-timeout=60",  # of the clock, for what never ends; a second of CPU is judged by `explore`
        "-print_final_stats=1",
        "-seed=1",
    ]
    command = [sys.executable, str(HERE / "explore.py"), name, str(corpus / name), *options]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    runs, told = _RUNS.findall(done.stderr), _TOLD.findall(done.stderr)
    if done.returncode or not runs or not told:
        print(done.stdout[-2000:], done.stderr[-4000:], file=sys.stderr)
    branches, inputs, size = told[-1] if told else ("0", "0", "0b")
    return {
        "inputs_tried": int(runs[-1]) if runs else 0,
        "seconds": seconds,
        "branches": int(branches),
        "corpus": int(inputs),
        "corpus_size": size,
        "failed": done.returncode != 0,
    }


def main() -> int:
    """Explore all targets, one after the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--corpus", type=Path, default=Path(".fuzz"))
    parser.add_argument("--only", nargs="*", help="targets, by default all")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    chosen.quick = False
    results = {}
    for name in chosen.only or NAMES:
        results[name] = explored(name, chosen.corpus, chosen.seconds)
        print(name, results[name], flush=True)
    figures = {
        "inputs": sum(each["inputs_tried"] for each in results.values()),
        "hours": sum(each["seconds"] for each in results.values()) / 3600,
        "failed": sum(each["failed"] for each in results.values()),
    }
    save(chosen, figures, targets=results)
    return int(figures["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
