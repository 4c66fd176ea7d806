"""The raw log of a live run: one line for each thing that happened, with wall time and source."""

from __future__ import annotations

import datetime as dt
import socket
import time
from pathlib import Path
from typing import TextIO


class Journal:
    """Writes lines to a file and, if asked, tells them on the terminal.

    Parameters
    ----------
    file
        Where to.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._hidden = {socket.gethostname(): "HOST"}

    def hide(self, path: Path, name: str) -> None:
        """Write `name` for a path of this machine from now on."""
        self._hidden[str(path)] = name

    def write(self, source: str, text: str, tell: bool = False) -> None:
        """Add a line."""
        for secret in sorted(self._hidden, key=len, reverse=True):
            text = text.replace(secret, self._hidden[secret])
        line = f"{stamp(time.time())} {source:8} {text}"
        print(line, file=self._file, flush=True)
        if tell and not self._file.isatty():
            print(line, flush=True)


def stamp(seconds: float) -> str:
    """Return a unix time as text, UTC, with tenths of a second."""
    time_ = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return f"{time_:%Y-%m-%dT%H:%M:%S}.{time_.microsecond // 100_000}Z"
