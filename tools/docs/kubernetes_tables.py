"""Tables of docs/evaluation/kubernetes.md from `deploy/results/image.json`."""

from collections.abc import Mapping
from typing import Any


def contents(result: Mapping[str, Any]) -> str:
    """Tell what takes how much of the image, and what each trim gave."""
    held = result["contents"]
    lines = ["| in the image | MB |", "|---|--:|", *_sizes(held["parts"])]
    lines += [f"| **all of it, unpacked** | **{held['bytes'] / 1e6:.0f}** |"]
    lines += ["", "| left out of the packages | MB |", "|---|--:|", *_sizes(held["left_out"])]
    return "\n".join(lines)


def _sizes(parts: Mapping[str, int]) -> list[str]:
    """Return a row for each part of 1 MB or more, and one for the rest."""
    big = {name: size for name, size in parts.items() if size >= 1e6}
    rest = sum(parts.values()) - sum(big.values())
    rows = [f"| {name} | {size / 1e6:.1f} |" for name, size in big.items()]
    return [*rows, f"| {len(parts) - len(big)} more | {rest / 1e6:.1f} |"] if rest else rows


def check(result: Mapping[str, Any]) -> str:
    """Tell what the image did as a node of Kubernetes would run it."""
    seen, facts, old = result["check"], result["machine"], result["check"]["older_cpu"]
    kernels, there = seen["kernels"], old["kernels"]
    rights = ", ".join(f"{name} {value}" for name, value in seen["rights"].items())
    same = "the bytes of `coral replay`" if seen["recorded_same_bytes"] else "other bytes"
    rows = {
        "from the start until `/readyz` says 200": f"{seen['ready_s']} s",
        "of it for the kernels": f"{seen['kernels_s']} s",
        "kernels loaded, compiled": f"{kernels['loaded']}, {kernels['compiled']}",
        "memory at most, of 512 MiB; at the end": f"{seen['peak_mb']}; {seen['memory_mb']} MiB",
        "a recorded incident": f"{seen['recorded_events']} events, {same}",
        "a hundred systems of 50 series, an incident in each": f"{seen['hundred_s']} s after "
        "their last row was sent",
        "what the kernel says of it": rights,
        "a write to the root": "refused" if seen["write_refused"] else "not refused",
        "shells, pip, compilers, tests in it": ", ".join(seen["unwanted"]) or "none",
        f"on a {old['cpu']}, played by qemu": f"{there['loaded']} kernels loaded, "
        f"{there['compiled']} compiled; {old['same_bytes']} of {old['events']} events of a "
        "recorded incident with the same bytes",
    }
    lines = ["| as a node of Kubernetes runs it | |", "|---|---|"]
    lines += [f"| {what} | {seen_of} |" for what, seen_of in rows.items()]
    told = f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}; commit {result['commit']}."
    return "\n".join([*lines, "", told])
