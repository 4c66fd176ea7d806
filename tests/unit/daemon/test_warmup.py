"""The warm-up calls every kernel that an incident will."""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from coral.daemon.warmup import warm

# Numba's registry of compiled signatures is global, hence a process of its own.
SECOND = """
import gc, sys
from numba.core.dispatcher import Dispatcher
from coral.cli.main import main
from coral.daemon.warmup import warm

def compiled():
    found = [o for o in gc.get_objects() if isinstance(o, Dispatcher)]
    return {(d.py_func.__qualname__, str(s)) for d in found for s in d.signatures}

warm()
before = compiled()
assert main(["replay", sys.argv[1], "--out", sys.argv[2]]) == 0
assert before, "no kernel at all"
assert compiled() == before, compiled() - before
"""


def test_it_drives_a_whole_incident() -> None:
    """Opened, ranked, settled and resolved: all that calls kernels has been called."""
    kinds = {event.type.split(".")[-2] for event in warm()}

    assert {"opened", "updated", "converged", "resolved"} == kinds


def test_nothing_is_left_to_compile(tmp_path: Path) -> None:
    """A recorded incident meets no kernel, and no type of argument, for the first time."""
    recording = files("coral") / "recordings" / "pool-leak__orders"
    command = [sys.executable, "-c", SECOND, str(recording), str(tmp_path / "events")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)
