"""`coral ask`: what is wrong with a system of a running daemon, now."""

from __future__ import annotations

import os
import sys
from typing import Annotated

from cyclopts import Parameter

from coral.cli.options import Config, Moment, Overrides, TokenFile, running
from coral.errors import Exit

__all__ = ["ask"]


def ask(
    system: Annotated[str, Parameter(name="SYSTEM")],
    url: Annotated[str | None, Parameter(metavar="URL")] = None,
    /,
    *,
    since: Moment | None = None,
    verbose: bool = False,
    as_json: Annotated[bool, Parameter(name="--json")] = False,
    config: Config = None,
    overrides: Overrides = (),
    token_file: TokenFile = None,
) -> int:
    """Ask a running daemon what is wrong with a system now.

    For example:
      coral ask shop
      coral ask shop --since 20m
      coral ask shop --since 2026-11-22T12:40:00Z --json
      coral ask shop https://coral.example/coral --token-file token

    Parameters
    ----------
    system
        Its name, as `coral status` shows it.
    url
        Where the daemon listens, with its path prefix; without it what the configuration says.
    since
        When it began, or how long ago, such as 20m or 1h30m. Without it the open incident
        answers; if there is none, the newest rows, of 15 minutes, at least 16 and at most 120.
    verbose
        Say how it is known too: distances, rank history, statistics, learned edges.
    as_json
        The answer in the form of an event; it is published nowhere.
    token_file
        Holds the token; without it the configuration's.
    """
    from rich.console import Console

    from coral.contract.events import encode
    from coral.http.client import ANSWER_S, answer
    from coral.report.document import plain
    from coral.report.event_log import IncidentHistory
    from coral.report.explain import case

    asked = running(url, config, overrides, token_file)
    with Console(stderr=True).status(f"asking the daemon, for {ANSWER_S:g} s at most"):
        event = answer(*asked, system, since)
    if as_json:
        sys.stdout.buffer.write(encode(event) + b"\n")
    else:
        bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        blocks = case(IncidentHistory(event), verbose=verbose)
        sys.stdout.buffer.write(plain(blocks, bold=bold).encode())
    return Exit.OK
