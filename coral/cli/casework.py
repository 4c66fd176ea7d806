"""Commands about incidents that were published: telling them, and saying what their cause was."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from coral.contract.feedback import encode, given
from coral.errors import Exit, IncidentError
from coral.report import explain
from coral.report.document import WIDTH, markdown, plain
from coral.report.event_log import EventLog, find, read
from coral.text import printable, quoted

__all__ = ["run_explain", "run_feedback"]


def run_explain(options: argparse.Namespace) -> int:
    """Print one incident of an events file or topic, or list them all."""
    journal, found = _journal(options)
    if options.incident is None:
        chosen, blocks = list(journal.incidents.values()), explain.listing(journal)
        found = found or (Exit.OK if chosen else Exit.NOTHING_FOUND)
    else:
        try:
            chosen = [find(journal, options.incident)]
        except IncidentError as error:
            return _no_incident(options, error, found)
        blocks = explain.case(chosen[0])
    if options.json:
        text = explain.as_json(chosen)
    else:
        text = markdown(blocks) if options.markdown else plain(blocks, _width())
    _write(text)
    return found


def run_feedback(options: argparse.Namespace) -> int:
    """Store the confirmed cause of an incident where the daemon or a replay reads it."""
    journal, found = _journal(options)
    try:
        chronicle = find(journal, options.incident)
    except IncidentError as error:
        return _no_incident(options, error, found)
    data = chronicle.data
    feedback = given(data, options.cause)
    if options.file is None:
        from coral.cli import live  # noqa: PLC0415

        where = live.send_feedback(options, feedback)
    else:
        with options.out.open("ab") as file:
            file.write(encode(feedback) + b"\n")
        where = str(options.out)
    rank = next(i for i, e in enumerate(data.entities, start=1) if e.name == options.cause)
    text = f"Incident {data.incident}: the cause was {quoted(options.cause)}, ranked {rank}; "
    sys.stdout.write(f"{text}stored in {printable(where)}.\n")
    return found


def _no_incident(options: argparse.Namespace, error: IncidentError, found: Exit) -> int:
    sys.stderr.write(f"coral: {_events_of(options)}: {printable(str(error))}\n")
    return found or Exit.NOTHING_FOUND


def _events_of(options: argparse.Namespace) -> str:
    return "incidents topic" if options.file is None else options.file


def _write(text: str) -> None:
    """Write to standard output, as UTF-8 whatever its encoding: drawings must not fail."""
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # `| head` has seen enough; nothing is left to be flushed at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _journal(options: argparse.Namespace) -> tuple[EventLog, Exit]:
    """Return what the events say; what is no event is told on standard error."""
    if options.file is None:
        from coral.cli import live  # noqa: PLC0415

        journal = read(live.incidents(options))
    elif options.file == "-":
        journal = read(sys.stdin.buffer)
    else:
        with Path(options.file).open("rb") as lines:
            journal = read(lines)
    for problem in journal.problems:
        sys.stderr.write(f"coral: {_events_of(options)}, {printable(problem)}\n")
    return journal, Exit.INVALID if journal.problems else Exit.OK


def _width() -> int:
    """Columns to wrap to: the terminal's, within what can be read."""
    return max(60, min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH))
