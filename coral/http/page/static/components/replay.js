// What was said of a recording up to a moment, one configuration beside the other.
import { html } from "./html.js";
import { printable, shortened, summary } from "./prose.js";
import { stateBadge, tierBadge } from "./sentence.js";
import { Timeline } from "./timeline.js";

const PHASES = {
  warming: "warming up: too few rows to judge any",
  blind: "blind: nothing that happened now would be noticed",
  watching: "watching: nothing is unusual",
  diagnosing: "an incident or a change is open, its ranking still moves",
  settled: "an incident or a change is open, its ranking has settled",
};

/** Return what one configuration says at a moment; `open` shows the whole of an incident. */
export function said(run, tape, at, open) {
  const heading = html`<h2><code>${shortened(run.name, 40)}</code></h2>`;
  if (!tape) return html`${heading}<p class="quiet">Asking for it …</p>`;
  const known = tape.said.filter((one) => Date.parse(one.now) / 1000 <= at);
  const newest = new Map(known.map((one) => [one.incident, one]));
  const shown = [...newest.values()].reverse();
  const phase = tape.phases.findLast((one) => one.time <= at)?.phase;
  const view = { window: tape.window, marks: tape.marks, moments: moments(shown[0]) };
  return html`${heading}
    <p>${phase ? html`<strong>${phase}</strong>, ${PHASES[phase].replace(/^[^:]*: /, "")}` : "Before the first row."} <span class="quiet">Configuration ${run.config}.</span></p>
    ${run.failed ? html`<p class="trouble" role="alert">It ended early: ${run.failed}</p>` : null}
    <${Timeline} view=${view} until=${at} />
    ${shown.length ? html`<ul class="incidents">${shown.map((one) => html`<li key=${one.incident}>${stood(one, open)}</li>`)}</ul>` : html`<p class="quiet">Nothing has been said so far.</p>`}
    ${tape.more ? html`<p class="quiet">${tape.more} later revisions are not kept: replay a shorter part.</p>` : null}`;
}

/** The moments of the newest incident that a brief tells of. */
function moments(one) {
  if (!one) return null;
  const [onset, alarm, now] = [one.onset, one.opened, one.now].map((time) => Date.parse(time) / 1000);
  return { onset, earliest: onset, latest: onset, alarm, now, settled: null, resolved: one.state === "resolved" ? now : null };
}

function stood(one, open) {
  return html`<div class="facts">${tierBadge(one.tier)} ${stateBadge(one.state)}<span>${one.kind}, revision ${one.revision}</span>
      <span>since ${one.onset.replace("T", " ").replace("Z", "")} UTC</span></div>
    <p>${summary(printable(one.summary))}</p>
    <button type="button" onClick=${() => open(one)}>All of it, as it stood then</button>`;
}
