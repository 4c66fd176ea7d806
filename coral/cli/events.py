"""Where commands find the events of incidents: a file, the incidents topic, a running daemon."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from coral.cli.options import load_settings
from coral.errors import CoralError, Exit, IncidentError
from coral.text import printable, quoted

if TYPE_CHECKING:
    from coral.report.event_log import EventLog

__all__ = ["Place", "read_events", "tell_missing", "write"]

_SCHEMES = ("http://", "https://")


class Place(NamedTuple):
    """Where the events are.

    Attributes
    ----------
    file : str or None
        Of events, `-` for standard input, or the address of a running daemon; None is the
        incidents topic of the Kafka that the rest names.
    config : Path or None
    overrides : sequence of str
    kafka : str or None
    token_file : Path or None
        For a running daemon.
    """

    file: str | None
    config: Path | None = None
    overrides: Sequence[str] = ()
    kafka: str | None = None
    token_file: Path | None = None

    @property
    def daemon(self) -> str | None:
        """Address of the running daemon, if the events are there."""
        return self.file if self.file is not None and self.file.startswith(_SCHEMES) else None

    def token(self) -> str | None:
        """Return what the daemon wants to see, if there is a file of it."""
        return None if self.token_file is None else self.token_file.read_text().strip()

    def __str__(self) -> str:
        return "incidents topic" if self.file is None else printable(self.file)


def read_events(place: Place, incident: str | None = None) -> tuple[EventLog, Exit]:
    """Return what the events say.

    What is no event is told on standard error, and is `Exit.INVALID` beside them.

    Parameters
    ----------
    place : Place
    incident : str, optional
        A running daemon is asked for no other than those whose identifier begins so.

    Raises
    ------
    IncidentError
        If a running daemon remembers no such incident.
    """
    from coral.http.client import asked_events
    from coral.report.event_log import read

    file = place.file
    if file is None:
        event_log = read(_topic(place))
    elif file == "-":
        event_log = read(sys.stdin.buffer)
    elif place.daemon is not None:
        event_log = read(asked_events(place.daemon, place.token(), incident or ""))
    else:
        try:
            with Path(file).open("rb") as lines:
                event_log = read(lines)
        except FileNotFoundError as error:
            raise CoralError(
                f"there is no file {quoted(file)}; to explain one incident give its identifier and "
                "then FILE, or --kafka."
            ) from error
    told = event_log.problems
    if told and not event_log.incidents:
        told = [f"no event of CORAL in {len(told)} line{'s' * (len(told) > 1)}; {told[0]}"]
    for problem in told:
        sys.stderr.write(f"coral: {place}, {printable(problem)}\n")
    return event_log, Exit.INVALID if event_log.problems else Exit.OK


def tell_missing(place: Place, error: IncidentError, found: Exit) -> Exit:
    """Say that there is no such incident, and return the exit code."""
    sys.stderr.write(f"coral: {place}: {printable(str(error))}\n")
    return found or Exit.NOTHING_FOUND


def write(data: bytes) -> None:
    """Write to standard output as it is, whatever its encoding: drawings must not fail."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # `| head` has seen enough; nothing is left to be flushed at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _topic(place: Place) -> Iterator[bytes]:
    """Yield all events of the incidents topic."""
    from coral.daemon.connection import connection_of
    from streams.clock import SystemClock
    from streams.kafka import KafkaTail

    settings = load_settings(place.config, place.overrides, place.kafka)
    connection = connection_of(settings, SystemClock())
    with closing(KafkaTail(connection, settings.output.incidents)) as tail:
        yield from tail.existing()
