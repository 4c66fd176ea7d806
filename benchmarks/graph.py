"""The causal graph where the truth is known: what it finds, what it costs, next to others.

Controls beside every figure: keep the graph of before the fault, learn anew from the fault rows
alone. Causal discovery methods of others run in an environment of their own, made on first use from
`peers/requirements-graph.txt`, with a limit of CPU seconds each; what is not done by then is
counted with the limit, so its speed-up is a lower bound.
"""

import one_thread  # noqa: F401 - before numpy

# isort: split
import json
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
from common import finish, options
from graph_synthetic import Floats, Setting, draw, streams, tiled
from numpy.typing import NDArray

from coral.graph import CausalGraph, Prior

Nodes = NDArray[np.intp]

PEERS = Path(__file__).parent / "peers"
ENVIRONMENT = PEERS / ".venv-graph"
UPDATE_ROWS = 16
ROW_PASSES = 5
LAGS_OF = {30: 3, 100: 3, 300: 3, 1000: 1}
FAULT_ROWS = (50, 100, 200, 500)
SETTINGS = [
    Setting(20),
    Setting(20, unequal_noise=True),
    Setting(20, standardised=True),
    Setting(20, missing=0.3),
    Setting(20, missing=0.6),
    Setting(50),
    Setting(50, unequal_noise=True),
    Setting(50, standardised=True, unequal_noise=True),
    Setting(50, changed=5),
    Setting(50, missing=0.3),
    Setting(50, missing=0.6),
    Setting(50, lags=3),
    Setting(100),
    Setting(100, unequal_noise=True),
    Setting(300),
    Setting(300, unequal_noise=True, changed=5),
]
QUICK_SETTINGS = [SETTINGS[i] for i in (0, 1, 5, 6)]
PEER_SIZES = {"pc": (30,), "varlingam": (30,), "pcmci": (30, 100), "dagma": (30, 100)}
PEER_ROWS = 500


def f1(found: Floats, true: Floats) -> float:
    """F1 of two supports."""
    yes, edge = found != 0.0, true != 0.0
    return 2.0 * float((yes & edge).sum()) / max(1, int(yes.sum() + edge.sum()))


def shd(found: Floats, true: Floats) -> int:
    """Edges to add, remove or turn; a turned instantaneous edge counts once."""
    wrong = (found != 0.0) ^ (true != 0.0)
    turned = wrong[0] & wrong[0].T & ((true[0] != 0.0) | (true[0].T != 0.0))
    return int(wrong.sum()) - int(turned.sum()) // 2


def auroc(found: Floats, true: Floats) -> float:
    """Probability that a true edge has a larger coefficient than another pair, ties a half."""
    score, label = np.abs(found).ravel(), (true != 0.0).ravel()
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - 0.5 * (count - 1.0))[place]
    n = int(label.sum())
    if n in {0, label.size}:
        return float("nan")
    return float((rank[label].sum() - n * (n + 1) / 2) / (n * (label.size - n)))


def relative_error(found: Floats, true: Floats, nodes: Nodes) -> float:
    """Norm of the error of the equations of some nodes over that of the truth."""
    miss = np.linalg.norm((found - true)[:, :, nodes])
    return float(miss / np.linalg.norm(true[:, :, nodes]))


def hits(scores: Floats, changed: Nodes) -> float:
    """Share of the changed nodes among as many with the largest scores."""
    first = np.argsort(-scores)[: len(changed)]
    return len(set(first.tolist()) & set(changed.tolist())) / len(changed)


def learned(rows: Floats, lags: int, prior: Prior | None = None) -> CausalGraph:
    """Graph of some rows, brought up to date every 500."""
    graph = CausalGraph(rows.shape[1], lags, prior)
    for start in range(0, len(rows), 500):
        graph.update_block(rows[start : start + 500])
        graph.solve()
    return graph


def accuracy_of(seed: int, setting: Setting, at: tuple[int, ...]) -> dict[str, float]:
    """Every measure of one incident."""
    incident = draw(seed, setting._replace(fault_rows=max(at)))
    before, after, changed = incident.before, incident.after, incident.changed
    graph = learned(incident.normal, setting.lags)
    shared = graph.invariant.copy()
    found = {
        "shared_f1": f1(shared, before),
        "shared_shd": float(shd(shared, before)),
        "shared_auroc": auroc(shared, before),
    }
    graph.open_state()
    seen = 0
    for rows in at:
        graph.update_block(incident.fault[seen:rows])
        seen = rows
        graph.solve()
        now, part = shared + graph.dependent, graph.dependent
        level = np.nanmean(incident.fault[:rows], axis=0) - np.nanmean(incident.normal, axis=0)
        anew = learned(incident.fault[:rows], setting.lags).invariant
        found |= {
            f"hit_{rows}": hits(graph.changed_nodes(), changed),
            f"hit_of_mean_shift_{rows}": hits(np.abs(level), changed),
            f"coef_error_{rows}": relative_error(now, after, changed),
            f"keep_base_coef_error_{rows}": relative_error(shared, after, changed),
            f"relearn_coef_error_{rows}": relative_error(anew, after, changed),
            f"dependent_f1_{rows}": f1(part, after - before),
            f"dependent_auroc_{rows}": auroc(part, after - before),
            f"current_f1_{rows}": f1(now, after),
            f"keep_base_current_f1_{rows}": f1(shared, after),
            f"relearn_current_f1_{rows}": f1(anew, after),
        }
    return found


def interval(values: list[float]) -> list[float | None]:
    """Mean and bounds of its 95 % bootstrap interval, over seeds; None without a value."""
    rng = np.random.default_rng(0)
    known = np.array([value for value in values if np.isfinite(value)])
    if not known.size:
        return [None] * 3
    means = rng.choice(known, (2000, known.size)).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return [round(float(value), 4) for value in (known.mean(), low, high)]


def accuracy(settings: list[Setting], at: tuple[int, ...], seeds: int) -> dict[str, Any]:
    """Mean and interval of every measure, by setting."""
    table: dict[str, Any] = {}
    for setting in settings:
        runs = [accuracy_of(1000 + seed, setting, at) for seed in range(seeds)]
        table[setting.name] = {key: interval([run[key] for run in runs]) for key in runs[0]}
        shown = ("shared_f1", "hit_50", "coef_error_200", "keep_base_coef_error_200")
        print(setting.name, {key: table[setting.name][key][0] for key in shown}, flush=True)
    return table


def warm_updates(graph: CausalGraph, rows: Floats) -> float:
    """Milliseconds of a warm update with some rows, median over the stream."""
    spent: list[float] = []
    for start in range(0, len(rows) - UPDATE_ROWS + 1, UPDATE_ROWS):
        block = rows[start : start + UPDATE_ROWS]
        begin = time.thread_time()
        graph.update_block(block)
        graph.solve()
        spent.append(time.thread_time() - begin)
    return 1e3 * float(np.median(spent))


def costs_of(n: int, lags: int, updates: int) -> dict[str, float]:
    """Cost of a warm update and of a row's statistics, ms."""
    settled = 1024
    rows = tiled(0, n, lags, settled + UPDATE_ROWS * updates)
    graph = learned(rows[:settled], lags)
    update_ms = warm_updates(graph, rows[settled:])
    spent = []
    for _ in range(ROW_PASSES):
        begin = time.thread_time()
        for row in rows[:settled]:
            graph.update(row)
        spent.append(time.thread_time() - begin)
    # The least disturbed pass: a row takes a microsecond, other processes take more.
    return {"update_ms": update_ms, "row_ms": 1e3 * min(spent) / settled}


def memory_of(n: int, lags: int) -> dict[str, float]:
    """Memory held by a graph with an open state, and the peak while it was learned, MB."""
    rows = tiled(0, n, lags, 1100)
    tracemalloc.start()
    graph = learned(rows[:1000], lags)
    graph.open_state()
    graph.update_block(rows[1000:])
    graph.solve()
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {"held_mb": held / 1e6, "peak_mb": peak / 1e6}


def cost_by_rows_seen(decades: int) -> dict[str, float]:
    """Milliseconds of a warm update after 10^3, 10^4, ... rows."""
    graph, result, seen = CausalGraph(30, 3), {}, 0
    for decade, chunk in enumerate(streams(1, Setting(30, 3), decades), start=3):
        for rows in chunk:
            graph.break_lags()
            graph.update_block(rows)
            seen += len(rows)
        graph.solve()
        result[f"1e{decade}"] = warm_updates(graph, chunk[0][: 50 * UPDATE_ROWS])
    return result


def peers_python() -> Path:
    """Interpreter of the peers' environment, made when it is not there."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        print(f"installing the peers into {ENVIRONMENT.name} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "-r", str(PEERS / "requirements-graph.txt")], check=True)
        subprocess.run([*pip, "--no-deps", "dagma==1.1.1"], check=True)
    return python


def run_peer(method: str, rows: Floats, lags: int, limit: int) -> dict[str, Any]:
    """CPU seconds and edges of one method; `finished` false when it did not within the limit."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, rows)
        script = str(PEERS / "graph_peer.py")
        command = [str(peers_python()), script, method, str(path), str(lags), str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not done.stdout.strip():
        killed = -done.returncode in {signal.SIGXCPU, signal.SIGKILL}
        error = "over the limit" if killed else done.stderr.strip().splitlines()[-1:]
        return {"finished": False, "seconds": float(limit), "edges": [], "error": error}
    return {"finished": True, **json.loads(done.stdout.strip().splitlines()[-1])}


def speedups(limit: int) -> dict[str, Any]:
    """CPU seconds of every peer over ours for a warm update on the same rows, lags 1."""
    table: dict[str, Any] = {}
    own = {n: costs_of(n, 1, 60)["update_ms"] / 1e3 for n in (30, 100)}
    for method, sizes in PEER_SIZES.items():
        for n in sizes:
            rows = draw(0, Setting(n, normal_rows=PEER_ROWS, fault_rows=2)).normal
            result = run_peer(method, rows, 1, limit)
            table[f"{method}_{n}"] = {
                "finished": result["finished"],
                "seconds": result["seconds"],
                "error": result.get("error"),
                "speedup": result["seconds"] / own[n],
            }
            print(f"{method} {n}", table[f"{method}_{n}"], flush=True)
    return table


def peers_accuracy(seeds: int, limit: int) -> dict[str, Any]:
    """Score the current graph after 200 fault rows, by each peer from these rows alone."""
    setting, table = Setting(20), {}
    for method in PEER_SIZES:
        scores, failed = [], 0
        for seed in range(seeds):
            incident = draw(1000 + seed, setting)
            result = run_peer(method, incident.fault, 1, limit)
            failed += not result["finished"]
            found = np.zeros_like(incident.after)
            for lag, cause, effect, value in result["edges"]:
                found[lag, cause, effect] = value
            scores.append(f1(found, incident.after))
        table[method] = {"current_f1_200": interval(scores), "failed": failed}
        print(method, table[method], flush=True)
    return table


def rounded(value: float) -> float:
    """Four significant digits."""
    return float(f"{value:.4g}")


def main() -> None:
    """Measure, print, write."""
    chosen = options(__doc__ or "").parse_args()
    seeds, limit = (10, 5) if chosen.quick else (10, 120)
    peers = speedups(limit)
    costs = {n: costs_of(n, lags, 10 if n > 300 else 60) for n, lags in LAGS_OF.items()}
    memory = memory_of(1000, LAGS_OF[1000])
    flat = cost_by_rows_seen(6)
    at = (50, 200) if chosen.quick else FAULT_ROWS
    table = accuracy(QUICK_SETTINGS if chosen.quick else SETTINGS, at, seeds)
    equal = [row for name, row in table.items() if " equal, 2" in name and "missing" not in name]
    unequal = [row for name, row in table.items() if " unequal, 2" in name]

    def mean(rows: list[dict[str, list[float]]], key: str) -> float:
        return rounded(float(np.mean([row[key][0] for row in rows])))

    figures = {f"update_ms_{n}": rounded(cost["update_ms"]) for n, cost in costs.items()}
    figures |= {f"row_ms_{n}": rounded(cost["row_ms"]) for n, cost in costs.items()}
    figures |= {
        "memory_mb_1000": rounded(memory["held_mb"]),
        "cost_ratio_1e6_vs_1e3_rows": rounded(flat["1e6"] / flat["1e3"]),
        "hit2_50": mean(equal + unequal, "hit_50"),
        "coef_error_200": mean(equal + unequal, "coef_error_200"),
        "keep_base_coef_error_200": mean(equal + unequal, "keep_base_coef_error_200"),
        "dependent_f1_200": mean(equal + unequal, "dependent_f1_200"),
        "shared_f1_equal": mean(equal, "shared_f1"),
        "shared_f1_unequal": mean(unequal, "shared_f1"),
    }
    for name in ("pc_30", "varlingam_30", "pcmci_100", "dagma_100"):
        figures[f"speedup_vs_{name}"] = rounded(peers[name]["speedup"])
    more: dict[str, Any] = {"accuracy": table, "costs": costs, "memory_1000": memory}
    more["update_ms_by_rows_seen"] = flat
    if not chosen.quick:
        more["peers_from_scratch"] = peers_accuracy(seeds, limit)
    finish(chosen, figures, peers=peers, **more)


if __name__ == "__main__":
    main()
