"""`coral record`: a window of a live topic, or of a Prometheus, as an incident folder."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from coral.cli.options import (
    Address,
    Config,
    HealthSignals,
    Overrides,
    Seconds,
    load_settings,
    require_new,
)
from coral.cli.record_beside import known_between
from coral.cli.record_prometheus import prometheus
from coral.errors import CoralError, Exit
from coral.text import hint, quoted

if TYPE_CHECKING:
    from coral.settings import Settings
    from streams.kafka import KafkaSource
    from streams.records import Decoded, Record

__all__ = ["record", "tail"]

WAIT_S = 0.5
# So long rows of other systems may come and none of the one to record.
PATIENCE_S = 30.0
LISTED = 10

record = App(
    "record",
    help="""Record a window of a live topic, or of a Prometheus, as an incident folder.

    For example:
      coral record shop --kafka localhost:9092 --interval 10 --seconds 3600 --out checkout
      coral record shop --kafka localhost:9092 --interval 10 --since 900 --out checkout
      coral record shop --config coral.toml --topic telegraf --out checkout
      coral record prometheus http://localhost:9090 --match '{job="shop"}' --out night

    A topic's system of that name comes behind the options: --out DIR prometheus
    """,
)
record.command(prometheus)


@record.default
def of_topic(
    system: Annotated[str, Parameter(name="SYSTEM")],
    /,
    *,
    out: Annotated[Path, Parameter(metavar="DIR")],
    seconds: Seconds = 600.0,
    since: Seconds | None = None,
    kafka: Address = None,
    topic: Annotated[str | None, Parameter(metavar="NAME")] = None,
    config: Config = None,
    overrides: Overrides = (),
    kpi: HealthSignals = (),
    interval: Seconds | None = None,
) -> int:
    """Record a window of a live topic as an incident folder.

    Parameters
    ----------
    system
        Whose rows.
    out
        New folder.
    seconds
        Length, in event time.
    since
        Begin S seconds ago, not with what comes next.
    kafka
        Where the topic is.
    topic
        Without it those of the configuration.
    interval
        Seconds between rows; without it that of the configuration.
    """
    require_new(out)
    from rich.console import Console

    from coral.replay.record import capture, write

    settings = load_settings(config, overrides, kafka, _system_flags(system, interval, kpi))
    names = [topic] if topic else list(settings.input.topics)
    codecs = {name: settings.codec(name) for name in names}
    seen: set[str] = set()
    patience = max(PATIENCE_S, 3.0 * settings.grid(system).interval_s)
    deadline = time.monotonic() + patience

    def decode(row: Record) -> Decoded:
        found = codecs[row.topic].decode(row)
        seen.update(one.system for one in found.samples)
        return found

    with tail(settings, names, since) as source, Console(stderr=True).status("") as status:

        def observe(rows: int) -> None:
            status.update(f"recording {system}: {rows} rows")
            if seen and system not in seen and time.monotonic() > deadline:
                known = ", ".join(quoted(name) for name in sorted(seen)[:LISTED])
                raise CoralError(
                    f"no row of system {quoted(system)} came in {patience:g} s, but of {known}"
                    f"{hint(system, seen) or '.'}"
                )

        frames = capture(source, decode, system, settings.grid(system), seconds, observe=observe)
    beside = known_between(settings, system, frames, Console(stderr=True))
    meta = write(out, frames, settings.system(system), beside)
    Console().print(
        f"{out}: {meta.n_rows} rows of {meta.n_metrics} series, {len(beside.changes)} change "
        f"events, {len(beside.alerts)} alerts",
        highlight=False,
    )
    return Exit.OK


def _system_flags(name: str, interval: float | None, kpi: Sequence[str]) -> list[str]:
    """Return what --interval and --kpi say of the system, as settings."""
    system = f"systems.{json.dumps(name)}"
    flags = [] if interval is None else [f"{system}.interval_s={interval}"]
    return [*flags, f"{system}.kpi={json.dumps(kpi)}"] if kpi else flags


@contextmanager
def tail(settings: Settings, names: list[str], since: float | None) -> Iterator[KafkaSource]:
    """Yield a reader of the topics' ends, or of `since` seconds before now; commits nothing."""
    from uuid import uuid4

    from coral.daemon.connection import connection_of
    from streams.clock import SystemClock
    from streams.kafka import KafkaSource

    connection = connection_of(settings, SystemClock())
    source = KafkaSource(connection, names, f"coral-record-{uuid4()}", reset="latest")
    with closing(source):
        while not source.assignment():
            source.poll(1, WAIT_S)
        if since:
            _go_back(source, max(time.time() - since, 0.0))
        yield source


def _go_back(source: KafkaSource, moment: float) -> None:
    for partition in source.assignment():
        offset = source.offset_at(partition, moment)
        if offset is not None:
            source.seek(partition, offset)
