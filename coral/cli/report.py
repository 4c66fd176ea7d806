"""`coral report`: an incident as one file, for a ticket, a chat or a post-mortem."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from coral.cli.events import Place, read_events, tell_missing, write
from coral.cli.options import (
    Address,
    Config,
    File,
    Overrides,
    TokenFile,
    UsageError,
    Word,
    incident_and_file,
    written,
)
from coral.errors import Exit, IncidentError

if TYPE_CHECKING:
    from coral.report.event_log import EventLog, IncidentHistory

__all__ = ["report"]

LISTED = 5
_Form = Literal["html", "markdown", "png"]
_SUFFIXES: dict[str, _Form] = {".html": "html", ".htm": "html", ".md": "markdown", ".png": "png"}


def report(
    incident: Word = None,
    file: Word = None,
    /,
    *,
    out: Annotated[File | None, Parameter(alias="-o")] = None,
    markdown: bool = False,
    png: bool = False,
    config: Config = None,
    overrides: Overrides = (),
    kafka: Address = None,
    token_file: TokenFile = None,
) -> int:
    """Write an incident as one file, to attach to a ticket or to a chat.

    For example:
      coral report 3f2a events.ndjson -o incident.html
      coral report 3f2a http://127.0.0.1:8080 -o incident.html
      coral report 3f2a --kafka localhost:9092 --markdown
      coral report 3f2a events.ndjson -o incident.png

    Parameters
    ----------
    incident
        Identifier, or the beginning of it; not needed where the events are those of one.
    file
        Events, one a line, as replay writes them; - is stdin; or the address of a running daemon;
        not with --kafka or --config.
    out
        Its name says what is written (.html, .md, .png); without it HTML to standard output.
    markdown
        What `coral explain --markdown` says.
    png
        A picture (needs the extra `plots`).
    kafka
        Read the incidents topic of this Kafka instead.
    """
    form = _form(out, markdown=markdown, png=png)
    in_kafka = kafka is not None or config is not None
    incident, file = incident_and_file(incident, file, in_kafka=in_kafka)
    if form == "png":
        from coral.report.drawing import check_drawing

        check_drawing("--png")
    place, found = Place(file, config, overrides, kafka, token_file), Exit.OK
    try:
        event_log, found = read_events(place, incident)
        if found and not event_log.incidents:
            return found
        history = _chosen(event_log, incident)
    except IncidentError as error:
        return tell_missing(place, error, found)
    made = _written(history, form, place)
    if out is None:
        write(made)
    else:
        with written(out) as target:
            target.write(made)
    return found


def _form(out: Path | None, *, markdown: bool, png: bool) -> _Form:
    """Return what is to be written, as the options or the name of the file say."""
    if markdown and png:
        raise UsageError("--markdown or --png, got both")
    asked: _Form | None = "markdown" if markdown else "png" if png else None
    if out is None:
        if asked != "markdown" and sys.stdout.isatty():
            raise UsageError("a terminal shows no such file: -o FILE expected, or --markdown")
        return asked or "html"
    named = _SUFFIXES.get(out.suffix.lower())
    if asked is not None and named in (asked, None):
        return asked
    if named is None:
        raise UsageError(
            f"-o tells no format: a name in {', '.join(_SUFFIXES)} expected, got {out}"
        )
    if asked is not None:
        raise UsageError(f"--{asked} or -o {out}, got both")
    return named


def _chosen(event_log: EventLog, incident: str | None) -> IncidentHistory:
    """Return the incident that is named, or the only one there is.

    Raises
    ------
    IncidentError
        If there is none, or more than one.
    """
    from coral.report.event_log import find

    if incident is not None:
        return find(event_log, incident)
    names = list(event_log.incidents)
    if len(names) == 1:
        return event_log.incidents[names[0]]
    listed = f"one of {len(names)}: {', '.join(names[:LISTED])}" if names else "and there is none"
    raise IncidentError(f"INCIDENT is missing, {listed}")


def _written(history: IncidentHistory, form: _Form, place: Place) -> bytes:
    match form:
        case "markdown":
            from coral.report.document import markdown
            from coral.report.explain import case

            return markdown(case(history)).encode()
        case "png":
            from coral.report.picture import picture

            return picture(history)
        case "html":
            from coral.http.client import asked_window
            from coral.http.page.report_file import report_file

            url, incident = place.daemon, history.data.incident
            window = None if url is None else asked_window(url, incident, place.token())
            return report_file(history, window)
