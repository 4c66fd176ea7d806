"""`coral record prometheus`: a window of a Prometheus as an incident folder."""

from __future__ import annotations

import re
import shlex
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

from cyclopts import Parameter

from coral.cli.options import (
    Config,
    HealthSignals,
    Moment,
    Overrides,
    Seconds,
    UsageError,
    load_settings,
    require_new,
)
from coral.cli.prometheus_login import access_of, login_flags
from coral.errors import CoralError, Exit
from coral.text import hint, printable, quoted, seconds

if TYPE_CHECKING:
    from rich.console import Console

    from coral.config import SystemConfig
    from coral.settings import Settings
    from streams.codec import SeriesMapping
    from streams.prometheus import (
        PrometheusServer,
        Rows,
        ScrapedMetric,
        Span,
        Window,
        WindowNamer,
    )

__all__ = ["prometheus"]

SINCE_S = 6 * 3600.0
SHOWN = 10
FEWEST_ROWS = 2
# Of less nothing can be said whether users feel it.
OFTEN = 0.5
# What Prometheus measures of itself, and quantiles of sizes.
NOT_FELT: Final = re.compile(r":scrape_duration_seconds$|_bytes\.p\d+")
FORMAT: Final = "prometheus_json"


def prometheus(
    url: Annotated[str, Parameter(name="URL")],
    /,
    *,
    match: Annotated[tuple[str, ...], Parameter(metavar="SELECTOR")] = (),
    since: Moment | None = None,
    until: Moment | None = None,
    step: Seconds | None = None,
    out: Annotated[Path, Parameter(metavar="DIR")],
    kpi: HealthSignals = (),
    system: Annotated[str | None, Parameter(metavar="NAME")] = None,
    header: Annotated[tuple[str, ...], Parameter(metavar="'NAME: VALUE'")] = (),
    token_file: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    topic: Annotated[str | None, Parameter(metavar="NAME")] = None,
    config: Config = None,
    overrides: Overrides = (),
) -> int:
    """Record a window of a Prometheus as an incident folder.

    For example:
      coral record prometheus http://localhost:9090 --match '{job="shop"}' --out night
      coral record prometheus https://mimir.example/prometheus --match up
        --header 'X-Scope-OrgID: shop' --token-file token --out night
        --since 2026-11-22T02:00:00Z --until 2026-11-22T06:00:00Z

    Parameters
    ----------
    url
        Of a Prometheus, Thanos or Mimir, with the prefix of its paths.
    match
        Which series; may be repeated.
    since
        First moment; without it 6 hours before the last.
    until
        Last moment; without it now.
    step
        Between rows; without it what most series are scraped at.
    out
        New folder.
    system
        Its name, that of the folder without it; `[systems.NAME]` of the configuration counts.
    header
        To be sent too; may be repeated.
    token_file
        Holds the bearer token. Other ways to log in, and TLS: `[prometheus]`.
    topic
        Whose names to use, where the configuration has several of `prometheus_json`.
    """
    require_new(out)
    end = time.time() if until is None else until
    span = (end - SINCE_S if since is None else since, end)
    if not 0 <= span[0] < span[1]:
        first, last = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in span)
        end_told = "--until" if until is not None else "now"
        raise UsageError(f"--since before {end_told} expected, got {first} and {last}")
    import msgspec
    from rich.console import Console

    from coral.replay.record import write
    from streams.clock import SystemClock
    from streams.prometheus import PrometheusServer

    name = system or out.absolute().name
    settings = load_settings(config, overrides, None, login_flags(header, token_file))
    server = PrometheusServer(access_of(url, settings), SystemClock())
    mapping, known = _mapping(settings, topic), settings.system(name)
    known = msgspec.structs.replace(known, kpi=kpi or known.kpi)
    if step is None and {name, "*"} & settings.systems.keys():
        step = known.interval_s
    console = Console(stderr=True)
    with console.status("looking for series"):
        plan = _plan(server, _RecordRequest(match, span, name, step), settings, mapping)
    _require(known.health_names, plan.names)
    rows = _read(server, plan, console)
    if not rows.names:
        raise CoralError("no series has a value in this window: see --since and --step.")
    known = msgspec.structs.replace(known, interval_s=plan.window.step_s)
    write(out, [*rows.frames(name)], known)
    remarks = (f"the server remarks: {printable(text)}" for text in server.warnings)
    for line in (*remarks, *_left_out(plan.namer), *_beyond(rows, settings.limits.max_series)):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for line in _told(out, rows, known):
        Console().print(line, highlight=False, markup=False, soft_wrap=True)
    return Exit.OK


class _RecordRequest(NamedTuple):
    """What to record."""

    match: Sequence[str]
    span: Span
    system: str
    step_s: float | None


class _Plan(NamedTuple):
    """What will be asked for, and the names that may come out."""

    metrics: Sequence[ScrapedMetric]
    namer: WindowNamer
    window: Window
    intervals: dict[str, float]
    names: set[str]


def _mapping(settings: Settings, topic: str | None) -> SeriesMapping:
    """Return how series are named: as in a topic of the configuration that holds the like."""
    from streams.codec import DEFAULT_MAPPINGS

    topics = settings.input.topics
    held = {name: each.mapping for name, each in topics.items() if each.format == FORMAT}
    if topic is None and len(held) > 1:
        raise UsageError(f"--topic expected, one of {', '.join(sorted(held))}")
    if topic is not None and topic not in held:
        raise UsageError(
            f"--topic of format {FORMAT} expected, got {quoted(topic)}{hint(topic, held)}"
        )
    found = next(iter(held.values()), None) if topic is None else held[topic]
    return found or DEFAULT_MAPPINGS[FORMAT]


def _plan(
    server: PrometheusServer, wanted: _RecordRequest, settings: Settings, mapping: SeriesMapping
) -> _Plan:
    """Find out what there is, under which names, and how often it comes."""
    from streams.codec import DEFAULT_MAPPINGS
    from streams.prometheus import (
        Window,
        WindowNamer,
        catalogue,
        first_series,
        jobs_of,
        scrape_intervals,
        types_of,
        usual_interval,
        with_types,
    )

    if not wanted.match:
        jobs = jobs_of(server, wanted.span)
        some = f"; jobs there are {jobs}" if jobs else ""
        raise UsageError("--match SELECTOR expected, such as '{job=\"shop\"}'" + some)
    metrics = catalogue(server, wanted.match, wanted.span, settings.limits.max_sources)
    types = types_of(server)
    intervals = scrape_intervals(server, metrics, wanted.span)
    step_s = wanted.step_s or usual_interval(metrics, intervals)
    if step_s is None:
        raise CoralError("no series has two values in this window: say --step, or a longer one.")
    window = Window.between(*wanted.span, step_s)
    if window.n < FEWEST_ROWS:
        raise UsageError(f"a window of at least {FEWEST_ROWS} steps of {step_s:g} s expected")
    default = DEFAULT_MAPPINGS[FORMAT]
    if (mapping.counters, mapping.gauges) == (default.counters, default.gauges):
        mapping = with_types(mapping, types, metrics)
    namer = WindowNamer(mapping, wanted.system, settings.limits.max_labels)
    namer.look(first_series(server, wanted.match, wanted.span), metrics)
    return _Plan(metrics, namer, window, intervals, namer.possible(metrics, types))


def _require(kpi: Sequence[str], names: set[str]) -> None:
    """Raise if a health signal is none of the series that may come, nor stands for some."""
    from streams.series import parts_of

    for name in kpi:
        if name not in names and not parts_of(name, [*names]):
            raise CoralError(f"no series is called {quoted(name)}{hint(name, names) or '.'}")


def _read(server: PrometheusServer, plan: _Plan, console: Console) -> Rows:
    """Read the window before the eyes of a person."""
    from coral.cli.progress import bar
    from streams.prometheus import read_rows

    metrics, namer, window, intervals, _ = plan
    with bar(console, "recording", len(metrics)) as advance:

        def observe(done: int, metric: str) -> None:
            advance(done, printable(metric)[:40], 1)

        return read_rows(server, metrics, namer, window, intervals, observe)


def _left_out(namer: WindowNamer) -> Iterator[str]:
    """Yield why series have no name, most frequent first."""
    for reason, count in namer.left_out.most_common(SHOWN):
        yield f"left out: {count} series: {printable(reason)}"


def _beyond(rows: Rows, most: int) -> Iterator[str]:
    """Yield that these are more series than one system may have."""
    from streams.series import entity_of

    if len(rows.names) > most:
        ((entity, count),) = Counter(map(entity_of, rows.names)).most_common(1)
        yield (
            f"these are more than the {most} series of a system: {count} of {quoted(entity)}; "
            "the last will not be looked at, so narrow --match"
        )


def _told(out: Path, rows: Rows, known: SystemConfig) -> Iterator[str]:
    """Yield what was recorded, and what to do with it."""
    from streams.series import entity_of, parts_of

    entities = len({entity_of(name) for name in rows.names})
    yield (
        f"{out}: {len(rows.times)} rows, one every {seconds(known.interval_s)}, of "
        f"{len(rows.names)} series of {entities} {'entity' if entities == 1 else 'entities'}"
    )
    for name in known.health_names:
        if name not in rows.names and not parts_of(name, rows.names):
            yield f"{quoted(name)} has no value in this window: users felt nothing by it"
    command = f"coral replay {shlex.quote(printable(str(out)))}"
    if known.kpi:
        yield f"Next: {command}"
        return
    likely = _likely(rows, known)
    if not likely:
        yield f"Nothing that moved looks like a latency or an error. Next: {command} --kpi NAME"
        return
    yield "No health signal was named; these look like latencies and errors, and moved:"
    for name in likely[:SHOWN]:
        yield f"  {printable(name)}"
    if len(likely) > SHOWN:
        yield f"  and {len(likely) - SHOWN} more"
    yield f"Next, with those that users feel: {command} --kpi {shlex.quote(printable(likely[0]))}"


def _likely(rows: Rows, known: SystemConfig) -> list[str]:
    """Return what may be health signals: latencies, the slowest first, then errors.

    What calls others takes longer than they do, and is nearer to the users.
    """
    import numpy as np

    from coral.localise.layout import metric_of
    from coral.localise.roles import Role, role_of
    from coral.replay.survey import likely_health_signals

    there = ~np.isnan(rows.values)
    means = np.where(there, rows.values, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    moved = (there & (rows.values != np.fmax.reduce(rows.values))).any(axis=0)
    useful = moved & (there.mean(axis=0) >= OFTEN)
    names = [rows.names[at] for at in np.argsort(-means) if useful[at]]
    names = [name for name in names if not NOT_FELT.search(name)]
    found = likely_health_signals(names, known.causal_edges)
    return sorted(found, key=lambda name: role_of(metric_of(name)) is not Role.LATENCY)
