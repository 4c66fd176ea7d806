// What others did to the system and said of it, in words: also what lies outside of the timeline.
import { html } from "./html.js";
import { prose } from "./prose.js";
import { clock } from "./quantity.js";

/** The sign of each kind, on the timeline and in the list: told apart without a colour. */
export const SIGNS = { change: "◆", alert: "▲" };

/** Return change events and alerts as a list. */
export function others({ marks, moments, window }) {
  if (!marks.length) return html`<p class="quiet">No change event and no alert is known around it.</p>`;
  return html`<h3>Changes and alerts</h3>${listed(marks, moments.onset, window)}`;
}

/** Return marks in words; those of another day than `time`, unix seconds, with theirs. */
export function listed(marks, time, window) {
  const day = clock(time, true).slice(0, 10);
  return html`<ul class="marks" aria-label="Changes and alerts">${marks.map((mark) => html`<li data-mark=${mark.kind}>
    <span aria-hidden="true">${SIGNS[mark.kind]}</span> ${dated(mark.time, day)} ${prose(mark.told)}${outside(mark, window)}</li>`)}</ul>`;
}

function dated(time, day) {
  const text = clock(time, true);
  return text.startsWith(day) ? text.slice(11) : text;
}

function outside({ time }, window) {
  if (!window?.times.length || time >= window.times[0]) return null;
  return html` <span class="quiet">(before what is drawn)</span>`;
}
