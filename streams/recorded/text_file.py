"""Text of a recording's file, plain or gzipped, and why it cannot be read."""

import codecs
import gzip
import io
import zlib
from pathlib import Path
from typing import Final

from streams.recorded.problem import ProblemLog

_GZIP_MAGIC: Final = b"\x1f\x8b"
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

UNREADABLE: Final = (OSError, EOFError, zlib.error, UnicodeError)
"""What reading a file raises; `unreadable` says it in words."""


def head(path: Path, size: int = 512) -> bytes:
    """Return the first bytes of a file, unpacked.

    Raises
    ------
    OSError, EOFError, zlib.error
        If it cannot be read, or is gzipped and not named so, or the other way round.
    """
    with path.open("rb") as raw:
        zipped = raw.read(2) == _GZIP_MAGIC
    if zipped != (path.suffix == ".gz"):
        what = "is gzip data" if zipped else "is not gzip data"
        raise gzip.BadGzipFile(f"{path.name} {what}")
    with gzip.open(path) if zipped else path.open("rb") as file:
        return file.read(size)


def in_utf8(start: bytes) -> bytes:
    """Return the first bytes of a text in UTF-8 where its mark says that they are UTF-16."""
    return start.decode("utf-16", "ignore").encode() if start.startswith(_UTF16) else start


def open_text(path: Path) -> io.TextIOWrapper:
    """Open a text file; bytes that are not UTF-8 become surrogates, so that they can be named.

    Raises
    ------
    OSError, EOFError, zlib.error
        As `head`.
    """
    wide = head(path, 2) in _UTF16
    # The wrapper closes it.
    binary = gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # noqa: SIM115
    return io.TextIOWrapper(
        binary,
        encoding="utf-16" if wide else "utf-8-sig",
        errors="strict" if wide else "surrogateescape",
        newline="",
    )


def has_bad_bytes(text: str) -> bool:
    """Whether a text that was read holds bytes that are not UTF-8."""
    return any("\udc80" <= c <= "\udcff" for c in text)


def unreadable(e: Exception, log: ProblemLog, line: int) -> None:
    """Note why the file cannot be read from `line` on."""
    if isinstance(e, EOFError):
        message = "the gzip data end too early: the file is truncated"
        log.add("error", "truncated", message, "Copy or record the file again", line=line)
    elif isinstance(e, gzip.BadGzipFile | zlib.error):
        action = "Name gzip files *.gz, others not; or copy a damaged file again"
        log.add("error", "gzip", str(e), action, line=line)
    elif isinstance(e, UnicodeError):
        log.add("error", "utf-8", f"text cannot be read: {e}", "Convert it to UTF-8", line=line)
    else:
        reason = getattr(e, "strerror", None) or str(e)
        log.add("error", "unreadable", f"the file cannot be read: {reason}", "Check the path")
