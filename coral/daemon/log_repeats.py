"""A library that says the same again and again does not bury everything else."""

import logging
import re
from typing import Final

__all__ = ["REPEAT_S", "Repeats"]

REPEAT_S: Final = 60.0
MOST: Final = 1000
"""Messages remembered; when there are more, all are forgotten, and shown once more."""
_BACKOFF: Final = re.compile(r" \(backoff [^)]*\)$")


class Repeats(logging.Filter):
    """Lets the same message of a library through once a minute.

    Kafka's client says several times a second, in several words, that its brokers are away:
    messages that name the same failure are the same, whenever the next attempt is. The next time
    one is let through, `record.repeats` is how often it came in between. Our own events all pass.
    """

    def __init__(self) -> None:
        super().__init__()
        self._since: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to show a record, and count it if not."""
        if record.name.partition(".")[0] == "coral":
            return True
        key = record.name, _cause(record.getMessage())
        shown, repeats = self._since.get(key, (-REPEAT_S, 0))
        if record.created - shown < REPEAT_S:
            self._since[key] = shown, repeats + 1
            return False
        if len(self._since) >= MOST:
            self._since.clear()
        self._since[key] = record.created, 0
        if repeats:
            record.repeats = repeats
        return True


def _cause(message: str) -> str:
    """Return what a message is about, without what differs from one time to the next."""
    text = _BACKOFF.sub("", message)
    return text.partition("failed: ")[2] or text
