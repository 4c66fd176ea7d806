"""What a person reads on: a terminal, or a file or a pipe in its place."""

import re
import sys
from typing import TextIO, cast

from rich.console import Console

__all__ = ["console_for"]


class _Unpadded:
    """A file that gets lines without the blanks that fill them up to the width of a terminal.

    Parameters
    ----------
    file : TextIO
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.encoding = file.encoding  # of which box drawings depend

    def write(self, text: str) -> int:
        self._file.write(re.sub(r"[ \t]+(?=\n)", "", text))
        return len(text)

    def flush(self) -> None:
        self._file.flush()


def console_for(file: TextIO | None = None, width: int | None = 100) -> Console:
    """Return what to print on, by default standard output.

    On a terminal it is as wide as that and coloured; lines into a file or a pipe are cut at
    `width`, None being that of the environment, and end where their text ends.
    """
    file = sys.stdout if file is None else file
    if file.isatty():
        return Console(file=file)
    return Console(file=cast("TextIO", _Unpadded(file)), width=width)
