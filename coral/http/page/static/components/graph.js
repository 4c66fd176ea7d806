// Suspects and their ways to the health signal; from left to right, on a narrow page downwards.
import { html } from "./html.js";
import { prose, shortened } from "./prose.js";
import { useWidth } from "./width.js";

const BOX = { width: 148, least: 104, height: 40 };
const GAP = { along: 56, across: 16 };
const KINDS = { known: "known", always: "learned, in normal rows too", now: "learned, in this incident only" };

/** Return the graph of an incident's suspects, and its edges in words. */
export function SuspectGraph({ view }) {
  const [element, width] = useWidth();
  const { nodes, edges } = view.suspects;
  if (!nodes.length) return html`<p class="quiet" ref=${element}>There are no suspects.</p>`;
  const { places, size } = arranged(nodes, width);
  return html`<div class="graph" ref=${element}>
    <div class="scroll" tabindex="0" role="group" aria-label="Graph of the suspects">
    <svg width=${size.width} height=${size.height} viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label=${spoken(nodes, edges)}>
      <defs>${["plain", "suspect"].map((name) => html`<marker id=${`arrow-${name}`} viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class=${`tip ${name}`} d="M0,0L10,5L0,10z" /></marker>`)}</defs>
      ${edges.map((edge) => drawnEdge(edge, places))}
      ${nodes.map((node, i) => drawnNode(node, places[i]))}
    </svg></div>
    <p class="legend">${Object.entries(KINDS).map(([kind, text]) => html`<span><svg width="34" height="10" aria-hidden="true"><path class="edge" data-kind=${kind} d="M1,5H33" /></svg> ${text}</span>`)}
      <span>wider: stronger; fainter: less sure; thick outline: has a health signal</span></p>
    ${edges.length ? html`<details><summary>${edges.length === 1 ? "The edge" : `The ${edges.length} edges`} in words</summary>
      <ul>${edges.map((edge) => html`<li>${prose(edge.text)}${edge.suspect ? ", on the way of the first cause" : ""}</li>`)}</ul></details>` : null}
  </div>`;
}

/** Give every node a place: a column a layer, the health signal last. */
function arranged(nodes, width) {
  const layers = [];
  nodes.forEach((node, i) => (layers[node.layer] ??= []).push(i));
  const filled = layers.filter(Boolean).reverse();
  const most = Math.max(...filled.map((layer) => layer.length));
  const across = filled.length * (BOX.width + GAP.along) - GAP.along <= width - 8;
  const fitting = Math.floor((width - 8 - (most - 1) * GAP.across) / most);
  const wide = across ? BOX.width : Math.min(BOX.width, Math.max(fitting, BOX.least));
  const places = [];
  filled.forEach((layer, column) => {
    layer.forEach((i, row) => {
      const shift = (most - layer.length) / 2 + row;
      places[i] = across
        ? { x: 4 + column * (BOX.width + GAP.along), y: 4 + shift * (BOX.height + GAP.across), wide, across }
        : { x: 4 + shift * (wide + GAP.across), y: 4 + column * (BOX.height + 40), wide, across };
    });
  });
  const long = filled.length;
  const size = across
    ? { width: long * (BOX.width + GAP.along) - GAP.along + 8, height: most * (BOX.height + GAP.across) + 8 }
    : { width: most * (wide + GAP.across) - GAP.across + 8, height: long * (BOX.height + 40) - 32 };
  return { places, size };
}

function drawnNode(node, { x, y, wide }) {
  const facts = [node.rank === null ? "on the way" : `${node.rank}. ${node.tier}`, node.health ? "health signal" : null].filter(Boolean).join(", ");
  return html`<g class="node" data-tier=${node.tier ?? "none"} data-health=${node.health ? "yes" : "no"}>
    <title>${`${node.label}: ${facts}`}</title>
    <rect x=${x} y=${y} width=${wide} height=${BOX.height} rx="5" />
    <text x=${x + 8} y=${y + 17} class="name">${shortened(node.label, Math.floor(wide / 8))}</text>
    <text x=${x + 8} y=${y + 33} class="fact">${shortened(facts, Math.floor(wide / 5.6))}</text>
  </g>`;
}

function drawnEdge(edge, places) {
  const [a, b] = [places[edge.cause], places[edge.effect]];
  const strong = edge.strength === null ? 1 : Math.min(1 + Math.abs(edge.strength), 4);
  const sure = edge.confidence === null ? 1 : 0.35 + 0.65 * edge.confidence;
  return html`<g><title>${edge.text.replaceAll("`", "")}</title>
    <path class="edge" data-kind=${edge.kind} data-suspect=${edge.suspect ? "yes" : "no"} d=${curve(a, b)}
      stroke-width=${edge.suspect ? strong + 1 : strong} stroke-opacity=${sure} marker-end=${`url(#arrow-${edge.suspect ? "suspect" : "plain"})`} /></g>`;
}

/** Return a curve between two boxes that leaves and arrives where there is room. */
function curve(a, b) {
  const middle = (p) => ({ x: p.x + p.wide / 2, y: p.y + BOX.height / 2 });
  const [m, n] = [middle(a), middle(b)];
  const same = a.across ? a.x === b.x : a.y === b.y;
  if (same && a.across) {
    const side = m.x + BOX.width / 2;
    return `M${side},${m.y}C${side + 34},${m.y} ${side + 34},${n.y} ${side},${n.y}`;
  }
  if (same) {
    const side = m.y + BOX.height / 2;
    return `M${m.x},${side}C${m.x},${side + 30} ${n.x},${side + 30} ${n.x},${side}`;
  }
  const forward = a.across ? Math.sign(n.x - m.x) : Math.sign(n.y - m.y);
  if (a.across) {
    const [from, to] = [m.x + (forward * BOX.width) / 2, n.x - (forward * BOX.width) / 2];
    const bend = (to - from) / 2;
    return `M${from},${m.y}C${from + bend},${m.y} ${to - bend},${n.y} ${to},${n.y}`;
  }
  const [from, to] = [m.y + (forward * BOX.height) / 2, n.y - (forward * BOX.height) / 2];
  const bend = (to - from) / 2;
  return `M${m.x},${from}C${m.x},${from + bend} ${n.x},${to - bend} ${n.x},${to}`;
}

function spoken(nodes, edges) {
  const told = edges.map((edge) => `${nodes[edge.cause].label} to ${nodes[edge.effect].label}`);
  return `Graph of ${nodes.length} suspects: ${told.join("; ") || "no edges"}`;
}
