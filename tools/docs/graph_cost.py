"""Write graph-update-cost.svg: cost of a warm update against the rows seen, as committed."""

import json
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "evaluation" / "figures" / "graph-update-cost.svg"
RESULT = ROOT / "benchmarks" / "results" / "graph.json"


def main() -> None:
    """Draw."""
    found = json.loads(RESULT.read_text())["update_ms_by_rows_seen"]
    rows = [float(name) for name in found]
    mpl.rcParams["svg.hashsalt"] = "coral"
    figure = Figure(figsize=(5.0, 2.6), layout="constrained")
    axes = figure.add_subplot()
    axes.loglog(rows, list(found.values()), "ko-", markersize=4)
    axes.set_ylim(0.01, 10.0)
    axes.set_xlabel("rows seen")
    axes.set_ylabel("warm update, ms")
    axes.set_title("30 series, 3 lags, 16 new rows an update", fontsize="medium")
    axes.grid(visible=True, color="0.85")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(TARGET, metadata={"Date": None})


if __name__ == "__main__":
    main()
