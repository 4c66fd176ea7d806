"""Workers, one for each environment, and the questions to them."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from peers.case import Case

__all__ = ["Answer", "Worker", "working"]

Answer = dict[str, Any]
BENCHMARKS = Path(__file__).parents[1]
NICE = 10


class Worker:
    """A process that runs the methods of one environment, `peers.worker`.

    Parameters
    ----------
    python : Path
        Interpreter of the environment.
    targets : sequence of str
        ``module:function`` of its methods.
    """

    def __init__(self, python: Path, targets: Sequence[str]) -> None:
        self._command = [str(python), "-m", "peers.worker", *targets]
        self._process = self._start()

    def ask(self, case: Case, targets: Sequence[str]) -> Iterator[Answer]:
        """Yield the answers of methods about a case, in order.

        A worker that dies answers "failed" for what is left, and is started again.
        """
        request = f'{{"methods":{json.dumps(list(targets))},"case":{case.line()}}}\n'
        into, out = self._process.stdin, self._process.stdout
        if into is None or out is None:
            raise AssertionError(self._command)
        with suppress(BrokenPipeError):  # the missing answer says so
            into.write(request)
            into.flush()
        for target in targets:
            line = out.readline()
            if line:
                yield json.loads(line)
            else:
                yield {"method": target, "status": "failed", "error": "the worker died"}
        if self._process.poll() is not None:
            self.stop()
            self._process = self._start()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End the process."""
        with suppress(BrokenPipeError):  # what a dead worker has not read
            self._process.communicate()

    @staticmethod
    def environment() -> dict[str, str]:
        """Return the environment variables: one thread, and the benchmarks to import from."""
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        paths = [str(BENCHMARKS), *filter(None, [os.environ.get("PYTHONPATH")])]
        return os.environ | threads | {"PYTHONPATH": os.pathsep.join(paths)}

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["nice", "-n", str(NICE), *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment(),
        )


@contextmanager
def working(python: Path, targets: Sequence[str]) -> Iterator[Worker]:
    """Yield a worker that is stopped at the end."""
    worker = Worker(python, targets)
    try:
        yield worker
    finally:
        worker.stop()
