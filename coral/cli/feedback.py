"""`coral feedback`: what the cause of an incident really was, or that the answer was wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from coral.cli.events import Place, read_events, tell_missing
from coral.cli.options import (
    Address,
    Config,
    File,
    Overrides,
    UsageError,
    Word,
    incident_and_file,
    load_settings,
    written,
)
from coral.errors import EventError, Exit, IncidentError
from coral.text import printable, quoted

if TYPE_CHECKING:
    from coral.contract.events import Incident
    from coral.contract.feedback import Feedback
    from coral.settings import Settings

__all__ = ["feedback"]


def feedback(
    incident: Word = None,
    file: Word = None,
    /,
    *,
    cause: Annotated[str | None, Parameter(metavar="ENTITY")] = None,
    wrong: bool = False,
    withdraw: bool = False,
    listed: Annotated[bool, Parameter(name="--list")] = False,
    out: File = Path("feedback.ndjson"),
    config: Config = None,
    overrides: Overrides = (),
    kafka: Address = None,
) -> int:
    """Say what was the cause of an incident, so that its like is recognised.

    For example:
      coral feedback 3f2a --cause orders-db --kafka localhost:9092
      coral feedback 3f2a --wrong --kafka localhost:9092
      coral feedback 3f2a --withdraw --kafka localhost:9092
      coral feedback --list --kafka localhost:9092
      coral feedback 3f2a events.ndjson --cause orders-db
      coral replay incidents/* --feedback feedback.ndjson

    Parameters
    ----------
    incident
        Identifier, or the beginning of it.
    file
        Events, one a line, as replay writes them; - is stdin; not with --kafka or --config.
    cause
        What it really was.
    wrong
        It was not what is ranked first, whatever it was.
    withdraw
        Take back what was said of it.
    listed
        Show what was said of which incidents, and is not taken back.
    out
        Without Kafka it is added there, for `coral replay --feedback`.
    kafka
        Read the incidents topic of this Kafka instead, and write into its feedback topic.
    """
    in_kafka = kafka is not None or config is not None
    if sum((cause is not None, wrong, withdraw, listed)) != 1:
        raise UsageError("one of --cause ENTITY, --wrong, --withdraw and --list expected")
    if listed:
        if incident is not None:
            raise UsageError(f"--list alone expected, got {incident}")
        return _list(_sent(load_settings(config, overrides, kafka)) if in_kafka else _kept(out))
    incident, file = incident_and_file(incident, file, in_kafka=in_kafka)
    if incident is None:
        raise UsageError("INCIDENT is missing; `coral explain` lists those that are there")
    place = Place(file, config, overrides, kafka)
    if place.daemon is not None:
        raise UsageError(f"FILE or a Kafka, whose feedback topic the daemon reads, got {place}")
    from coral.contract.feedback import encode, rejected, said
    from coral.daemon.connection import connection_of
    from coral.daemon.feedback_outbox import sent
    from coral.report.event_log import find
    from streams.clock import SystemClock

    event_log, found = read_events(place)
    try:
        data = find(event_log, incident).data
    except IncidentError as error:
        return tell_missing(place, error, found)
    made = rejected(data) if wrong else said(data, cause, None)
    if file is None:
        settings = load_settings(config, overrides, kafka)
        stored = sent(settings, connection_of(settings, SystemClock()), made)
    else:
        with written(out, "ab") as lines:
            lines.write(encode(made) + b"\n")
        stored = str(out)
    text = _told(data, made)
    sys.stdout.write(f"Incident {data.incident}: {text}; stored in {printable(stored)}.\n")
    return found


def _told(data: Incident, made: Feedback) -> str:
    if made.rejected is not None:
        return f"the cause was not {quoted(made.rejected)}, ranked 1"
    if made.cause is None:
        return "what was said of its cause is taken back"
    rank = next(i for i, one in enumerate(data.entities, start=1) if one.name == made.cause)
    return f"the cause was {quoted(made.cause)}, ranked {rank}"


def _list(lines: Iterable[bytes]) -> int:
    """Show the last word on every incident; return the exit code."""
    from coral.contract.feedback import decode

    held: dict[str, Feedback] = {}
    broken = 0
    for line in lines:
        try:
            said = decode(line)
        except EventError:
            broken += 1
            continue
        held[said.incident] = said
    for said in held.values():
        if said.entity is not None:
            where = f"incident {printable(said.incident)} of {quoted(said.system)}"
            what = f"{'not ' if said.cause is None else ''}{quoted(said.entity)}"
            sys.stdout.write(f"{where}, seen until {printable(said.ended)}: {what}\n")
    if broken:
        sys.stderr.write(f"coral feedback: {broken} records are no feedback\n")
    return Exit.INVALID if broken else Exit.OK


def _kept(out: Path) -> Iterator[bytes]:
    with out.open("rb") as lines:
        yield from (line for line in lines if line.strip())


def _sent(settings: Settings) -> Iterator[bytes]:
    """Yield the feedback of the topic, oldest first."""
    from coral.daemon.connection import connection_of
    from streams.clock import SystemClock
    from streams.kafka import KafkaTail

    connection = connection_of(settings, SystemClock())
    with closing(KafkaTail(connection, settings.input.feedback)) as tail:
        yield from tail.existing()
