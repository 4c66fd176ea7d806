"""`coral` as it is, but that it dies, or takes its time, at a chosen step.

``CORAL_TEST_KILL=after-flush:3`` ends the process as `kill -9` does, the third time a flush is
done; ``CORAL_TEST_SLOW=before-load:1.5`` waits so many seconds before every load of a checkpoint.
"""

import functools
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

import kafka

from coral.checkpoint import FileStore, store
from coral.checkpoint.kafka import KafkaStore
from coral.cli.main import main
from streams.kafka import KafkaSink, KafkaSource, TransactionalSink

STEPS: dict[str, list[tuple[object, str]]] = {
    "poll": [(KafkaSource, "poll")],
    "send": [(KafkaSink, "send")],
    "flush": [(KafkaSink, "flush")],
    "save": [(FileStore, "save"), (KafkaStore, "save")],
    "write": [(store, "_write")],
    "rename": [(Path, "rename")],
    "sync": [(store, "_sync")],
    "load": [(FileStore, "load"), (KafkaStore, "load")],
    "seek": [(KafkaSource, "seek")],
    "offsets": [(kafka.KafkaProducer, "send_offsets_to_transaction")],
    "commit": [(KafkaSource, "commit"), (TransactionalSink, "commit")],
}
KILL, SLOW = "CORAL_TEST_KILL", "CORAL_TEST_SLOW"
P = ParamSpec("P")
R = TypeVar("R")


def reach(moment: str, seen: Counter[str], kill: Sequence[str], slow: Sequence[str]) -> None:
    """Do what is asked for at this moment."""
    seen[moment] += 1
    if moment == slow[0]:
        time.sleep(float(slow[1]))
    if moment == kill[0] and seen[moment] == int(kill[1]):
        os.kill(os.getpid(), signal.SIGKILL)


def wrapped(work: Callable[P, R], step: str, at: Callable[[str], None]) -> Callable[P, R]:
    """Call `at` before and after the work of a step."""

    @functools.wraps(work)
    def run(*args: P.args, **more: P.kwargs) -> R:
        at(f"before-{step}")
        result = work(*args, **more)
        at(f"after-{step}")
        return result

    return run


if __name__ == "__main__":
    asked = [(os.environ.get(name) or ":").split(":") for name in (KILL, SLOW)]
    seen: Counter[str] = Counter()
    for name, places in STEPS.items():
        for owner, method in places:
            at = functools.partial(reach, seen=seen, kill=asked[0], slow=asked[1])
            setattr(owner, method, wrapped(getattr(owner, method), name, at))
    sys.exit(main())
