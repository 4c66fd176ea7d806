"""The watchdog of a process that stands still."""

import subprocess
import sys
import time

import pytest

from streams.clock import ManualClock
from streams.processing.watchdog import EXIT_HUNG, Watchdog

HANGS = """
import threading
from streams.processing.watchdog import Watchdog

def waits_for_ever():
    threading.Event().wait()

with Watchdog(0.2) as watchdog:
    watchdog.beat()
    waits_for_ever()
"""


class TestWatchdog:
    def test_ends_a_process_that_hangs(self):
        """The process exits with the agreed code, and says where it stood."""
        done = subprocess.run(
            [sys.executable, "-c", HANGS], capture_output=True, text=True, check=False
        )

        assert EXIT_HUNG == done.returncode
        assert "no progress" in done.stderr
        assert "waits_for_ever" in done.stderr

    def test_age(self):
        """The age counts from the last beat."""
        clock = ManualClock()
        watchdog = Watchdog(10.0, clock)
        clock.advance(3.0)
        before = watchdog.age
        watchdog.beat()
        clock.advance(1.0)

        assert (3.0, 1.0) == (before, watchdog.age)

    def test_lives_with_beats(self):
        """Nobody is ended who beats, nor after the end of the watch."""
        with Watchdog(0.3) as watchdog:
            for _ in range(8):
                time.sleep(0.05)
                watchdog.beat()
        time.sleep(0.4)

        assert watchdog.age > 0.3

    def test_rule(self):
        """A limit is positive."""
        with pytest.raises(ValueError, match="limit_s > 0, got 0"):
            Watchdog(0)
