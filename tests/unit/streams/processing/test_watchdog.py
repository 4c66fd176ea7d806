"""The watchdog of a process that stands still; each in a process of its own."""

import faulthandler
import subprocess
import sys
from subprocess import CompletedProcess

import pytest

from streams.clock import ManualClock
from streams.processing.watchdog import Watchdog

HANGS = """
import ctypes, re, threading
from streams.processing.watchdog import Watchdog

def waits_for_ever():
    {step}

with Watchdog(0.2) as watchdog:
    watchdog.beat()
    waits_for_ever()
"""
LIVES = """
import time
from streams.processing.watchdog import Watchdog

with Watchdog({limit}) as watchdog:
    for _ in range({beats}):
        time.sleep(0.05)
        watchdog.beat()
{after}
"""


def ended(program: str) -> CompletedProcess[str]:
    """Run a program to its end, however long a busy machine takes."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=300
    )


class TestWatchdog:
    @pytest.mark.parametrize(
        "step",
        [
            "threading.Event().wait()",
            # C code that never lets go of the interpreter's lock.
            "ctypes.PyDLL(None).pause()",
            "re.match('(a*)*b', 'a' * 64)",
        ],
    )
    def test_ends_a_process_that_hangs(self, step: str) -> None:
        """The process exits with the code of any failure, and says where it stood."""
        done = ended(HANGS.format(step=step))

        assert 1 == done.returncode
        assert "Timeout" in done.stderr
        assert "waits_for_ever" in done.stderr

    def test_lives_with_beats(self) -> None:
        """Nobody is ended who beats, for longer than the limit and the second it adds."""
        done = ended(LIVES.format(limit=60, beats=40, after="print('whole')"))

        assert (0, "whole\n", "") == (done.returncode, done.stdout, done.stderr)

    def test_ends_with_its_watch(self) -> None:
        """Afterwards nobody is watched."""
        done = ended(LIVES.format(limit=0.5, beats=1, after="time.sleep(3); print('whole')"))

        assert (0, "whole\n", "") == (done.returncode, done.stdout, done.stderr)

    def test_arms_once_a_second(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A beat is called for every frame; arming starts a thread. No beat loses time."""
        armed, clock = [], ManualClock()

        def arm(limit: float, **options: int) -> None:
            armed.append((clock.monotonic(), limit, options))

        monkeypatch.setattr(faulthandler, "dump_traceback_later", arm)
        with Watchdog(10.0, clock) as watchdog:
            first = clock.monotonic()
            for _ in range(40):
                clock.advance(0.125)
                watchdog.beat()

        assert [(first + second, 11.0, {"exit": True, "file": 2}) for second in range(6)] == armed

    def test_rule(self) -> None:
        """A limit is positive."""
        with pytest.raises(ValueError, match="limit_s > 0, got 0"):
            Watchdog(0)
