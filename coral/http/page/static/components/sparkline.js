// One series before and after the onset, as small as a word.
import { html } from "./html.js";
import { measured } from "./quantity.js";
import { extent, scale } from "./scale.js";

const WIDTH = 220;
const HEIGHT = 34;

/** Return the course of a series; the line is the onset. */
export function sparkline({ label, unit, course }) {
  if (!course) return null;
  const values = [...course.before, ...course.after];
  const range = extent(values);
  if (range === null) return null;
  const x = scale(-course.before.length, Math.max(course.after.length - 1, 1), 2, WIDTH - 2);
  const y = scale(range[0], range[1], HEIGHT - 3, 3);
  const place = (i) => x(i - course.before.length);
  const newest = course.after.at(-1) ?? null;
  const [low, high] = range.map((value) => measured(value, unit));
  const span = low === high ? low : `${low} to ${high}`;
  const text = `${span}, now ${measured(newest, unit)}`;
  return html`<figure class="spark">
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width=${WIDTH} height=${HEIGHT} role="img" aria-label=${`${label}: ${text}`}>
      <rect class="since" x=${x(0)} y="0" width=${WIDTH - x(0)} height=${HEIGHT} />
      <line class="onset" x1=${x(0)} x2=${x(0)} y1="0" y2=${HEIGHT} />
      <path class="line" d=${path(values, place, y)} />
      ${newest === null ? null : html`<circle class="dot" cx=${place(values.length - 1)} cy=${y(newest)} r="2.5" />`}
    </svg>
    <figcaption>${text}</figcaption>
  </figure>`;
}

/** Return a path through values; a gap where there is none, a dot between two gaps. */
export function path(values, x, y) {
  let text = "";
  values.forEach((value, i) => {
    if (value === null) return;
    const place = `${x(i).toFixed(1)},${y(value).toFixed(1)}`;
    const begins = i === 0 || values[i - 1] === null;
    text += begins ? `M${place}h0` : `L${place}`;
  });
  return text;
}
