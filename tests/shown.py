"""Blocks of code that pages show, and how each configuration of another program was run."""

import re
import textwrap
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
FENCE: Final = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
RUN: Final = re.compile(
    r"# (?:run by (?P<test>tests/[\w/]+\.py), with .*\d|run with [A-Z].* \d+\.\d+"
    r"|not run; by the documentation of .+ \d)"
)
"""First line of a configuration of another program: how it was run, or by what it was written."""


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return kind and text of a page's blocks of code."""
    return [(kind, textwrap.dedent(text)) for _, kind, text in FENCE.findall(page.read_text())]


def run_by(test: str, page: str) -> list[str]:
    """The configurations of a page that are run by a file of tests."""
    texts = [text for _, text in blocks(ROOT / page)]
    return [text for text in texts if (found := RUN.match(text)) and found["test"] == test]
