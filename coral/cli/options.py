"""Options that several commands have, and what their values must be, in words."""

from __future__ import annotations

import datetime as dt
import errno
import math
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final, Literal

from cyclopts import ArgumentCollection, Parameter, Token, UnknownOptionError

from coral.errors import CoralError

if TYPE_CHECKING:
    from coral.settings import Settings

__all__ = [
    "EARLIEST_S",
    "Address",
    "Config",
    "Count",
    "File",
    "HealthSignals",
    "Moment",
    "Overrides",
    "Port",
    "Seconds",
    "Speed",
    "Time",
    "TokenFile",
    "UsageError",
    "Word",
    "incident_and_file",
    "load_settings",
    "require_new",
    "running",
    "written",
]

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


class UsageError(Exception):
    """Arguments that are each sound and make no sense together; exit code 2."""


def _speed(text: str) -> float | None:
    """Return a number > 0, or None for `max`."""
    if text == "max":
        return None
    value = _positive(text)
    if value is None:
        raise ValueError(f"a number > 0 or `max` expected, got {text!r}")
    return value


def _seconds(text: str) -> float:
    """Return the seconds > 0 of a number, or of lengths of time such as 90s, 15m, 6h, 1h30m."""
    from coral.text import seconds_of

    value = _positive(text)
    if value is None:
        value = seconds_of(text) or None
    if value is None:
        raise ValueError(f"seconds > 0 expected, got {text!r}; or 90s, 15m, 6h, 2d")
    return value


# Seconds from which on a number is a date; a clock that begins at zero does not come so far.
EARLIEST_S: Final = 1e9


def _moment(text: str) -> float:
    """Return the unix seconds of a time, or of so long ago; nobody means a billion seconds ago."""
    try:
        if (_positive(text) or 0.0) >= EARLIEST_S or re.match(r"\d{4}-", text):
            return _time(text)
        return time.time() - _seconds(text)
    except ValueError:
        raise ValueError(
            f"a time such as 2026-11-22T12:40:00Z, or how long ago as 6h, expected, got {text!r}"
        ) from None


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < math.inf else None


def _count(text: str) -> int:
    """Return a whole number >= 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"a whole number >= 1 expected, got {text!r}")
    return int(text)


def _port(text: str) -> int:
    """Return the number of a port, 0 for a free one."""
    if not (text.isascii() and text.isdecimal()) or int(text[:9]) > 65_535:
        raise ValueError(f"a whole number from 0 to 65535 expected, got {text!r}")
    return int(text)


def _time(text: str) -> float:
    """Return the unix seconds of a number or of an RFC 3339 time with its zone."""
    try:
        value = float(text)
    except ValueError:
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            moment = None
        value = math.nan if moment is None or moment.tzinfo is None else moment.timestamp()
    if not math.isfinite(value):
        raise ValueError(
            f"unix seconds or a time such as 2026-11-22T12:40:00Z expected, got {text!r}"
        )
    return value


def _word(text: str) -> str:
    """Return what is no option; `-` alone is standard input."""
    if text.startswith("-") and text != "-":
        token = Token(keyword=text, source="cli")
        no_options = ArgumentCollection()  # type: ignore[no-untyped-call]
        raise UnknownOptionError(token=token, argument_collection=no_options)
    return text


def _read_by(read: Callable[[str], object]) -> Callable[[object, Sequence[Token]], object]:
    """Return the converter that reads the one word of a value with `read`."""
    return lambda _, tokens: read(tokens[0].value)


Speed = Annotated[float | None, Parameter(converter=_read_by(_speed), metavar="N")]
Seconds = Annotated[float, Parameter(converter=_read_by(_seconds), metavar="S")]
Count = Annotated[int, Parameter(converter=_read_by(_count), metavar="N")]
Moment = Annotated[float, Parameter(converter=_read_by(_moment), metavar="AGO|TIME")]
Port = Annotated[int, Parameter(converter=_read_by(_port), metavar="N")]
Time = Annotated[float, Parameter(converter=_read_by(_time), metavar="TIME")]
# The library takes a lone `-` for an option where a leading hyphen is not allowed.
Word = Annotated[str | None, Parameter(converter=_read_by(_word), allow_leading_hyphen=True)]
File = Annotated[Path, Parameter(metavar="FILE")]
Address = Annotated[str | None, Parameter(metavar="HOST:PORT")]
TokenFile = Annotated[
    Path | None, Parameter(metavar="FILE", help="Holds a running daemon's token.")
]
HealthSignals = Annotated[
    tuple[str, ...], Parameter(name="--kpi", metavar="NAME", help="Health signal; may be repeated.")
]
Config = Annotated[Path | None, Parameter(metavar="FILE", help="TOML; see `coral config`.")]
Overrides = Annotated[
    tuple[str, ...],
    Parameter(
        name="--set",
        metavar="SECTION.KEY=VALUE",
        help="Overrides environment and file; may be repeated.",
    ),
]


def load_settings(
    config: Path | None,
    overrides: Sequence[str],
    kafka: str | None = None,
    flags: Sequence[str] = (),
) -> Settings:
    """Return the settings of a command.

    Parameters
    ----------
    config, overrides
        Values of `--config` and `--set`.
    kafka
        Value of `--kafka`, which is short for the address of the brokers.
    flags
        What other options say, written as `--set` takes it; they win over it.

    Raises
    ------
    SettingsError
        Naming every problem.
    """
    from coral.settings import load

    address = [f"kafka.bootstrap_servers={kafka}"] if kafka else []
    return load(config, os.environ, [*overrides, *flags, *address]).settings


@contextmanager
def written(path: Path, mode: Literal["wb", "ab"] = "wb") -> Iterator[BinaryIO]:
    """Open a file to write; what the disk refuses is said of this file."""
    try:
        with path.open(mode) as file:
            yield file
    except OSError as error:
        if error.filename is None and error.errno in _OF_THE_DISK:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def require_new(folder: Path) -> None:
    """Raise a `CoralError` unless there is nothing of that name yet, and a folder may be made."""
    if folder.exists() or folder.is_symlink():
        raise CoralError(f"{folder} exists already; name a folder that does not.")
    above = next(path for path in folder.absolute().parents if path.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise CoralError(f"{folder} cannot be made: no folder that can be written is {above}.")


def running(
    url: str | None, config: Path | None, overrides: Sequence[str], token_file: Path | None
) -> tuple[str, str | None]:
    """Return where a running daemon is asked, and with which token.

    Parameters
    ----------
    url
        Without it what the configuration says.
    config, overrides
        Values of `--config` and `--set`.
    token_file
        Holds the token; without it, and without `url`, the configuration's.
    """
    token = None if token_file is None else token_file.read_text().strip()
    if url is not None:
        return url, token
    http = load_settings(config, overrides).http
    return http.address(), token or (None if http.token is None else http.token.reveal())


def incident_and_file(
    incident: str | None, file: str | None, *, in_kafka: bool
) -> tuple[str | None, str | None]:
    """Sort out the arguments `[INCIDENT] FILE`: without a Kafka the last one is the file.

    Raises
    ------
    UsageError
        If there is a file and a Kafka, or neither.
    """
    if in_kafka and file is not None:
        raise UsageError(f"FILE or a Kafka, got {file} and a Kafka")
    if in_kafka or file is not None:
        return incident, file
    if incident is None:
        raise UsageError("FILE is missing, or --kafka")
    return None, incident
