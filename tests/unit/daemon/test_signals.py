"""Signals, in a process of its own."""

import signal
import subprocess
import sys

import pytest

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
def start():
    """A function that starts the program; the process ends with the test."""
    started = []

    def new(*, grace=60.0, begun=True, obeys=True):
        code = PROGRAM.format(grace=grace, begun=begun, obeys=obeys)
        pipe = subprocess.PIPE
        started.append(subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe))
        assert b"ready\n" == started[-1].stdout.readline()
        return started[-1]

    yield new
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_ends_it_in_good_order(start, number):
    """The loop is told, nothing else happens."""
    process = start()
    process.send_signal(number)

    assert 0 == process.wait(60)


def test_the_second_signal_ends_it_at_once(start):
    """Whoever sends it does not want to wait."""
    process = start(obeys=False)
    process.send_signal(signal.SIGTERM)
    assert b"asked\n" == process.stdout.readline()
    process.send_signal(signal.SIGTERM)

    assert Exit.INTERRUPTED == process.wait(60)
    assert b"the last checkpoint holds" in process.stderr.read()


def test_the_grace_period_ends(start):
    """A stop that takes too long ends as if killed, before the supervisor does it."""
    process = start(grace=0.1, obeys=False)
    process.send_signal(signal.SIGTERM)

    assert Exit.INTERRUPTED == process.wait(60)


def test_a_signal_before_it_has_begun(start):
    """There is nothing to bring to an end: it interrupts."""
    process = start(begun=False)
    process.send_signal(signal.SIGTERM)

    assert 9 == process.wait(60)
