"""Run every command of the tutorial, in order, and write what it prints below it.

`python tools/docs/tutorial.py` takes the page's own files (a block after `<!-- file: NAME -->`) and
its commands (lines that begin with `$ ` in `console` blocks) into an empty folder.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["PAGE", "run_page"]

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial" / "first-incident.md"
FILE = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```\n", re.DOTALL)
CONSOLE = re.compile(r"(?<=```console\n)(.*?)(?=```\n)", re.DOTALL)
# The commands as a reader has them after `make demo`, from this environment and these sources.
SHELL = f"""
set -o pipefail
python() {{ {sys.executable} "$@"; }}
coral() {{ python -m coral.cli.main "$@"; }}
make() {{ coral demo; }}
"""


def run_page(page: str, folder: Path) -> str:
    """Return the page with what its commands print in `folder`.

    Raises
    ------
    RuntimeError
        A command ended with another exit code than 0.
    """
    for name, text in FILE.findall(page):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return CONSOLE.sub(lambda block: _run_block(block[0], folder), page)


def _run_block(block: str, folder: Path) -> str:
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{line}\n{_output(line[2:], folder)}" for line in commands)


def _output(command: str, folder: Path) -> str:
    environment = os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", SHELL + command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=environment,
        cwd=folder,
    )
    if done.returncode:
        raise RuntimeError(f"`{command}` ended with {done.returncode}: {done.stdout}")
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.rstrip().splitlines())


def main() -> None:
    """Write the page anew."""
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(run_page(PAGE.read_text(), Path(folder)))


if __name__ == "__main__":
    main()
