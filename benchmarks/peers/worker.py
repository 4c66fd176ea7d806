"""Runs methods on cases: the process inside an environment of packages.

`python -m peers.worker MODULE:FUNCTION...` reads one case a line from standard input and answers
with one line for every method that the case asks for, in that order. Every method runs in a
process of its own with a limit of CPU time, wall time and memory, so that nothing it does harms
another case; its output is dropped.
"""

import importlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from peers.case import Case

CPU_S = 120
WALL_S = 600
MEMORY_BYTES = 4 * 2**30
ERROR_CHARACTERS = 400

Function = Callable[[Case], dict[str, float]]


def main() -> None:
    """Import every method once, then serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    functions = {name: _import(name) for name in sys.argv[1:]}
    for line in sys.stdin:
        request = json.loads(line)
        case = Case.decode(request["case"])
        for name in request["methods"]:
            function = functions[name]
            if isinstance(function, str):
                answer = {"status": "failed", "error": function}
            else:
                answer = run(function, case)
            answers.write(json.dumps({"method": name, **answer}) + "\n")
            answers.flush()


def _import(name: str) -> Function | str:
    """Return the function, or why there is none."""
    module, _, attribute = name.partition(":")
    try:
        found: Function = getattr(importlib.import_module(module), attribute)
    except Exception:  # noqa: BLE001 - whatever a foreign package raises is the answer
        return _reason()
    return found


def run(function: Function, case: Case) -> dict[str, Any]:
    """Return what a method says about a case, in a limited process of its own.

    Returns
    -------
    dict
        `status`: "ok", "empty" (no name scored), "timeout", "memory" or "failed"; `scores` by
        name; `error`; `cpu_s`, `wall_s`, `rss_mb` of the process.
    """
    out, into = os.pipe()
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os.close(out)
        _child(function, case, into)
    os.close(into)
    with os.fdopen(out) as pipe:
        said = pipe.read()
    _, status, used = os.wait4(pid, 0)
    answer: dict[str, Any] = {
        "cpu_s": round(used.ru_utime + used.ru_stime, 3),
        "wall_s": round(time.perf_counter() - started, 3),
        "rss_mb": round(used.ru_maxrss / 1024, 1),
    }
    if os.WIFSIGNALED(status):
        return answer | _killed(os.WTERMSIG(status))
    answer |= json.loads(said)
    return answer


def _killed(number: int) -> dict[str, Any]:
    if number in {signal.SIGXCPU, signal.SIGALRM}:
        spent = f"{CPU_S} CPU seconds" if number == signal.SIGXCPU else f"{WALL_S} seconds"
        return {"status": "timeout", "error": f"over {spent}"}
    return {"status": "failed", "error": f"ended by {signal.Signals(number).name}"}


def _child(function: Function, case: Case, into: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.alarm(WALL_S)
    try:
        scores = {name: float(score) for name, score in function(case).items()}
        answer: dict[str, Any] = {"status": "ok" if scores else "empty", "scores": scores}
    except MemoryError:
        answer = {"status": "memory", "error": f"over {MEMORY_BYTES >> 20} MB"}
    except BaseException:  # noqa: BLE001 - also SystemExit: a method's failure is its result
        answer = {"status": "failed", "error": _reason()}
    with os.fdopen(into, "w") as pipe:
        json.dump(answer, pipe)
    os._exit(0)


def _reason() -> str:
    return traceback.format_exc(limit=0).strip().splitlines()[-1][:ERROR_CHARACTERS]


if __name__ == "__main__":
    main()
