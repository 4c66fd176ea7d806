"""Run every command of the tutorial, in order, and write what it prints below it.

`python tools/docs/tutorial.py` takes the page's own files (a block after `<!-- file: NAME -->`) and
its commands (lines that begin with `$ ` in `console` blocks) into an empty folder. A command that
names an incident by the beginning of its identifier gets that of the incident listed last.
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
IDENTIFIER = re.compile(r"^[0-9a-f]{16}(?=  )", re.MULTILINE)
NAMED = re.compile(r"\b[0-9a-f]{4}(?= \S+\.ndjson)")
# The commands as a reader has them after `make demo`, from this environment and these sources.
SHELL = f"""
set -o pipefail
python() {{ {sys.executable} "$@"; }}
coral() {{ python -m coral.cli.main "$@"; }}
make() {{ coral demo; }}
"""


def run_page(page: str, folder: Path) -> str:
    """Return the page with what its commands print in `folder`.

    Parameters
    ----------
    page : str
        Markdown.
    folder : Path
        Where they run; an empty one.

    Raises
    ------
    RuntimeError
        A command ended with another exit code than 0.
    """
    for name, text in FILE.findall(page):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    listed: list[str] = []
    return CONSOLE.sub(lambda block: _run_block(block[0], folder, listed), page)


def _run_block(block: str, folder: Path, listed: list[str]) -> str:
    """Return a block with its commands run; `listed` are identifiers so far, and gets new ones."""
    shown = ""
    for line in block.splitlines():
        if line.startswith("$ "):
            command = NAMED.sub(listed[-1][:4] if listed else r"\g<0>", line[2:])
            output = _output(command, folder)
            listed += IDENTIFIER.findall(output)
            shown += f"$ {command}\n{output}"
    return shown


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
