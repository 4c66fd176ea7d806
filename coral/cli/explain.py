"""`coral explain`: the case of an incident, from its published events."""

from __future__ import annotations

import os
import shutil
import sys
from typing import Annotated

from cyclopts import Parameter

from coral.cli.events import Place, read_events, tell_missing, write
from coral.cli.options import (
    Address,
    Config,
    Overrides,
    TokenFile,
    UsageError,
    Word,
    incident_and_file,
)
from coral.errors import Exit, IncidentError

__all__ = ["explain"]


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
    token_file: TokenFile = None,
) -> int:
    """Tell the whole case of an incident from its events.

    For example:
      coral explain events.ndjson
      coral explain 3f2a events.ndjson
      coral explain 3f2a events.ndjson --verbose
      coral explain 3f2a events.ndjson --markdown > post-mortem.md
      coral replay incidents/checkout --json | coral explain -
      coral explain 3f2a --kafka localhost:9092
      coral explain 3f2a http://127.0.0.1:8080

    Parameters
    ----------
    incident
        Identifier, or the beginning of it; without one the incidents are listed.
    file
        Events, one a line, as replay writes them; - is stdin; or the address of a running daemon;
        not with --kafka or --config.
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

    place, found = Place(file, config, overrides, kafka, token_file), Exit.OK
    try:
        event_log, found = read_events(place, incident)
        if found and not event_log.incidents:
            return found
        if incident is None:
            chosen, blocks = list(event_log.incidents.values()), told.listing(event_log)
            found = found or (Exit.OK if chosen else Exit.NOTHING_FOUND)
        else:
            chosen = [find(event_log, incident)]
            blocks = told.case(chosen[0], verbose=verbose or markdown)
    except IncidentError as error:
        return tell_missing(place, error, found)
    if as_json:
        write(told.as_json(chosen).encode())
    else:
        bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        write((as_markdown(blocks) if markdown else plain(blocks, _width(), bold=bold)).encode())
    return found


def _width() -> int:
    """Columns to wrap to: the terminal's, within what can be read."""
    from coral.report.document import WIDTH

    return max(60, min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH))
