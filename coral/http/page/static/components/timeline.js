// Health signals and the trigger's statistic on one time axis, with everything that happened on it.
import { html, useMemo, useState } from "./html.js";
import { SIGNS } from "./others.js";
import { shortened } from "./prose.js";
import { clock, lasting, measured } from "./quantity.js";
import { decades, extent, moments, scale, ticks } from "./scale.js";
import { useWidth } from "./width.js";

const LEFT = 62;
const RIGHT = 12;
const PANEL = 84;
const TITLE = 30;
const STRIP = 10;
const MOST_LABELS = 6; // rows of them; what finds no room is a line whose name the pointer shows
const LOGARITHMIC_FROM = 30; // times the median

/** Return the timeline of an incident, or why there is none; `until` is how far a replay has come, unix seconds. */
export function Timeline({ view, until = null }) {
  const [element, width] = useWidth();
  const [at, setAt] = useState(null);
  const { window } = view;
  const panels = useMemo(() => (window ? window.series.map((series) => panelOf(series)) : []), [window]);
  if (!window || !window.times.length) return html`<p class="quiet" ref=${element}>No rows around the incident are known here.</p>`;
  const last = window.times.length - 1;
  const played = until === null ? null : nearest(window.times, until);
  const chosen = played ?? (at === null ? null : Math.min(at, last));
  const step = last > 0 ? (window.times[last] - window.times[0]) / last : 1;
  const x = scale(window.times[0], window.times[last] + step / 2, LEFT, width - RIGHT);
  const labels = placed(happenings(view).filter(({ time }) => until === null || time <= until), x, width);
  const top = 16 * (1 + Math.max(-1, ...labels.map((label) => label.row))) + 4;
  const bottom = top + panels.length * (PANEL + TITLE);
  const height = bottom + STRIP + 24;
  const spoken = chosen === null ? "no moment chosen" : reading(window, chosen);
  const pointed = (event) => {
    if (played !== null) return;
    const box = event.currentTarget.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * width; // on a wall the page is magnified
    const time = window.times[0] + ((place - LEFT) / (width - RIGHT - LEFT)) * (window.times[last] - window.times[0]);
    setAt(nearest(window.times, time));
  };
  return html`<div class="timeline" ref=${element}>
    <svg width=${width} height=${height} viewBox="0 0 ${width} ${height}" role="img" aria-label=${summary(view, window)}
      onPointerMove=${pointed} onPointerLeave=${() => setAt(null)}>
      ${shades(view, x, top, bottom, width)}
      ${labels.map((label) => marked(label, x, bottom))}
      ${panels.map((panel, i) => drawn(panel, window, x, top + i * (PANEL + TITLE), width, chosen, played))}
      ${missing(window, x, bottom, step)}
      ${axis(window, x, bottom + STRIP, width)}
      ${labels.map((label) => mark(label, x))}
      ${chosen === null ? null : html`<line class="cursor" x1=${x(window.times[chosen])} x2=${x(window.times[chosen])} y1=${top} y2=${bottom} />`}
    </svg>
    ${played !== null ? html`<p class="quiet">${spoken}</p>` : html`<div class="scrub"><label>Moment
      <input type="range" min="0" max=${last} value=${chosen ?? last} aria-valuetext=${spoken}
        onInput=${(event) => setAt(Number(event.currentTarget.value))} /></label>
      <p class="reading">${chosen === null ? `${clock(window.times[0])} to ${clock(window.times[last])} UTC, ${window.rows === 1 ? "a row" : `up to ${window.rows} rows`} a point` : spoken}</p>
    </div>`}
  </div>`;
}

function summary(view, window) {
  const drawnOnes = window.series.map((series) => series.label).join(", ");
  return `Timeline of ${drawnOnes}, from ${clock(window.times[0])} to ${clock(window.times.at(-1))} UTC; ${view.moments ? `onset ${clock(view.moments.onset)}, alarm ${clock(view.moments.alarm)}` : "nothing was said"}; ${view.marks.length} changes and alerts`;
}

function reading(window, i) {
  const values = window.series.map(({ label, unit, low, high }) => {
    const range = low[i] === high[i] ? measured(high[i], unit) : `${measured(low[i], unit)} to ${measured(high[i], unit)}`;
    return `${shortened(label, 40)}: ${range}`;
  });
  const gaps = window.missing.length && window.missing[i] > 0.005 ? [`${Math.round(100 * window.missing[i])}% missing`] : [];
  return [`${clock(window.times[i])} UTC`, ...values, ...gaps].join(" · ");
}

function nearest(times, time) {
  let best = 0;
  for (let i = 1; i < times.length; i += 1) if (Math.abs(times[i] - time) < Math.abs(times[best] - time)) best = i;
  return best;
}

/** Return the range of a series and whether it is drawn on a logarithmic axis. */
function panelOf(series) {
  const limits = (series.limit ?? []).filter((v) => v !== null);
  const shown = [...series.high, ...series.low].filter((v) => v !== null);
  const positive = shown.filter((v) => v > 0).sort((a, b) => a - b);
  const median = positive[positive.length >> 1];
  const logarithmic = series.role === "statistic" && positive.length > 0 && positive.at(-1) > LOGARITHMIC_FROM * median;
  if (logarithmic) {
    const low = Math.min(positive[Math.floor(0.02 * positive.length)], ...limits.filter((v) => v > 0)) / 2;
    return { series, logarithmic, range: [low, 1.5 * Math.max(positive.at(-1), ...limits)] };
  }
  const [low, high] = extent(shown, limits) ?? [0, 1];
  const room = high > low ? 0.06 * (high - low) : Math.abs(high) * 0.1 || 1;
  const floor = low >= 0 && (low < 0.5 * high || high === 0) ? 0 : low - room;
  return { series, logarithmic, range: [floor, high + room] };
}

function drawn({ series, logarithmic, range }, window, x, top, width, at, until) {
  const base = top + TITLE + PANEL;
  const y = scale(range[0], range[1], base, top + TITLE, logarithmic);
  const marks = (logarithmic ? decades : ticks)(range[0], range[1], 3);
  const limit = series.limit && steps(series.limit, window.times, x, y);
  const value = at === null ? "" : ` = ${measured(series.high[at], series.unit)}`;
  return html`<g class="panel" data-role=${series.role}>
    <text class="title" x=${LEFT} y=${top + 21}>${shortened(series.label, Math.max(8, Math.floor((width - LEFT) / 8) - value.length))}${value}${series.objective ? html`<tspan class="quiet">  objective: ${series.objective}</tspan>` : null}</text>
    ${marks.map((v) => html`<g class="tick"><line x1=${LEFT} x2=${width - RIGHT} y1=${y(v)} y2=${y(v)} />
      <text x=${LEFT - 6} y=${y(v) + 4} text-anchor="end">${measured(v, series.unit)}</text></g>`)}
    ${limit ? html`<path class="limit" d=${limit} />` : null}
    <path class="line" d=${band(series, window.times.slice(0, (until ?? window.times.length) + 1), x, y)} />
  </g>`;
}

/** Return a path that shows the least and the greatest value of each point. */
function band({ low, high }, times, x, y) {
  let text = "";
  let pen = false;
  for (let i = 0; i < times.length; i += 1) {
    if (high[i] === null) {
      pen = false;
      continue;
    }
    const place = x(times[i]).toFixed(1);
    text += `${pen ? "L" : "M"}${place},${y(low[i]).toFixed(1)}`;
    if (high[i] !== low[i]) text += `L${place},${y(high[i]).toFixed(1)}`;
    else if (!pen) text += "h0";
    pen = true;
  }
  return text;
}

function steps(values, times, x, y) {
  let text = "";
  values.forEach((value, i) => {
    if (value === null) return;
    const begins = i === 0 || values[i - 1] === null;
    text += `${begins ? "M" : "L"}${x(times[i]).toFixed(1)},${y(value).toFixed(1)}`;
  });
  return text;
}

/** Return what happened when: the incident itself, then what others did and said. */
function happenings({ moments: when, marks }) {
  const found = (when ? ["onset", "alarm", "settled", "resolved"] : []).map((name) => ({ time: when[name], text: name, name }));
  const more = marks.map(({ time, text, kind }) => ({ time, text: `${SIGNS[kind]} ${text}`, name: kind }));
  return [...found.filter(({ time }) => time !== null), ...more];
}

/** Give each label a row above the panels in which it covers no other; the first ones come first. */
function placed(found, x, width) {
  const rows = [];
  return found.filter(({ time }) => x(time) >= LEFT - 1 && x(time) <= width).map((each) => {
    const label = shortened(each.text, 30);
    const length = 7 * label.length + 12;
    const left = x(each.time) + length > width - 2;
    const [from, to] = left ? [x(each.time) - length, x(each.time) + 2] : [x(each.time) - 2, x(each.time) + length];
    let row = rows.findIndex((taken) => taken.every(([a, b]) => b < from || a > to));
    if (row < 0) row = rows.length;
    if (row >= MOST_LABELS) return { ...each, label: "", row: MOST_LABELS - 1, left };
    (rows[row] ??= []).push([from, to]);
    return { ...each, label, row, left };
  });
}

/** Return the line of a mark: below all text, that no line runs through a word. */
function marked({ time, text, name, row }, x, bottom) {
  return html`<line class="mark-line" data-mark=${name} x1=${x(time)} x2=${x(time)} y1=${16 * row + 15} y2=${bottom}><title>${`${text}: ${clock(time)} UTC`}</title></line>`;
}

function mark({ time, text, label, name, row, left }, x) {
  return html`<g class="mark" data-mark=${name}><title>${`${text}: ${clock(time)} UTC`}</title>
    <text x=${x(time) + (left ? -4 : 4)} y=${16 * row + 12} text-anchor=${left ? "end" : "start"}>${label}</text></g>`;
}

function shades({ moments: when }, x, top, bottom, width) {
  if (!when) return null;
  const inside = (time) => Math.min(Math.max(x(time), LEFT), width - RIGHT);
  const end = when.resolved ?? when.now;
  return html`<g>
    <rect class="during" x=${inside(when.onset)} width=${Math.max(inside(end) - inside(when.onset), 0)} y=${top} height=${bottom - top} />
    <rect class="interval" x=${inside(when.earliest)} width=${Math.max(inside(when.latest) - inside(when.earliest), 2)} y=${top} height=${bottom - top}>
      <title>${`likely onset: ${clock(when.earliest)} to ${clock(when.latest)} UTC (${lasting(when.latest - when.earliest)})`}</title></rect>
  </g>`;
}

/** Return a strip that is darker where more cells are missing. */
function missing(window, x, bottom, step) {
  if (!window.missing.some((share) => share > 0.005)) return null;
  const wide = Math.max(x(window.times[0] + step) - x(window.times[0]), 1);
  return html`<g class="missing"><title>share of missing values</title>
    ${window.missing.map((share, i) => (share > 0.005 ? html`<rect x=${x(window.times[i])} y=${bottom + 1} width=${wide} height=${STRIP - 3} fill-opacity=${Math.min(0.2 + share, 1)} />` : null))}
    <text x=${LEFT - 6} y=${bottom + STRIP - 1} text-anchor="end">missing</text></g>`;
}

function axis(window, x, y, width) {
  const last = window.times.at(-1);
  const found = moments(window.times[0], last, Math.max(2, Math.floor((width - LEFT) / 90)));
  const days = last - window.times[0] > 86400;
  return html`<g class="axis"><line x1=${LEFT} x2=${width - RIGHT} y1=${y} y2=${y} />
    <text x=${LEFT - 6} y=${y + 15} text-anchor="end">UTC</text>
    ${found.map((t) => html`<text x=${x(t)} y=${y + 15} text-anchor=${x(t) > width - 34 ? "end" : x(t) < LEFT + 34 ? "start" : "middle"}>${days ? clock(t, true).slice(5, 16) : clock(t)}</text>`)}
  </g>`;
}
