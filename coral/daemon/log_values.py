"""What may stand in a log line: plain values, cut to a length, without secrets and controls.

Names and messages come from outside. None of them may start a line, colour a terminal, or fill a
disk; and no password may be in a file that many can read.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from structlog.typing import EventDict, WrappedLogger

from coral.text import printable

__all__ = ["escape_for_terminal", "escape_in_json", "made_plain"]

LONGEST: Final = 2000
"""Characters of a text."""
LONGEST_TRACEBACK: Final = 20_000
MOST_ITEMS: Final = 1000
"""Of a list or a table."""
MASK: Final = "********"

_TRACEBACKS: Final = frozenset({"exception", "stack"})
_SENSITIVE: Final = r"(?:passw|secret|token|credential|sasl_|api_?key|private_?key|authorization)"
_SENSITIVE_KEY: Final = re.compile(_SENSITIVE, re.IGNORECASE)
# `password=hunter2`, `"sasl_password": "hunter2"`, `Authorization: Bearer hunter2` in a message.
_SENSITIVE_IN_TEXT: Final = re.compile(
    rf"""({_SENSITIVE}[\w.-]{{0,40}}["']?[ ]?[=:][ ]?(?:(?:basic|bearer)[ ])?)"""
    r"""("[^"\n]*"|'[^'\n]*'|[^\s,;&)}\]"']+)""",
    re.IGNORECASE,
)
_SENSITIVE_IN_ADDRESS: Final = re.compile(r"(://)[^\s/@]{1,400}@")


def made_plain(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Leave text, numbers, lists and tables: short ones, and nothing secret. A processor."""
    return {key: _plain(value, key) for key, value in event.items()}


def escape_for_terminal(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Escape control characters; a traceback keeps its lines, indented. A processor.

    Only the first line of an entry begins at the left edge, so no message can forge another one.
    """
    for key, value in event.items():
        if key in _TRACEBACKS:
            event[key] = "\n".join(f"    {printable(line)}" for line in value.splitlines())
        elif isinstance(value, str):
            event[key] = printable(value)
    return event


def escape_in_json(line: str) -> str:
    r"""Return a line of JSON with everything that cannot be printed as ``\uXXXX``.

    Examples
    --------
    >>> escape_in_json('"\x9b31m"')
    '"\\u009b31m"'
    """
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else _json_escape(c) for c in line)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def _plain(value: object, key: str = "") -> Any:
    if value is None or isinstance(value, bool):
        return value
    if _SENSITIVE_KEY.search(key):
        return MASK
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, Mapping):
        return {
            _text(str(k), LONGEST): _plain(held, str(k))
            for k, held in list(value.items())[:MOST_ITEMS]
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(held) for held in list(value)[:MOST_ITEMS]]
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
    return _text(text, LONGEST_TRACEBACK if key in _TRACEBACKS else LONGEST)


def _text(text: str, longest: int) -> str:
    """Return text that can be encoded, without secrets, and without its middle if it is long."""
    # Masked first: a cut might part a secret from the word that gives it away.
    text = _SENSITIVE_IN_TEXT.sub(rf"\1{MASK}", text)
    text = _SENSITIVE_IN_ADDRESS.sub(rf"\1{MASK}@", text)
    text = text.encode(errors="backslashreplace").decode()
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} ... {len(text) - 2 * half} characters left out ... {text[-half:]}"
