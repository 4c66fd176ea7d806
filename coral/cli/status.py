"""`coral status`: what a running daemon sees, on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from coral.cli.options import Config, Overrides, TokenFile, running

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coral.http.client import Answers
    from coral.http.state import Brief, DaemonStatus, SystemState

__all__ = ["status"]

_NAMES = 32  # longer ones are not aligned


def status(
    url: Annotated[str | None, Parameter(metavar="URL")] = None,
    /,
    *,
    config: Config = None,
    overrides: Overrides = (),
    token_file: TokenFile = None,
) -> None:
    """Ask a running daemon what it sees, what is open, and how far behind it is.

    For example:
      coral status
      coral status http://127.0.0.1:8081
      coral status --config coral.toml
      coral status https://coral.example/coral --token-file token

    Parameters
    ----------
    url
        Where it listens, with its path prefix; without it what the configuration says.
    token_file
        Holds the token; without it the configuration's.
    """
    from rich.console import Console

    from coral.http.client import asked

    url, token = running(url, config, overrides, token_file)
    answers = asked(url, token)
    console = Console()
    for line in _lines(url.rstrip("/"), answers):
        # A terminal would break words; what reads a pipe wants lines.
        whole = not console.is_terminal
        console.print(line, highlight=False, markup=False, soft_wrap=whole)


def _lines(url: str, answers: Answers) -> Iterator[str]:
    """Yield the whole answer, line by line; names are printable in it."""
    yield from _process(url, answers.status)
    width = min(max((len(_name(each)) for each in answers.systems), default=0), _NAMES)
    if answers.systems:
        yield ""
    for system in answers.systems:
        yield _system(system, width)
    unresolved = [each for each in answers.incidents if each.state != "resolved"]
    if unresolved:
        yield ""
    yield from _open(unresolved)


def _process(url: str, held: DaemonStatus) -> Iterator[str]:
    from coral.text import printable

    state = "ready" if held.ready else "not ready" if held.alive else "not alive"
    why = f": {'; '.join(held.reasons)}" if held.reasons else ""
    yield f"CORAL {held.version} at {printable(url)}, up since {held.started}: {state}{why}"
    known = [part.lag for part in held.partitions if part.lag is not None]
    parts = "1 partition" if len(held.partitions) == 1 else f"{len(held.partitions)} partitions"
    yield f"{sum(known):,} records behind in {parts}; {held.records:,} read, {held.rows:,} rows"
    for sink in held.sinks:
        how = f"cannot be told, {sink.waiting:,} wait" if sink.failing else f"told {sink.taken:,}"
        left = f", {sink.refused:,} refused, {sink.lost:,} lost" if sink.refused + sink.lost else ""
        yield f"{printable(sink.sink)} {how}{left}"


def _name(system: SystemState) -> str:
    from coral.text import named

    return named(system.system)


def _system(system: SystemState, width: int) -> str:
    from coral.text import printable, seconds

    phase = "no data" if system.no_data else system.phase
    facts = [
        f"{system.series:,} series every {seconds(system.interval_s)}",
        f"{system.base.rows:,} normal rows",
        f"last {system.last or 'never'}",
    ]
    line = f"{_name(system):{width}}  {phase:10}  {', '.join(facts)}"
    if system.incident is not None:
        line += f"; {system.incident} is open"
    if system.phase in ("warming", "blind"):
        line += "".join(f"; {printable(said)}" for said in system.needed)
    return line


def _open(incidents: Iterable[Brief]) -> Iterator[str]:
    from coral.text import named, printable

    for each in incidents:
        system, said = named(each.system), printable(each.summary)
        yield f"{each.kind} {each.incident} in {system} since {each.onset}: {said}"
