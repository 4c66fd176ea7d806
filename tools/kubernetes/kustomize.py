"""Write deploy/kustomize/base from the chart: `python tools/kubernetes/kustomize.py`.

What Helm adds for itself is left out, and the ConfigMap, which kustomize makes of `coral.toml`.
"""

import re
import sys
from pathlib import Path

from clients import helm

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
CHART = DEPLOY / "helm" / "coral"
KUSTOMIZE = DEPLOY / "kustomize"
BASE = KUSTOMIZE / "base" / "coral.yaml"

_HELMS = re.compile(
    r"^ +(helm\.sh/chart|app\.kubernetes\.io/managed-by|checksum/config): .*\n", re.MULTILINE
)
_EMPTY = re.compile(r"^ +annotations:\n(?! +\S+/\S*:)", re.MULTILINE)


def chart(folder: Path) -> str:
    """Return what the chart makes with the configuration and the values of a folder."""
    done = helm(
        *("template", "coral", str(CHART), "--skip-tests"),
        *("--set-file", f"config={folder / 'coral.toml'}", "--values", str(folder / "values.yaml")),
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def base() -> str:
    """Return the objects of the base, the way they stand in its file."""
    made = ["# Made from the chart by tools/kubernetes/kustomize.py; a test holds them together.\n"]
    for document in chart(BASE.parent).split("---\n"):
        text = _EMPTY.sub(
            "", _HELMS.sub("", re.sub(r"^# Source: .*\n", "", document, flags=re.MULTILINE))
        )
        if text.strip() and "\nkind: ConfigMap\n" not in f"\n{text}":
            made.append(text.strip("\n") + "\n")
    return "---\n".join(made)


def main() -> int:
    """Write the base."""
    BASE.write_text(base())
    return 0


if __name__ == "__main__":
    sys.exit(main())
