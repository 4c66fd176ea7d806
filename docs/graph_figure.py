"""Write docs/graph.svg: a small system, what the graph learned of it, and what a fault changed."""

import math
from pathlib import Path

import numpy as np

from coral.graph import CausalGraph

NAMES = ("load", "web", "cart", "db", "disk")
PLACES = ((60, 60), (210, 40), (350, 90), (250, 200), (90, 190))
ROWS, FAULT_ROWS = 1000, 150


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


def arrow(cause: int, effect: int, text: str, colour: str) -> str:
    """Return one edge as SVG."""
    (x1, y1), (x2, y2) = PLACES[cause], PLACES[effect]
    length = math.hypot(x2 - x1, y2 - y1)
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    x1, y1, x2, y2 = x1 + 24 * ux, y1 + 24 * uy, x2 - 28 * ux, y2 - 28 * uy
    middle = f'x="{(x1 + x2) / 2 - 9 * uy:.0f}" y="{(y1 + y2) / 2 + 11 * ux + 3:.0f}"'
    return (
        f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="{colour}" '
        f'stroke-width="2" marker-end="url(#{colour[1:]})"/>'
        f'<text {middle} fill="{colour}">{text}</text>'
    )


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
    colours = {"invariant": "#556270", "dependent": "#c0392b"}
    parts = [
        (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 420 250" '
            'font-family="sans-serif" font-size="11" text-anchor="middle">'
            '<rect width="420" height="250" fill="#fff"/><defs>'
        )
    ]
    parts += [
        f'<marker id="{colour[1:]}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
        f'markerHeight="6" orient="auto"><path d="M0 0L8 4L0 8z" fill="{colour}"/></marker>'
        for colour in colours.values()
    ]
    parts.append("</defs>")
    for edge in graph.edges():
        if edge.cause != edge.effect:
            text = f"{edge.strength:+.2f}" + (" next row" if edge.lag else "")
            parts.append(arrow(edge.cause, edge.effect, text, colours[edge.part]))
    for name, (x, y) in zip(NAMES, PLACES, strict=True):
        parts.append(f'<circle cx="{x}" cy="{y}" r="22" fill="#eef2f5" stroke="#556270"/>')
        parts.append(f'<text x="{x}" y="{y + 4}">{name}</text>')
    parts.append('<text x="120" y="240" fill="#556270">grey: always holds</text>')
    parts.append('<text x="290" y="240" fill="#c0392b">red: what this state added</text></svg>')
    target = Path(__file__).with_name("graph.svg")
    target.write_text("\n".join(parts) + "\n")
    for edge in graph.edges():
        print(edge)


if __name__ == "__main__":
    main()
