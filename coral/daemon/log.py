"""Log of the daemon: a line for every change of state, on standard error.

An event is a constant text with facts beside it, so that it can be searched for: JSON lines for
machines, ``12:44:48 info   incident opened  system=shop`` for people. Names come from outside:
control characters are escaped in both.
"""

import datetime as dt
import logging
import sys
import traceback
from typing import Any, Final, Literal, TextIO

import msgspec

__all__ = ["setup", "tell"]

_LOGGER: Final = logging.getLogger("coral")
_FACTS: Final = "coral_facts"


def tell(event: str, level: int = logging.INFO, **facts: object) -> None:
    """Log one event.

    Parameters
    ----------
    event : str
        Constant text.
    level : int
        Of the module `logging`.
    **facts : object
        Text, numbers, or lists of them; no secrets.
    """
    _LOGGER.log(level, event, extra={_FACTS: facts}, exc_info=level >= logging.CRITICAL)


def setup(
    level: str, form: Literal["auto", "text", "json"] = "auto", stream: TextIO | None = None
) -> None:
    """Send all logs of this process to `stream`, standard error by default.

    Parameters
    ----------
    level : {"debug", "info", "warning", "error"}
        Of our own events; of libraries only warnings and errors are shown.
    form : {"auto", "text", "json"}
        "auto" is text on a terminal and JSON elsewhere.
    stream : TextIO, optional
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    text = form == "text" or (form == "auto" and stream.isatty())
    handler.setFormatter(_Text() if text else _Json())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _LOGGER.setLevel(level.upper())


class _Json(logging.Formatter):
    """One JSON object a line: time, level, event, then the facts."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _moment(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= _facts(record)
        # JSON escapes control characters by itself.
        return msgspec.json.encode(line, enc_hook=str).decode(errors="backslashreplace")


class _Text(logging.Formatter):
    """A line for people; times are UTC, as in the events."""

    def format(self, record: logging.LogRecord) -> str:
        facts = _facts(record)
        trace = str(facts.pop("traceback", "")).splitlines()
        words = (f"{key}={_shown(value)}" for key, value in facts.items())
        event = _printable(record.getMessage())
        level = record.levelname.lower()
        line = " ".join((f"{_moment(record):%H:%M:%S} {level:7} {event} ", *words)).rstrip()
        return "\n".join((line, *map(_printable, trace)))


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    """Return what stands beside the event; for the records of libraries, who they are."""
    facts = dict(getattr(record, _FACTS, {"logger": record.name}))
    if record.exc_info and record.exc_info[1]:
        facts["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
    return facts


def _moment(record: logging.LogRecord) -> dt.datetime:
    return dt.datetime.fromtimestamp(record.created, dt.UTC)


def _shown(value: object) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if text and " " not in text and text.isprintable() else repr(text)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
