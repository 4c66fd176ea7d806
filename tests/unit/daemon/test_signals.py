"""Signals, in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import Signals
from subprocess import Popen

import pytest
from typed import there

from coral.errors import Exit

PROGRAM = """
import sys, time
from coral.daemon.signals import Stop
with Stop(grace_s={grace}) as stop:
    stop.begun = {begun}
    try:
        print("ready", flush=True)
        while not ({obeys} and stop()):
            time.sleep(0.01)
            if stop():
                print("asked", flush=True)
    except KeyboardInterrupt:
        sys.exit(9)
"""


@pytest.fixture
def start() -> Iterator[Callable[..., Popen[bytes]]]:
    """A function that starts the program; the process ends with the test."""
    started: list[Popen[bytes]] = []

    def new(*, grace: float = 60.0, begun: bool = True, obeys: bool = True) -> Popen[bytes]:
        code = PROGRAM.format(grace=grace, begun=begun, obeys=obeys)
        pipe = subprocess.PIPE
        started.append(subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe))
        assert b"ready\n" == there(started[-1].stdout).readline()
        return started[-1]

    yield new
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_ends_it_in_good_order(
    start: Callable[..., Popen[bytes]], number: Signals
) -> None:
    """The loop is told, nothing else happens."""
    process = start()
    process.send_signal(number)

    assert 0 == process.wait(60)


def test_the_second_signal_ends_it_at_once(start: Callable[..., Popen[bytes]]) -> None:
    """Whoever sends it does not want to wait."""
    process = start(obeys=False)
    process.send_signal(signal.SIGTERM)
    assert b"asked\n" == there(process.stdout).readline()
    process.send_signal(signal.SIGTERM)

    assert Exit.INTERRUPTED == process.wait(60)
    assert b"the last checkpoint holds" in there(process.stderr).read()


def test_the_grace_period_ends(start: Callable[..., Popen[bytes]]) -> None:
    """A stop that takes too long ends as if killed, before the supervisor does it."""
    process = start(grace=0.1, obeys=False)
    process.send_signal(signal.SIGTERM)

    assert Exit.INTERRUPTED == process.wait(60)


def test_a_signal_before_it_has_begun(start: Callable[..., Popen[bytes]]) -> None:
    """There is nothing to bring to an end: it interrupts."""
    process = start(begun=False)
    process.send_signal(signal.SIGTERM)

    assert 9 == process.wait(60)


@pytest.mark.parametrize("command", [["run"], ["rekey", "--to", "x"]])
def test_before_there_is_anything_to_bring_to_an_end(tmp_path: Path, command: list[str]) -> None:
    """While it imports, compiles and looks for brokers it ends at once, with 130."""
    words = [sys.executable, "-m", "coral.cli.main", *command]
    nowhere = ["--set", "kafka.bootstrap_servers=127.0.0.1:1", "--set", "log.format=json"]
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}  # compiles for half a minute
    with Popen([*words, *nowhere], stderr=subprocess.PIPE, env=environment) as process:
        line = there(process.stderr).readline()
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)

    assert b'"starting"' in line
    assert Exit.INTERRUPTED == code
