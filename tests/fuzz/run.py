"""`make fuzz`: every target of `fuzzed` explored for a while, and what came of it as a result.

By atheris (libFuzzer), each target in a child of its own. An input that takes more than a second of
CPU, more than 64 MB, or raises what its reader does not promise ends its target: it is kept in the
corpus' folder as `crash-*`, and the exit code is 1. The corpus stays where `--corpus` says, so that
the next run goes on from it.
"""

import argparse
import os
import re
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import atheris

# Readers are followed branch by branch; kernels are not, numba compiles them as they are.
with atheris.instrument_imports(
    include=["coral.checkpoint", "coral.contract", "coral.http", "coral.settings", "streams"]
):
    from fuzzed import HURTS, NAMES, bounded, opened, watched

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from common import save

SLOW_S = 1.0
MOST_LENGTH = 1 << 14
_TOLD = re.compile(r"cov: (\d+) .*corp: (\d+)/(\w+)")
_RUNS = re.compile(r"stat::number_of_executed_units: (\d+)")


def explore(name: str, corpus: Path, seconds: int) -> None:
    """Explore one target in this process; libFuzzer ends it."""
    with opened(name) as (seeds, read), watched():
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate((*seeds, *HURTS)):
            (corpus / f"seed-{number}").write_bytes(seed)
        read(seeds[0])  # what is compiled or imported at first use is no input's fault

        def one(data: bytes) -> None:
            begun = time.process_time()
            bounded(read, data)
            took = time.process_time() - begun
            if took > SLOW_S:
                raise TimeoutError(f"{len(data)} bytes took {took:.1f} s")

        options = [
            f"-max_total_time={seconds}",
            f"-max_len={MOST_LENGTH}",
            f"-artifact_prefix={corpus}/",
            "-timeout=60",  # of the clock, for what never ends; a second of CPU is judged above
            "-print_final_stats=1",
            "-seed=1",
        ]
        atheris.Setup([sys.argv[0], str(corpus), *options], one)
        atheris.Fuzz()


def explored(name: str, corpus: Path, seconds: int) -> dict[str, Any]:
    """Explore one target in a child, and return what it told."""
    log = corpus / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    child = os.fork()
    if not child:
        with log.open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        try:
            explore(name, corpus / name, seconds)
        except BaseException:  # noqa: BLE001 - the child must not go on as its parent
            traceback.print_exc()
        os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    text = log.read_text(errors="replace")
    runs, told = _RUNS.findall(text), _TOLD.findall(text)
    branches, inputs, size = told[-1] if told else ("0", "0", "0b")
    return {
        "inputs_tried": int(runs[-1]) if runs else 0,
        "seconds": seconds,
        "branches": int(branches),
        "corpus": int(inputs),
        "corpus_size": size,
        "failed": code != 0 or not runs,
    }


def main() -> int:
    """Explore the targets, one after the other."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--corpus", type=Path, default=Path(".fuzz"))
    parser.add_argument("--only", nargs="*", choices=NAMES, help="by default all")
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
