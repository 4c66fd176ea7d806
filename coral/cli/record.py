"""`coral record`: a window of a live topic, or of a Prometheus, as an incident folder."""

from __future__ import annotations

import json
import signal
import sys
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
from coral.cli.record_silence import Silence
from coral.errors import Exit
from coral.text import hint, printable, quoted

if TYPE_CHECKING:
    from coral.settings import Settings
    from streams.kafka import KafkaSource
    from streams.records import Decoded, Frame, Record

__all__ = ["record", "tail"]

WAIT_S = 0.5
# So long no row may come, or three rows' time where that is longer.
PATIENCE_S = 30.0
# So long brokers may take to deal the partitions.
DEALT_S = 60.0
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

    It waits for the first row for 30 s, or for three rows' time where that is longer, and ends with
    exit code 4 if none comes. A window that has begun ends by the clock where rows come no more, or
    at Ctrl-C with what there is until then; without any row its exit code is 130.

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

    from coral.replay.record import write

    settings = load_settings(config, overrides, kafka, _system_flags(system, interval, kpi))
    names, remarks = [topic] if topic else list(settings.input.topics), Console(stderr=True)
    frames, silence, seen = _captured(settings, names, system, since, seconds)
    if not frames and not silence.gave_up:
        return Exit.INTERRUPTED
    if not frames:
        _tell(f"{silence} came in {silence.patience_s:g} s{_others(system, seen)}")
        return Exit.NOTHING_FOUND
    if silence.gave_up:
        lasted = frames[-1].time - frames[0].time + settings.grid(system).interval_s
        _tell(f"{lasted:g} of {seconds:g} s are recorded: {silence} came after them")
    beside = known_between(settings, system, frames, remarks)
    meta = write(out, frames, settings.system(system), beside)
    Console().print(
        f"{out}: {meta.n_rows} rows of {meta.n_metrics} series, {len(beside.changes)} change "
        f"events, {len(beside.alerts)} alerts",
        highlight=False,
    )
    return Exit.OK


def _captured(
    settings: Settings, names: list[str], system: str, since: float | None, seconds: float
) -> tuple[list[Frame], Silence, set[str]]:
    """Return the frames, whether rows failed to come, and of which systems there were some."""
    from rich.console import Console
    from rich.markup import escape

    from coral.daemon.signals import Asked
    from coral.replay.record import capture

    grid, codecs = settings.grid(system), {name: settings.codec(name) for name in names}
    patience_s = max(PATIENCE_S, 3.0 * grid.interval_s + grid.lateness_s)
    seen = set[str]()
    with (
        tail(settings, names, since) as source,
        Console(stderr=True).status("") as status,
        Asked(signal.SIGINT) as interrupted,
    ):
        where = f"system {quoted(system)} from {', '.join(names)}"
        silence = Silence(f"no row of {where}", patience_s, seconds, _tell)
        ends = {each: source.end_offset(each) for each in source.assignment()} if since else {}

        def decode(row: Record) -> Decoded:
            if row.offset < ends.get(row.topic_partition, 0):
                silence.end()  # what was there before is read on, whosever it is
            found = codecs[row.topic].decode(row)
            seen.update(one.system for one in found.samples)
            return found

        def stop(frames: Sequence[Frame]) -> bool:
            status.update(f"recording {escape(printable(system))}: {len(frames)} rows")
            return interrupted.take() or silence.is_too_long(frames)

        return capture(source, decode, system, grid, seconds, stop), silence, seen


def _tell(said: str) -> None:
    sys.stderr.write(f"coral: {said}\n")


def _others(system: str, seen: set[str]) -> str:
    """Say of which systems there were rows when there were none of the one that is wanted."""
    if not seen:
        return ", nor of any other."
    known = ", ".join(quoted(name) for name in sorted(seen)[:LISTED])
    return f", but of {known}{hint(system, seen) or '.'}"


def _system_flags(name: str, interval: float | None, kpi: Sequence[str]) -> list[str]:
    """Return what --interval and --kpi say of the system, as settings."""
    system = f"systems.{json.dumps(name)}"
    flags = [] if interval is None else [f"{system}.interval_s={interval}"]
    return [*flags, f"{system}.kpi={json.dumps(kpi)}"] if kpi else flags


@contextmanager
def tail(settings: Settings, names: list[str], since: float | None) -> Iterator[KafkaSource]:
    """Yield a reader of the topics' ends, or of `since` seconds before now; commits nothing.

    Raises
    ------
    BrokerError
        If no broker answers, or none deals the partitions.
    """
    from uuid import uuid4

    from coral.daemon.connection import connection_of
    from streams.clock import SystemClock
    from streams.errors import BrokerError
    from streams.kafka import KafkaSource

    connection = connection_of(settings, SystemClock())
    source = KafkaSource(connection, names, f"coral-record-{uuid4()}", reset="latest")
    with closing(source):
        given_up = time.monotonic() + DEALT_S
        while not source.assignment():
            if time.monotonic() > given_up:
                told = ", ".join(names)
                raise BrokerError(
                    f"Kafka: no broker dealt the partitions of {told} in {DEALT_S:g} s"
                )
            source.poll(1, WAIT_S)
        if since:
            _go_back(source, max(time.time() - since, 0.0))
        yield source


def _go_back(source: KafkaSource, moment: float) -> None:
    for partition in source.assignment():
        offset = source.offset_at(partition, moment)
        if offset is not None:
            source.seek(partition, offset)
