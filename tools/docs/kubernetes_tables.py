"""The table of docs/evaluation/kubernetes.md from `deploy/results/image_contents.json`."""

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
