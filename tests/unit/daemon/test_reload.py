"""SIGHUP to a process of its own: the log level changes, and the rest is named."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typed import there

PROGRAM = """
import sys, time
from pathlib import Path
import structlog
from coral.daemon.log import configure
from coral.daemon.reload import Reload
from coral.settings import load

log = structlog.stdlib.get_logger("coral.test")

def read():
    return load(Path(sys.argv[1]), {"CORAL_LOG__FORMAT": "json"}).settings

settings = read()
configure(settings.log.level, settings.log.format)
with Reload(read, settings) as reload:
    print("ready", flush=True)
    while sys.stdin.readline():
        accepted = reload.poll()
        log.debug("polled", accepted=accepted)
        print("polled", flush=True)
"""


class Watched:
    """The process, and its configuration."""

    def __init__(self, home: Path) -> None:
        self.file, self.log = home / "coral.toml", home / "log"
        self.file.write_text("")
        command = [sys.executable, "-c", PROGRAM, str(self.file)]
        pipe = subprocess.PIPE
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=log, text=True, bufsize=1
            )
        assert "ready\n" == there(self.process.stdout).readline()

    def reload(self, text: str) -> list[dict[str, Any]]:
        """Change the file, send the signal, and return what the next poll logs."""
        before = len(self.log.read_text())
        self.file.write_text(text)
        self.process.send_signal(signal.SIGHUP)
        there(self.process.stdin).write("\n")
        assert "polled\n" == there(self.process.stdout).readline()
        return [json.loads(line) for line in self.log.read_text()[before:].splitlines()]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """The process; it ends with the test."""
    made = Watched(tmp_path)
    yield made
    made.process.kill()
    made.process.communicate()


def test_the_level_holds_at_once(watched: Watched) -> None:
    """More is shown, and less again; whoever asked is answered at any level."""
    more = watched.reload('log.level = "debug"')
    less = watched.reload('log.level = "error"')

    assert ["configuration_read", "polled"] == [line["event"] for line in more]
    assert True is more[1]["accepted"]
    assert ("debug", "info") == (more[0]["log_level"], more[0]["log_level_before"])
    assert ["configuration_read"] == [line["event"] for line in less]


def test_a_configuration_with_a_mistake_changes_nothing(watched: Watched) -> None:
    """The old level holds, and the reason is logged."""
    (refused,) = watched.reload('log.level = "loud"')
    (again,) = watched.reload("")

    assert ("configuration_refused", "error") == (refused["event"], refused["level"])
    assert "info" == refused["log_level"]
    assert "one of debug, info, warning, error expected, got 'loud'" in refused["reason"]
    assert "info" == again["log_level_before"]


def test_other_changes_are_named(watched: Watched) -> None:
    """Their keys alone, none of their values; each time until it is started again."""
    text = """
        [kafka]
        group_id = "other"
        sasl_password = "hunter2"
        sasl_username = "me"
        sasl_mechanism = "PLAIN"
        security_protocol = "SASL_PLAINTEXT"
        [systems.shop]
        interval_s = 1
    """
    for _ in range(2):
        _, told = watched.reload(text)
        assert ("restart_needed", "warning") == (told["event"], told["level"])
        assert {"kafka.group_id", "kafka.sasl_password", "systems.shop.interval_s"} < set(
            told["changed"]
        )
    (nothing,) = watched.reload("")

    assert "configuration_read" == nothing["event"]
    assert "hunter2" not in watched.log.read_text()
