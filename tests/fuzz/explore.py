"""One target of `fuzzed`, explored by atheris (libFuzzer) for as long as its options say.

Options are libFuzzer's, a folder for the corpus among them. An input that takes more than a second
of CPU, more than 64 MB, or raises what its reader does not promise ends the run and is kept there.
"""

import sys
import time
import tracemalloc
from pathlib import Path

import atheris

# Readers are followed branch by branch; kernels are not, numba compiles them as they are.
with atheris.instrument_imports(
    include=["coral.checkpoint", "coral.contract", "coral.http", "coral.settings", "streams"]
):
    from fuzzed import HURTS, bounded, targets

SLOW_S = 1.0


def main(name: str, corpus: Path, options: list[str]) -> None:
    """Explore; libFuzzer ends the process."""
    with targets() as found:
        seeds, read = found[name]
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate((*seeds, *HURTS)):
            (corpus / f"seed-{number}").write_bytes(seed)
        read(seeds[0])  # what is compiled or imported at first use is no input's fault
        tracemalloc.start()

        def one(data: bytes) -> None:
            begun = time.process_time()
            bounded(read, data)
            took = time.process_time() - begun
            if took > SLOW_S:
                raise TimeoutError(f"{len(data)} bytes took {took:.1f} s")

        atheris.Setup([sys.argv[0], str(corpus), *options], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
