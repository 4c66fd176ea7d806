"""`coral explain`: the case of an incident, from its published events."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from coral.cli.options import (
    Address,
    Config,
    Overrides,
    UsageError,
    Word,
    incident_and_file,
    load_settings,
)
from coral.errors import CoralError, Exit, IncidentError
from coral.text import printable, quoted

if TYPE_CHECKING:
    from coral.report.event_log import EventLog

__all__ = ["explain", "read_events", "tell_missing"]


def explain(
    incident: Word = None,
    file: Word = None,
    /,
    *,
    markdown: bool = False,
    verbose: bool = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
    config: Config = None,
    overrides: Overrides = (),
    kafka: Address = None,
) -> int:
    """Tell the whole case of an incident from its events.

    For example:
      coral explain events.ndjson
      coral explain 3f2a events.ndjson
      coral explain 3f2a events.ndjson --verbose
      coral explain 3f2a events.ndjson --markdown > post-mortem.md
      coral replay incidents/checkout --json | coral explain -
      coral explain 3f2a --kafka localhost:9092

    Parameters
    ----------
    incident
        Identifier, or the beginning of it; without one the incidents are listed.
    file
        Events, one a line, as replay writes them; - is stdin; not with --kafka or --config.
    markdown
        For the post-mortem, with all of it.
    verbose
        Say how it is known too: distances, rank history, statistics, learned edges.
    as_json
        The newest event and all revisions.
    kafka
        Read the incidents topic of this Kafka instead.
    """
    if markdown and as_json:
        raise UsageError("--markdown or --json, got both")
    in_kafka = kafka is not None or config is not None
    incident, file = incident_and_file(incident, file, in_kafka=in_kafka)
    from coral.report import explain as told
    from coral.report.document import markdown as as_markdown
    from coral.report.document import plain
    from coral.report.event_log import find

    journal, found = read_events(file, config, overrides, kafka)
    if found and not journal.incidents:
        return found
    if incident is None:
        chosen, blocks = list(journal.incidents.values()), told.listing(journal)
        found = found or (Exit.OK if chosen else Exit.NOTHING_FOUND)
    else:
        try:
            chosen = [find(journal, incident)]
        except IncidentError as error:
            return tell_missing(file, error, found)
        blocks = told.case(chosen[0], verbose=verbose or markdown)
    if as_json:
        _write(told.as_json(chosen))
    else:
        bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        _write(as_markdown(blocks) if markdown else plain(blocks, _width(), bold=bold))
    return found


def read_events(
    file: str | None, config: Path | None, overrides: Sequence[str], kafka: str | None
) -> tuple[EventLog, Exit]:
    """Return what the events of a file or, without one, of the incidents topic say.

    What is no event is told on standard error, and is `Exit.INVALID` beside them.
    """
    from coral.report.event_log import read

    if file is None:
        journal = read(_topic(config, overrides, kafka))
    elif file == "-":
        journal = read(sys.stdin.buffer)
    else:
        try:
            with Path(file).open("rb") as lines:
                journal = read(lines)
        except FileNotFoundError as error:
            raise CoralError(
                f"there is no file {quoted(file)}; to explain one incident give its identifier and "
                "then FILE, or --kafka."
            ) from error
    told = journal.problems
    if told and not journal.incidents:
        told = [f"no event of CORAL in {len(told)} lines; {told[0]}"]
    for problem in told:
        sys.stderr.write(f"coral: {_place(file)}, {printable(problem)}\n")
    return journal, Exit.INVALID if journal.problems else Exit.OK


def tell_missing(file: str | None, error: IncidentError, found: Exit) -> Exit:
    """Say that there is no such incident, and return the exit code."""
    sys.stderr.write(f"coral: {_place(file)}: {printable(str(error))}\n")
    return found or Exit.NOTHING_FOUND


def _topic(config: Path | None, overrides: Sequence[str], kafka: str | None) -> Iterator[bytes]:
    """Yield all events of the incidents topic."""
    from coral.daemon.connection import connection_of
    from streams.clock import SystemClock
    from streams.kafka import KafkaTail

    settings = load_settings(config, overrides, kafka)
    connection = connection_of(settings, SystemClock())
    with closing(KafkaTail(connection, settings.output.incidents)) as tail:
        yield from tail.existing()


def _place(file: str | None) -> str:
    return "incidents topic" if file is None else file


def _write(text: str) -> None:
    """Write to standard output, as UTF-8 whatever its encoding: drawings must not fail."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # `| head` has seen enough; nothing is left to be flushed at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _width() -> int:
    """Columns to wrap to: the terminal's, within what can be read."""
    from coral.report.document import WIDTH

    return max(60, min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH))
