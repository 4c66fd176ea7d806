"""What every benchmark shares: options, machine, versions, commit, the JSON that is written."""

import argparse
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("numpy", "scipy", "numba", "msgspec", "coral-rca")


def options(description: str) -> argparse.ArgumentParser:
    """Return the parser with the options that all benchmarks take."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--quick", action="store_true", help="a few minutes at most, fewer repetitions"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures and facts there")
    return parser


def machine() -> dict[str, Any]:
    """Facts about the machine that figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "load_average": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that do the work."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def commit() -> str:
    """Return the commit that was measured, marked when its code has been changed since."""
    name = _git("rev-parse", "--short=12", "HEAD") or "unknown"
    changed = _git("status", "--porcelain", "--", ".", ":!benchmarks/results", ":!README.md")
    return f"{name}-dirty" if changed else name


def _git(*words: str) -> str:
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def finish(chosen: argparse.Namespace, figures: dict[str, float], **more: Any) -> None:
    """Print the figures and write the JSON."""
    for name, value in figures.items():
        print(f"{name:32} {value:.6g}")
    save(chosen, figures, **more)


def save(chosen: argparse.Namespace, figures: dict[str, float], **more: Any) -> None:
    """Write the JSON, when one is asked for."""
    if chosen.json is None:
        return
    facts = {
        "figures": figures,
        "machine": machine(),
        "versions": versions(),
        "commit": commit(),
        "quick": chosen.quick,
        **more,
    }
    chosen.json.write_text(json.dumps(facts, indent=1) + "\n")


def fastest(work: Callable[[], Any], repeats: int) -> float:
    """Return the seconds of the fastest of some repetitions: the least disturbed one."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def peak_rss_mb() -> float:
    """Peak resident memory of this process so far, MB.

    Not `ru_maxrss`: there a process begins with the peak of the one that started it.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
