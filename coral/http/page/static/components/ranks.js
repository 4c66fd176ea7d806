// Ranks of the first five over the rows: a ranking that has converged no longer crosses.
import { html } from "./html.js";
import { shortened } from "./prose.js";
import { scale } from "./scale.js";
import { useWidth } from "./width.js";

const DEPTH = 5;
const STEP = 30;
const TOP = 14;
// Dashes and marks: told apart without a colour.
const DASHES = ["", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3", "9 3 2 3"];
const SHAPES = [
  (x, y) => `M${x - 4},${y}a4,4 0 1,0 8,0a4,4 0 1,0 -8,0`,
  (x, y) => `M${x - 3.5},${y - 3.5}h7v7h-7z`,
  (x, y) => `M${x},${y - 4.5}l4.5,8h-9z`,
  (x, y) => `M${x},${y - 5}l5,5l-5,5l-5,-5z`,
  (x, y) => `M${x},${y + 4.5}l4.5,-8h-9z`,
  (x, y) => `M${x - 4.5},${y - 1.5}h3v-3h3v3h3v3h-3v3h-3v-3h-3z`,
  (x, y) => `M${x - 2},${y - 4}h4v8h-4z`,
  (x, y) => `M${x - 4},${y - 2}h8v4h-8z`,
];

/** Return the rank history as a bump chart. */
export function Ranks({ view }) {
  const [element, width] = useWidth();
  const history = view.ranks.filter((revision) => revision.top.length);
  if (!history.length) return html`<p class="quiet" ref=${element}>There is no ranking yet.</p>`;
  const last = history.at(-1);
  const names = styled(history);
  const wide = Math.min(220, 0.4 * width);
  const [from, to] = [history[0].rows, Math.max(last.rows, history[0].rows + 1)];
  const x = scale(Math.max(from, 1), Math.max(to, 2), 26, width - wide, true);
  const y = (rank) => TOP + (rank - 1) * STEP;
  const height = y(DEPTH) + 36;
  const doublings = [];
  for (let rows = Math.max(from, 1); rows < 0.8 * to; rows *= 2) doublings.push(rows);
  return html`<div class="ranks" ref=${element}>
    <svg width=${width} height=${height} viewBox="0 0 ${width} ${height}" role="img" aria-label=${spoken(history)}>
      ${[1, 2, 3, 4, 5].map((rank) => html`<g class="tick"><line x1="26" x2=${width - wide} y1=${y(rank)} y2=${y(rank)} /><text x="16" y=${y(rank) + 4} text-anchor="end">${rank}</text></g>`)}
      ${names.map((name, i) => line(name, i, history, x, y)).reverse()}
      ${last.top.slice(0, DEPTH).map((name, i) => html`<text class="end" x=${width - wide + 10} y=${y(i + 1) + 4}><title>${name}</title>${shortened(name, Math.floor(wide / 8))}</text>`)}
      ${[...doublings, to].map((rows) => html`<text class="axis" x=${x(rows)} y=${y(DEPTH) + 20} text-anchor="middle">${rows}</text>`)}
      <text class="axis" x="26" y=${y(DEPTH) + 34}>rows since the onset</text>
    </svg></div>`;
}

/** The last first five, then whoever led before. */
function styled(history) {
  const led = history.map((revision) => revision.top[0]);
  return [...new Set([...history.at(-1).top.slice(0, DEPTH), ...led])].slice(0, SHAPES.length);
}

function line(name, i, history, x, y) {
  let text = "";
  let pen = false;
  const marks = [];
  const every = Math.max(1, Math.floor(history.length / 12));
  history.forEach((revision, at) => {
    const rank = revision.top.indexOf(name) + 1;
    if (!rank || rank > DEPTH) {
      pen = false;
      return;
    }
    text += `${pen ? "L" : "M"}${x(revision.rows).toFixed(1)},${y(rank)}`;
    if (!pen) text += "h0";
    pen = true;
    if (at % every === 0 || at === history.length - 1) marks.push(SHAPES[i](Number(x(revision.rows).toFixed(1)), y(rank)));
  });
  return html`<g class="rank-line" data-line=${i}><title>${name}</title>
    <path d=${text} stroke-dasharray=${DASHES[i]} /><path class="marker" d=${marks.join("")} /></g>`;
}

function spoken(history) {
  const told = [history[0], history.at(-1)].map((revision) => `after ${revision.rows} rows ${revision.top.join(", ")}`);
  return `Rank history: ${told.join("; ")}`;
}
