"""Tables of docs/evaluation/operations.md, from operations, capacity, fuzz and outside."""

from collections.abc import Mapping
from typing import Any

from regions import table

__all__ = ["costs", "fuzz", "outside", "restores"]

STORES = ("file", "kafka")
FIGURES = (
    ("idle_cores", "CPU without any input, cores", "{:.3f}"),
    ("idle_rss_mb", "memory without any input, MB", "{:,.0f}"),
    ("cores", "CPU, cores", "{:.2f}"),
    ("rss_mb", "memory, MB", "{:,.0f}"),
    ("checkpoint_mb_per_minute", "state stored, MB a minute", "{:,.0f}"),
    ("events_per_minute", "events published a minute meanwhile", "{:,.1f}"),
    ("drain_s", "from SIGTERM to the end, s", "{:.1f}"),
    ("restored_s", "from the start to ready, with the state of all systems, s", "{:.0f}"),
    ("restored_cpu_s", "CPU of that, s", "{:.1f}"),
)


def costs(result: Mapping[str, Any]) -> str:
    """List what a process costs, one column a way to store state."""
    figures, facts = result["figures"], result["machine"]
    rows = [
        (text, *(form.format(figures[f"{store}_{name}"]) for store in STORES))
        for name, text, form in FIGURES
    ]
    full = figures["checkpoint_full_mb"]
    starved = max(figures[f"{store}_starved"] for store in STORES)
    return "\n\n".join(
        (
            table(("", "`file`, at least once", "`kafka`, exactly once"), rows),
            (
                f"{result['systems']} systems of {result['series']} series, a row a second each, "
                f"followed for {result['minutes']} minutes after {result['learned']:,} rows; once "
                "a minute one of them has a fault. The state of all systems at once is "
                f"{full:,.0f} MB: if each event had to store all of it, that would be "
                f"{full * figures['kafka_events_per_minute']:,.0f} MB a minute."
            ),
            (
                "From the start to ready without any state: "
                f"{figures['start_cold_s']:.0f} s ({figures['start_cold_cpu_s']:.0f} s of CPU) "
                f"without compiled kernels, {figures['start_warm_s']:.0f} s "
                f"({figures['start_warm_cpu_s']:.1f} s of CPU) with them."
            ),
            (
                f"{facts['cpu']}, {facts['cores']} cores shared with the broker and others: load "
                f"average {facts['load_average']} at the end, and the process waited "
                f"{starved:.0%} of the time for a core. Times by the clock are as much longer; "
                f"CPU, memory and bytes are not. Commit {result['commit']}."
            ),
        )
    )


def restores(result: Mapping[str, Any]) -> str:
    """List how long one system's state takes to store and to read, by its size."""
    figures = result["figures"]
    rows = [
        (
            f"{n:,}",
            f"{figures[f'checkpoint_mb_{n}']:.1f}",
            f"{1e3 * figures[f'restore_s_{n}']:,.0f}",
            f"{figures[f'encode_ms_{n}']:,.0f}",
            f"{figures[f'pause_ms_{n}']:.1f}",
        )
        for n in (50, 300, 1000)
    ]
    header = ("series of a system", "state, MB", "restore, ms", "encode, ms", "loop waits, ms")
    told = f"A system that has learned all it ever will; commit {result['commit']}."
    return "\n\n".join((table(header, rows), told))


def fuzz(result: Mapping[str, Any]) -> str:
    """List what every reader of foreign bytes was tried with."""
    figures = result["figures"]
    rows = [
        (
            f"`{name}`",
            f"{each['inputs_tried']:,}",
            f"{each['branches']:,}",
            f"{each['corpus']:,}",
            "failed" if each["failed"] else "none",
        )
        for name, each in result["targets"].items()
    ]
    header = ("reader", "inputs tried", "branches reached", "corpus", "defects left")
    told = (
        f"{figures['inputs']:,.0f} inputs in {figures['hours']:.2f} hours of fuzzing, "
        f"commit {result['commit']}."
    )
    return "\n\n".join((table(header, rows), told))


def outside(result: Mapping[str, Any]) -> str:
    """Say what the notes of a row and a snapshot cost."""
    figures = result["figures"]
    return (
        f"The notes that the loop takes of a row of 50 series cost {figures['notes_us']:.0f} us of "
        f"CPU, {figures['notes_share']:.1%} of the {figures['step_us']:.0f} us that the engine "
        f"takes for it; a snapshot of 100 systems {figures['snapshot_ms_100']:.1f} ms, of 1,000 "
        f"{figures['snapshot_ms_1000']:.0f} ms; an answer of `/metrics` "
        f"{figures['metrics_ms_100']:.1f} and {figures['metrics_ms_1000']:.1f} ms "
        f"(`benchmarks/outside.py`, commit {result['commit']})."
    )
