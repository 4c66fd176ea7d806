"""Write causal-graph.svg: a small system, what was learned of it, and what a fault changed."""

import math
from pathlib import Path

import numpy as np

from coral.graph import CausalGraph

TARGET = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "causal-graph.svg"
NAMES = ("load", "web", "cart", "db", "disk")
PLACES = ((70, 50), (270, 50), (470, 110), (310, 250), (70, 210))
ROWS, FAULT_ROWS = 1000, 150
COLOURS = {"invariant": "#556270", "dependent": "#c0392b"}
DASHES = {"invariant": "", "dependent": 'stroke-dasharray="7 3" '}


def system() -> np.ndarray:
    """Return true coefficients as [lag, cause, effect]."""
    coefs = np.zeros((2, 5, 5))
    coefs[1] = np.diag([0.6, 0.3, 0.3, 0.4, 0.5])
    coefs[0, 0, 1], coefs[0, 3, 2], coefs[1, 4, 3], coefs[0, 2, 1] = 0.7, 0.6, 0.5, 0.5
    return coefs


def simulate(coefs: np.ndarray, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of the system; noise differs by series."""
    mix = np.linalg.inv(np.eye(5) - coefs[0])
    x = np.zeros((rows + 1, 5))
    for t in range(1, rows + 1):
        x[t] = (x[t - 1] @ coefs[1] + rng.normal(size=5) * [1.0, 0.6, 1.5, 0.8, 1.2]) @ mix
    return x[1:]


def line(ends: tuple[float, float, float, float], part: str) -> str:
    """Return a line of the part's kind: colour for the screen, dashes for paper."""
    x1, y1, x2, y2 = ends
    return (
        f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="{COLOURS[part]}" '
        f'stroke-width="2" {DASHES[part]}marker-end="url(#{part})"/>'
    )


def arrow(cause: int, effect: int, text: str, part: str) -> str:
    """Return one edge, with its text beside it."""
    (x1, y1), (x2, y2) = PLACES[cause], PLACES[effect]
    length = math.hypot(x2 - x1, y2 - y1)
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    ends = (x1 + 26 * ux, y1 + 26 * uy, x2 - 28 * ux, y2 - 28 * uy)
    # As far out as half the text is wide, seen across the line; below it or to its right.
    side = 1.0 if ux > 0 or (ux == 0 and uy < 0) else -1.0
    away = side * (10 + 2.9 * len(text) * abs(uy))
    x, y = (x1 + x2) / 2 - away * uy, (y1 + y2) / 2 + away * ux + 4
    return f'{line(ends, part)}<text x="{x:.0f}" y="{y:.0f}" fill="{COLOURS[part]}">{text}</text>'


def main() -> None:
    """Simulate, learn, draw."""
    rng = np.random.default_rng(7)
    before = system()
    after = before.copy()
    after[1, 4, 2] = 0.9  # the fault: the disk now slows the cart as well
    graph = CausalGraph(5)
    graph.update_block(simulate(before, ROWS, rng))
    graph.open_state()
    graph.update_block(simulate(after, FAULT_ROWS, rng))
    graph.solve()
    width, height = 540, 330
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            'font-family="sans-serif" font-size="12" text-anchor="middle">'
            f'<rect width="{width}" height="{height}" fill="#fff"/><defs>'
        )
    ]
    parts += [
        f'<marker id="{part}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
        f'markerHeight="6" orient="auto"><path d="M0 0L8 4L0 8z" fill="{colour}"/></marker>'
        for part, colour in COLOURS.items()
    ]
    parts.append("</defs>")
    for edge in graph.edges():
        if edge.cause != edge.effect:
            true = (before if edge.part == "invariant" else after - before)[
                edge.lag, edge.cause, edge.effect
            ]
            text = f"{edge.strength:+.2f} ({true:+.2f})" + (", next row" if edge.lag else "")
            parts.append(arrow(edge.cause, edge.effect, text, edge.part))
    for name, (x, y) in zip(NAMES, PLACES, strict=True):
        parts.append(f'<circle cx="{x}" cy="{y}" r="24" fill="#eef2f5" stroke="#556270"/>')
        parts.append(f'<text x="{x}" y="{y + 4}">{name}</text>')
    for x, part, text in (
        (30, "invariant", "always holds"),
        (160, "dependent", "added by this state"),
    ):
        parts.append(line((x, 306, x + 36, 306), part))
        parts.append(
            f'<text x="{x + 44}" y="310" text-anchor="start" fill="{COLOURS[part]}">{text}</text>'
        )
    parts.append(
        '<text x="340" y="310" text-anchor="start">learned coefficient (true one)</text></svg>'
    )
    TARGET.write_text("\n".join(parts) + "\n")
    for edge in graph.edges():
        print(edge)


if __name__ == "__main__":
    main()
