"""The log: one line an event, whatever is in its facts."""

import io
import json
import logging

import pytest

from coral.daemon import log

HOSTILE = "shop\x1b[31m\r\nlevel=error"


@pytest.fixture
def written():
    """A function that logs and returns the lines."""

    def write(form, act, level="info"):
        stream = io.StringIO()
        log.setup(level, form, stream)
        act()
        return stream.getvalue().splitlines()

    return write


def test_json(written):
    """Time, level, event, facts; control characters are escaped."""
    (line,) = written("json", lambda: log.tell("watching", system=HOSTILE, series=3, x=[1, "b"]))
    held = json.loads(line)

    assert held.pop("time").endswith("Z")
    facts = {"system": HOSTILE, "series": 3, "x": [1, "b"]}
    assert {"level": "info", "event": "watching", **facts} == held
    assert line.isprintable()


def test_text(written):
    """The same for people; a name cannot forge a line or a fact."""
    (line,) = written("text", lambda: log.tell("watching", system=HOSTILE, other="plain"))

    assert line.isprintable()
    assert line.endswith(r" info    watching  system='shop\x1b[31m\r\nlevel=error' other=plain")


def test_auto_is_json_off_a_terminal(written):
    """What collects logs gets JSON without being asked."""
    (line,) = written("auto", lambda: log.tell("stopped"))

    assert "stopped" == json.loads(line)["event"]


@pytest.mark.parametrize("form", ["json", "text"])
def test_libraries(written, form):
    """Their warnings are shown in the same form, their chatter is not."""

    def act():
        logging.getLogger("kafka.x").info("chatter")
        logging.getLogger("kafka.x").warning("node %s\n is away", 1)

    (line,) = written(form, act, "debug")

    assert line.isprintable()
    assert "kafka.x" in line


def test_level(written):
    """Less important events are left out."""

    def act():
        log.tell("joined")
        log.tell("gap", logging.WARNING)

    (line,) = written("text", act, "warning")

    assert "warning gap" in line


def test_a_failure_brings_its_traceback(written):
    """As one field of JSON."""

    def act():
        try:
            {}[HOSTILE]
        except KeyError:
            log.tell("failed", logging.CRITICAL)

    (line,) = written("json", act)

    assert "KeyError" in json.loads(line)["traceback"]
