"""The log of the daemon: one line an event, on standard error.

An event is a constant in snake_case with facts beside it as keys, so that it can be searched for:
JSON lines for machines, structlog's console for people. What dependencies write with the standard
library's `logging` goes through the same processors into the same stream.
"""

import logging
import os
import sys
from collections.abc import Callable
from typing import Any, Final, Literal, TextIO

import msgspec
import structlog
from structlog.processors import JSONRenderer, StackInfoRenderer, TimeStamper, format_exc_info
from structlog.stdlib import ExtraAdder, ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

from coral.daemon import log_values
from coral.daemon.log_repeats import Repeats

__all__ = ["Level", "configure", "set_level"]

Level = Literal["debug", "info", "warning", "error"]

# In this order; who is concerned comes before what happened to it.
_FIRST: Final = ("time", "level", "event", "logger", "system", "incident", "partition")


def configure(
    level: Level, form: Literal["auto", "text", "json"] = "auto", stream: TextIO | None = None
) -> None:
    """Send all logs of this process to `stream`, standard error by default.

    Parameters
    ----------
    level : {"debug", "info", "warning", "error"}
        Of our own events; of libraries only warnings and errors are shown, each once a minute.
    form : {"auto", "text", "json"}
        "auto" is text on a terminal and JSON elsewhere.
    stream : TextIO, optional
    """
    stream = stream or sys.stderr
    text = form == "text" or (form == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.addFilter(Repeats())
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, ExtraAdder(allow=["repeats"])],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                structlog.stdlib.add_log_level,
                TimeStamper("%Y-%m-%d %H:%M:%SZ" if text else "iso", utc=True, key="time"),
                StackInfoRenderer(),
                # Plain tracebacks: those with local variables would show what is in them.
                format_exc_info,
                log_values.made_plain,
                _ordered,
                *(_console(stream) if text else [JSONRenderer(_as_json)]),
            ],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    set_level(level)
    structlog.contextvars.clear_contextvars()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def set_level(level: Level) -> None:
    """Show our own events from this level on."""
    logging.getLogger("coral").setLevel(level.upper())


def _ordered(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    return {key: event.pop(key) for key in _FIRST if key in event} | dict(event)


def _console(stream: TextIO) -> list[Processor]:
    colors = stream.isatty() and "NO_COLOR" not in os.environ
    renderer = structlog.dev.ConsoleRenderer(
        pad_event_to=25, colors=colors, sort_keys=False, timestamp_key="time"
    )
    return [log_values.escape_for_terminal, renderer]


def _as_json(event: dict[str, Any], default: Callable[[Any], Any]) -> str:
    """Return one line; what a reader parses is exactly what was logged."""
    line = msgspec.json.encode(event, enc_hook=default).decode()
    # JSON itself leaves C1 controls and marks of the writing direction as they are.
    return log_values.escape_in_json(line)
