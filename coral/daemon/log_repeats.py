"""A library that says the same again and again does not bury everything else."""

import logging
from typing import Final

__all__ = ["REPEAT_S", "Repeats"]

REPEAT_S: Final = 60.0
MOST: Final = 1000
"""Messages remembered; when there are more, all are forgotten, and shown once more."""


class Repeats(logging.Filter):
    """Lets the same message of a library through once a minute.

    Kafka's client says several times a second that its brokers are away. The next time a message
    is let through, `record.repeats` is how often it came in between. Our own events all pass.
    """

    def __init__(self) -> None:
        super().__init__()
        self._since: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to show a record, and count it if not."""
        if record.name.partition(".")[0] == "coral":
            return True
        key = record.name, record.getMessage()
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
