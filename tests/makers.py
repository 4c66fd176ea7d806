"""Small synthetic systems with a known cause, as rows and as recordings."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from typed import FloatArray

from coral.config import SystemConfig
from coral.contract.events import Event
from coral.engine import Engine
from coral.graph import CausalGraph
from streams.records import Frame

NAMES = (
    "web:latency_p95",
    "web:errors_per_s",
    "cart:latency_p95",
    "cart:cpu",
    "pay:latency_p95",
    "pay:cpu",
    "db:cpu",
    "db:disk_io",
)
EDGES = (("web", "cart"), ("web", "pay"), ("cart", "db"), ("pay", "db"))
ONSET = 200


def shop_rows(seed: int = 0, rows: int = 280, fault: str | None = "db") -> FloatArray:
    """Rows of a little shop; from row 200 on the database (or the pay service) works too hard."""
    rng = np.random.default_rng(seed)
    x = np.empty((rows, len(NAMES)))
    load = 0.0
    for t in range(rows):
        load = 0.8 * load + rng.normal(scale=0.3)
        e = rng.normal(size=8)
        broken = t >= ONSET
        db = 0.30 + 0.02 * load + 0.01 * e[6] + (0.5 if broken and fault == "db" else 0.0)
        pay_cpu = 0.2 + 0.02 * load + 0.01 * e[5] + (0.6 if broken and fault == "pay" else 0.0)
        cart = 0.020 + 0.04 * max(db - 0.3, 0) + 0.001 * e[2]
        pay = 0.030 + 0.04 * max(db - 0.3, 0) + 0.2 * max(pay_cpu - 0.2, 0) + 0.001 * e[4]
        web = 0.010 + cart + pay + 0.002 * e[0]
        cpu = 0.15 + 0.02 * load + 0.01 * e[3]
        disk = 1e6 * (1 + 0.1 * load + 0.05 * e[7] + (6.0 if broken and fault == "db" else 0.0))
        x[t] = (web, max(0.0, e[1]), cart, cpu, pay, pay_cpu, db, disk)
    return x


def unfelt_rows(felt_at: int | None = None, rows: int = 280) -> FloatArray:
    """Rows of the shop in which three series move from row 200 on, a health signal later or not."""
    x = shop_rows(rows=rows, fault=None)
    moved = [NAMES.index(name) for name in ("cart:cpu", "pay:cpu", "db:disk_io")]
    x[ONSET:, moved] += 12.0 * x[:ONSET, moved].std(axis=0)
    if felt_at is not None:
        x[felt_at:, 0] += 0.5
    return x


def shop_config(**changes: Any) -> SystemConfig:
    """Configuration of the little shop."""
    facts: dict[str, Any] = {
        "name": "shop",
        "interval_s": 1.0,
        "kpi": ("web:latency_p95",),
        "edges": EDGES,
    }
    return SystemConfig(**(facts | changes))


def run(
    rows: FloatArray,
    *,
    names: tuple[str, ...] = NAMES,
    config: SystemConfig | None = None,
    onset: float | None = None,
    times: Sequence[float] | None = None,
) -> list[Event]:
    """Feed rows to a new engine; return all events."""
    engine = Engine(config or shop_config(), onset=onset)
    times = range(len(rows)) if times is None else times
    events = []
    for t, x in zip(times, rows, strict=True):
        events += engine.step(Frame("shop", float(t), names, x))
    return events


def write_recording(
    folder: Path,
    rows: FloatArray,
    *,
    names: Sequence[str] = NAMES,
    start: int = 1_700_000_000,
    **labels: Any,
) -> Path:
    """Write rows as a recorded incident, a row a second from `start` on; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [",".join(("timestamp", *names))]
    for t, x in enumerate(rows):
        cells = ("" if np.isnan(v) else repr(float(v)) for v in x)
        lines.append(",".join((str(start + t), *cells)))
    with gzip.open(folder / "metrics.csv.gz", "wt") as file:
        file.write("\n".join(lines) + "\n")
    facts = {
        "dataset": "made",
        "case": folder.name,
        "system": "shop",
        "interval_s": 1,
        "kpi": ["web:latency_p95"],
        "edges": [list(e) for e in EDGES],
        "edge_semantics": "a calls b",
        "fault_start": start + ONSET,
        "fault_end": start + len(rows) - 1,
        "root_cause_entities": ["db"],
        "root_cause_metrics": ["db:disk_io"],
        "modes": ["oracle", "online"],
    }
    (folder / "incident.json").write_text(json.dumps(facts | labels))
    return folder


def learned(rows: FloatArray, **options: Any) -> CausalGraph:
    """Return a causal graph that has learned and solved these rows."""
    graph = CausalGraph(rows.shape[1], **options)
    graph.update_block(rows)
    for _ in range(3):
        graph.solve()
    return graph
