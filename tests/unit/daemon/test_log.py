"""The log: one line an event, whatever is in its facts."""

import io
import json
import logging
import re
import warnings
from collections.abc import Callable
from typing import Literal

import pytest
import structlog
from typed import there

from coral.daemon.log import Level, configure, set_level
from coral.daemon.log_repeats import MOST, Repeats
from coral.settings import Secret

log = structlog.stdlib.get_logger("coral.test")

COLOUR = "\x1b[31m"
HOSTILE = f"shop{COLOUR}\r\n2026-01-01 00:00:00Z [error    ] forged\x9b\x7f\u202e\u2028"
FORMS = pytest.mark.parametrize("form", ["json", "text"])

pytestmark = pytest.mark.usefixtures("log_put_back")


Written = Callable[..., list[str]]


@pytest.fixture
def written() -> Written:
    """A function that logs and returns the lines."""

    def write(
        form: Literal["auto", "text", "json"], act: Callable[[], object], level: Level = "info"
    ) -> list[str]:
        stream = io.StringIO()
        configure(level, form, stream)
        act()
        assert stream.getvalue().endswith("\n")
        return stream.getvalue()[:-1].split("\n")

    return write


def fail(text: int | str) -> None:
    raise ValueError(text)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestForms:
    def test_json(self, written: Written) -> None:
        """Time, level, event, facts; what is parsed is what was logged."""
        (line,) = written(
            "json", lambda: log.info("watching", system=HOSTILE, series=3, x=[1, "b"])
        )
        held = json.loads(line)

        assert ["time", "level", "event", "system", "series", "x"] == list(held)
        assert held.pop("time").endswith("Z")
        facts = {"system": HOSTILE, "series": 3, "x": [1, "b"]}
        assert {"level": "info", "event": "watching", **facts} == held

    def test_text(self, written: Written) -> None:
        """The same for people."""
        (line,) = written("text", lambda: log.info("watching", system="shop", causes=["a", "b"]))

        assert line.endswith(
            "Z [info     ] watching                  system=shop causes=['a', 'b']"
        )

    def test_auto_is_json_off_a_terminal(self, written: Written) -> None:
        """What collects logs gets JSON without being asked."""
        (line,) = written("auto", lambda: log.info("stopped"))

        assert "stopped" == json.loads(line)["event"]

    @pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
    def test_auto_on_a_terminal(
        self, monkeypatch: pytest.MonkeyPatch, no_color: str, coloured: bool
    ) -> None:
        """Text, in colours unless the environment asks for none."""
        monkeypatch.delenv("NO_COLOR", raising=False)
        if no_color:
            monkeypatch.setenv("NO_COLOR", no_color)
        stream = Terminal()
        configure("info", "auto", stream)
        log.info("stopped")

        assert "stopped" in stream.getvalue()
        assert coloured == ("\x1b[" in stream.getvalue())

    @FORMS
    def test_the_bound_context(self, written: Written, form: str) -> None:
        """What a logger or the process is bound to stands in every line."""

        def act() -> None:
            with structlog.contextvars.bound_contextvars(partition="t[0]"):
                log.bind(system="shop").info("watching")

        (line,) = written(form, act)

        assert "t[0]" in line
        assert "shop" in line

    @FORMS
    def test_level(self, written: Written, form: str) -> None:
        """Less important events are left out; the level can change at any time."""

        def act() -> None:
            log.info("joined")
            log.warning("gap")
            set_level("debug")
            log.debug("checkpoint_committed")

        first, second = written(form, act, "warning")

        assert "gap" in first
        assert "checkpoint_committed" in second


class TestLibraries:
    @FORMS
    def test_their_warnings_come_in_the_same_form(self, written: Written, form: str) -> None:
        """With the name of their logger; their chatter does not come."""

        def act() -> None:
            logging.getLogger("kafka.x").info("chatter")
            logging.getLogger("kafka.x").warning("node %s is away", 1)

        (line,) = written(form, act, "debug")

        assert "node 1 is away" in line
        assert "kafka.x" in line

    @FORMS
    def test_what_they_repeat_is_shown_once_a_minute(self, written: Written, form: str) -> None:
        """With how often it came in between; other messages, and our own, all come."""

        def say(node: int, second: int) -> None:
            facts = {"name": "kafka", "levelno": logging.ERROR, "levelname": "ERROR"}
            facts |= {"msg": "node %s is away", "args": (node,), "created": 1000.0 + second}
            logging.getLogger("kafka").handle(logging.makeLogRecord(facts))

        def act() -> None:
            for second in range(0, 65, 5):
                say(1, second)
                log.info("polled")
            say(2, 65)

        lines = written(form, act)
        about = [line for line in lines if "polled" not in line]

        assert 13 == len(lines) - len(about)
        assert ["1", "1", "2"] == [there(re.search("node (.) is away", line))[1] for line in about]
        assert [False, True, False] == ["repeats" in line for line in about]
        assert re.search('repeats[":=]+11', about[1])

    def test_what_is_remembered_of_them_is_bounded(self) -> None:
        """A message that never comes twice costs nothing for long."""
        repeats = Repeats()
        for number in range(10 * MOST):
            record = logging.makeLogRecord({"name": "kafka", "msg": f"port {number}"})
            assert repeats.filter(record)

        assert len(repeats._since) <= MOST

    @FORMS
    def test_warnings_of_python(self, written: Written, form: str) -> None:
        """A deprecation is a line as well."""

        def act() -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                logging.captureWarnings(capture=False)
                logging.captureWarnings(capture=True)
                warnings.warn("soon gone", DeprecationWarning, stacklevel=1)

        (line,) = written(form, act)

        assert "soon gone" in line
        assert "py.warnings" in line


class TestHostileText:
    @FORMS
    def test_in_a_fact(self, written: Written, form: str) -> None:
        """A name cannot begin a line, colour a terminal or turn the direction of writing."""
        (line,) = written(form, lambda: log.info("watching", system=HOSTILE, more=[HOSTILE]))

        assert line.isprintable()

    @FORMS
    def test_in_the_words_of_a_library(self, written: Written, form: str) -> None:
        """Neither in its message nor in its name."""
        (line,) = written(form, lambda: logging.getLogger(COLOUR).warning("%s", HOSTILE))

        assert line.isprintable()

    @FORMS
    def test_in_a_traceback(self, written: Written, form: str) -> None:
        """Only the line of the event begins at the left edge."""

        def act() -> None:
            try:
                fail(HOSTILE)
            except ValueError:
                log.critical("crashed", exc_info=True)

        first, *rest = written(form, act)

        assert first.isprintable()
        assert all(line.isprintable() and line.startswith("    ") for line in rest)
        assert "ValueError: shop" in (rest[-2] if form == "text" else first)

    @FORMS
    def test_in_the_traceback_of_a_library(self, written: Written, form: str) -> None:
        """As in one of ours."""

        def act() -> None:
            try:
                fail(HOSTILE)
            except ValueError:
                logging.getLogger("asyncio").exception("a task failed")

        first, *rest = written(form, act)

        assert first.isprintable()
        assert all(line.isprintable() and line.startswith("    ") for line in rest)

    @FORMS
    def test_lone_surrogates(self, written: Written, form: str) -> None:
        """What no encoding can write is escaped, in ours and in theirs."""

        def act() -> None:
            log.info("watching", system="\ud800")
            logging.getLogger("kafka").warning("\udfff")

        lines = written(form, act)

        assert 2 == len(lines)
        assert all(line.isprintable() and line.encode() for line in lines)

    @FORMS
    def test_too_much(self, written: Written, form: str) -> None:
        """Both ends of a huge text are shown, and the first of a thousand items."""
        text = f"begin{'x' * 10**6}end"
        (line,) = written(form, lambda: log.info("gap", one=text, many=list(range(10**5))))

        assert len(line) < 10_000
        assert "begin" in line
        assert "end" in line
        assert "998008 characters left out" in line


class TestSecrets:
    @FORMS
    @pytest.mark.parametrize(
        "key", ["password", "tls_key_password", "client_secret", "token", "sasl_username"]
    )
    def test_by_their_key(self, written: Written, form: str, key: str) -> None:
        """Also inside of tables and lists."""
        facts = {key: "hunter2", "table": {key: "hunter2"}, "listed": [{key: ["hunter2"]}]}
        (line,) = written(form, lambda: log.info("starting", **facts))

        assert "hunter2" not in line
        assert 3 == line.count("********")

    @FORMS
    def test_by_their_type(self, written: Written, form: str) -> None:
        """Whatever they are called."""
        (line,) = written(form, lambda: log.info("starting", held=[Secret("hunter2")]))

        assert "hunter2" not in line

    @FORMS
    @pytest.mark.parametrize(
        "text",
        [
            "refused: password=hunter2, user=me",
            "{'sasl_plain_password': 'hunter2', 'user': 'me'}",
            '{"client_secret":"hunter2","user":"me"}',
            "user me, Authorization: Bearer hunter2",
            "user me at https://me:hunter2@broker/token",
        ],
    )
    def test_in_the_words_of_a_library(self, written: Written, form: str, text: str) -> None:
        """In a message and in a traceback, and nothing else of it."""

        def act() -> None:
            logging.getLogger("kafka").warning(text)
            try:
                fail(text)
            except ValueError:
                log.critical("crashed", exc_info=True)

        whole = "\n".join(written(form, act))

        assert "hunter2" not in whole
        assert whole.count("me") >= 2


def test_a_traceback_shows_no_local_variables(written: Written) -> None:
    """They hold what nobody chose to log."""

    def act() -> None:
        held = "hunter" + "2"
        try:
            fail(len(held))
        except ValueError:
            log.critical("crashed", exc_info=True)

    (line,) = written("json", act)
    exception = json.loads(line)["exception"]

    assert exception.startswith("Traceback (most recent call last):")
    assert exception.endswith("ValueError: 7")
    assert "hunter2" not in exception
