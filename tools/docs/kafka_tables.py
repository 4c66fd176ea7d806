"""Tables about Kafka, from kafka, capacity, formats, poison and soak of benchmarks/results/."""

import math
from collections.abc import Mapping
from typing import Any

from regions import table

from coral.settings.sections import Limits, State

__all__ = ["capacity", "fleet", "formats", "poison", "soak", "speed"]

# What is asked for, and how it is told.
ASKED = (
    ("decode_rows_per_s", "native rows decoded and aligned, rows/s", ">= 10,000"),
    ("microbatch_values_per_s", "micro-batches decoded and aligned, values/s", ">= 1,500,000"),
    ("packed_values_per_s", "the same with packed values", ""),
    ("single_sample_per_s", "one sample a message, slowest format, samples/s", ">= 60,000"),
    ("end_to_end_rows_per_s", "`coral run`, topic to events, rows/s", ">= 2,000"),
    ("two_replica_speedup", "two replicas over one", ">= 1.7"),
    ("two_replica_speedup_by_cpu", "the same by CPU time: cores of their own", ""),
    ("latency_p50_s", "row of the alarm to event, median, s", ""),
    ("latency_p99_s", "the same, 99 %, s", "<= 1"),
    ("checkpoint_pause_ms_300", "pause of a checkpoint, 300 series, ms", "<= 50"),
    ("restore_s_300", "restore of 300 series, s", ""),
    ("sink_rows_per_s", "client alone, into the broker, rows/s", ""),
    ("source_rows_per_s", "client alone, out of the broker, rows/s", ""),
    ("cpu_ms_per_row", "CPU of `coral run`, two incidents a system, ms a row", ""),
    ("two_replica_cpu_ms_per_row", "CPU of two replicas, two incidents a system, ms a row", ""),
)
FORMATS = ("telegraf_json", "influx", "prometheus_json", "otlp_json", "otlp_proto")


def speed(result: Mapping[str, Any]) -> str:
    """One row a figure, beside what is asked for."""
    figures, facts = result["figures"], result["machine"]
    rows = [(text, asked, _number(figures[name])) for name, text, asked in ASKED]
    rows += [
        (f"`{name}`, decoded and aligned, values/s", "", _number(figures[f"{name}_aligned_per_s"]))
        for name in FORMATS
    ]
    rate = 50 * figures["decode_rows_per_s"]
    ratios = [figures[f"{name}_values_per_s"] / rate for name in ("microbatch", "packed")]
    parts = (figures["source_cpu_ms_per_row"], 1e3 / figures["decode_rows_per_s"])
    shares = [part / figures["cpu_ms_per_row"] for part in parts]
    return "\n\n".join(
        (
            table(("rows of 50 series", "asked for", "measured"), rows),
            (
                f"In the same CPU time micro-batches carry {ratios[0]:.1f} times the values of our "
                f"own rows, packed ones {ratios[1]:.1f} times. Latency of "
                f"{figures['latency_events']:.0f} incidents."
            ),
            (
                f"Of the CPU of a row in `coral run` {shares[0]:.0%} is fetching it (client), "
                f"{shares[1]:.0%} decoding and aligning, the rest the engine: the bottleneck."
            ),
            (
                f"{facts['cpu']}, {facts['cores']} cores that the broker, the feeding process and "
                f"`coral run` share with others: load average {facts['load_average']} at the end, "
                "and while latency was measured `coral run` waited "
                f"{figures['latency_starved']:.0%} of the time for a core. Of two figures taken "
                "one after the other there, by the clock, the ratio says little: go by CPU time; "
                f"commit {result['commit']}."
            ),
        )
    )


def formats(result: Mapping[str, Any]) -> str:
    """One row a format: its speed, and what is left of it where some parts cannot be used."""
    figures, facts = result["figures"], result["machine"]
    end = "_decoded_per_s"
    names = [name.removesuffix(end) for name in figures if name.endswith(end)]
    rows = [
        (
            f"`{name}`",
            *(_number(figures[f"{name}_{what}_per_s"]) for what in ("decoded", "aligned")),
            *(f"{figures[f'{name}_with_{share}_per_cent']:.2f}" for share in (1, 10)),
        )
        for name in names
    ]
    header = (
        "format",
        "decoded, values/s",
        "and aligned",
        "with 1 % unusable parts, of clean",
        "with 10 %",
    )
    return "\n\n".join(
        (
            table(header, [*rows, ("asked for", "", "", ">= 0.9", ">= 0.9")]),
            (
                f"{facts['cpu']}, one of {facts['cores']} cores, CPU time, load average "
                f"{facts['load_average']}; `otlp_json` and `otlp_proto` with 50 values a message, "
                f"the others with one. Commit {result['commit']}."
            ),
        )
    )


def capacity(result: Mapping[str, Any]) -> str:
    """List what a replica of one core holds, and how the model compares with runs."""
    given = result["given"]
    rows = [
        (
            f"{row['series']:,}",
            f"{row['interval_s']:g}",
            f"{row['systems']:,}",
            f"{row['systems'] * row['series']:,}",
            row["ends"],
            f"{row['open_ms']:,.0f}",
            f"{row['load']:.2f}",
            f"{row['memory_mb']:,.0f}",
            f"{row['restore_s']:.1f}",
            f"{row['state_mb']:,.0f}",
            f"{row['cluster_series']:,}",
        )
        for row in result["table"]
    ]
    header = (
        "series a system",
        "row every, s",
        "systems a replica",
        "series a replica",
        "what ends it",
        "an incident opens in, ms",
        "cores",
        "memory, MB",
        "restore, s",
        "state, MB",
        "series, ten replicas",
    )
    held = [
        (f"`{name}`", f"{found['model']:.3f}", f"{found['run']:.3f}")
        for name, found in result["checked"].items()
    ]
    return "\n\n".join(
        (
            table(header, rows),
            (
                f"A replica is given {given['load']:g} of a core (the rest is for incidents and "
                f"for catching up), {given['memory_mb']:,.0f} MB, {given['pause_ms']:g} ms of "
                f"pause at a checkpoint and {given['restore_s']:g} s to restore. The model against "
                "`coral run`, cores while nothing happens, 100 systems of 50 series and 20 of 300:"
            ),
            table(("cores", "model", "run"), held),
            f"Commit {result['commit']}.",
        )
    )


SYSTEMS = 1000
CHECKPOINTS_S = (30.0, 300.0)


def fleet(result: Mapping[str, Any], lines: Mapping[str, Any]) -> str:
    """List the pods that a thousand systems need, and what they and Kafka then carry."""
    given = result["given"]
    rows = [
        _pods(result, lines["figures"], series, interval_s, checkpoint_s)
        for series in sorted({row["series"] for row in result["table"]})
        for interval_s in sorted({row["interval_s"] for row in result["table"]})
        for checkpoint_s in CHECKPOINTS_S
    ]
    header = (
        "series a system",
        "row every, s",
        "`state.interval_s`",
        "pods",
        "what bounds a pod",
        "cores used, a pod",
        "memory, a pod, MB",
        "rows into Kafka, MB/s",
        "state into Kafka, MB/s",
        "state kept, GB",
    )
    return "\n\n".join(
        (
            table(header, rows),
            (
                f"{SYSTEMS:,} systems, one core and {given['memory_mb']:,.0f} MB a pod, of which "
                f"{given['load']:g} of the core is planned with; computed from the costs above and "
                "the memory below, not run. Bytes before replication; of the state the newest "
                f"entry alone is counted as kept. Commit {result['commit']}."
            ),
        )
    )


def _pods(
    result: Mapping[str, Any],
    lines: Mapping[str, float],
    series: int,
    interval_s: float,
    checkpoint_s: float,
) -> tuple[str, ...]:
    """Return one row of the fleet: a pod takes systems up to the first limit it meets."""
    given, figures = result["given"], result["figures"]
    cost = {
        name: figures[f"{name}_{series}"]
        for name in ("row_ms", "row_bytes", "pause_ms", "encode_ms", "restore_s")
    }
    before_mb, each_mb = lines[f"memory_before_mb_{series}"], lines[f"memory_mb_{series}"]
    state_mb = figures[f"checkpoint_mb_{series}"]
    each = (
        (figures["kafka_row_ms"] + cost["row_ms"]) / interval_s + cost["encode_ms"] / checkpoint_s
    ) / 1e3
    bounds = {
        "cpu": (given["load"] - figures["kafka_idle"]) / each,
        "memory": (given["memory_mb"] - before_mb) / each_mb,
        "pause": given["pause_ms"] / cost["pause_ms"],
        "restore": given["restore_s"] / cost["restore_s"],
        "limits.max_systems": float(Limits().max_systems),
    }
    ends = min(bounds, key=lambda name: bounds[name])
    pods = math.ceil(SYSTEMS / int(bounds[ends]))
    held = SYSTEMS / pods
    return (
        f"{series:,}",
        f"{interval_s:g}",
        f"{checkpoint_s:g}",
        f"{pods}",
        ends,
        f"{figures['kafka_idle'] + held * each:.2f}",
        f"{before_mb + held * each_mb:,.0f}",
        f"{SYSTEMS * cost['row_bytes'] / interval_s / 1e6:.1f}",
        f"{SYSTEMS * state_mb / checkpoint_s:,.0f}",
        f"{SYSTEMS * state_mb / 1e3:,.1f}",
    )


SLOPES = {
    "cores": ("cores", "{:.5f}"),
    "rows_mb_per_s": ("rows into Kafka, MB/s", "{:.4f}"),
    "state_mb_per_s": ("state into Kafka, MB/s", "{:.3f}"),
}


def slope(result: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    """List what one more system costs a replica, as measured and as the model has it."""
    header = ["series a system", "systems in steps", "memory, MB", "before the first, MB"]
    header += [f"{name}: {kind}" for name, _ in SLOPES.values() for kind in ("run", "model")]
    rows = []
    for series, held in result["steps"].items():
        row = [f"{int(series):,}", ", ".join(str(step["systems"]) for step in held)]
        row += [f"{result['figures'][f'memory_{of}mb_{series}']:.1f}" for of in ("", "before_")]
        for name, computed in _one_more(model["figures"], series).items():
            form = SLOPES[name][1]
            row += [form.format(result["figures"][f"{name}_{series}"]), form.format(computed)]
        rows.append(tuple(row))
    told = (
        f"One `coral run` on one core, a row a second, each system with {result['rows_learned']:,} "
        f"rows learned, {result['watched_s']} s a step; the slope of a line through the steps. "
        f"{result['machine']['cpu']}, load average {result['machine']['load_average']} at the end; "
        f"commit {result['commit']}."
    )
    return f"{table(tuple(header), rows)}\n\n{told}"


def _one_more(figures: Mapping[str, float], series: str) -> dict[str, float]:
    """Return what the model says that one more system adds, a row a second."""
    row_ms, encode_ms = figures[f"row_ms_{series}"], figures[f"encode_ms_{series}"]
    every_s = State().interval_s
    return {
        "cores": (figures["kafka_row_ms"] + row_ms + encode_ms / every_s) / 1e3,
        "rows_mb_per_s": figures[f"row_bytes_{series}"] / 1e6,
        "state_mb_per_s": figures[f"checkpoint_mb_{series}"] / every_s,
    }


def soak(result: Mapping[str, Any]) -> str:
    """List how often `coral run` was killed in each way of publishing, and what was wrong then."""
    figures = result["figures"]
    wrong = {"lost": "lost", "duplicates": "twice where it must be once"}
    wrong |= {"two_contents": "ids with two contents", "unexpected": "unexpected"}
    return "\n\n".join(
        (
            table(
                ("store and publishing", "kills"),
                [(way, str(kills)) for way, kills in result["kills_by_way"].items()],
            ),
            (
                f"{figures['kills']} kills in {figures['jobs']} jobs, "
                f"{figures['events']:,} events: "
                + ", ".join(f"{figures[name]} {text}" for name, text in wrong.items())
                + f"; {figures['not_ended_well']} jobs whose group did not get to the end. At "
                f"least once, {figures['repeated_at_least_once']} events came again, byte by byte. "
                f"{sum(result['kills_by_moment'].values())} kills hit one of "
                f"{len(result['kills_by_moment'])} chosen moments, the others a random one. "
                f"Commit {result['commit']}."
            ),
        )
    )


def poison(result: Mapping[str, Any]) -> str:
    """List what poison costs: shares of throughput, memory, CPU time of each kind."""
    figures = result["figures"]
    rows = [
        (text, *(f"{figures[name]:.2%}" for name in (f"lost_{share}", f"decoded_lost_{share}")))
        for share, text in (
            ("per_mille", "one message in a thousand"),
            ("per_cent", "one message in a hundred"),
        )
    ]
    kinds = [
        (name.removeprefix("cost_us_"), f"{value:.0f}")
        for name, value in figures.items()
        if name.startswith("cost_us_")
    ]
    return "\n\n".join(
        (
            table(("of the throughput in good rows lost", "with engine", "without"), rows),
            (
                f"Of {figures['rows_per_s']:,.0f} rows/s with the engine, which is what "
                f"`coral run` does, and {figures['decoded_rows_per_s']:,.0f} rows/s decoded and "
                f"aligned alone; CPU time, medians of {result['repeats']} runs. Memory "
                f"after {result['long_run_rows']:,} rows with one message in a hundred poison: "
                f"{figures['rss_growth_mb']:+.1f} MB against that after the first tenth."
            ),
            table(("one message", "us of CPU"), kinds),
            f"Commit {result['commit']}.",
        )
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
