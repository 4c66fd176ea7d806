// What a second configuration would have said, beside what was said.
import { html } from "./html.js";
import { printable, shortened } from "./prose.js";
import { lasting } from "./quantity.js";
import { stateBadge, tierBadge } from "./sentence.js";

const MOST_LISTED = 20;
const LIVE = { over: "It judges the same rows and publishes nothing. The week before its newest incident or change.", linked: true };

/** Return how far two configurations agree on each system; nothing where there is one alone. `over` says over what. */
export function shadow({ systems }, { over, linked } = LIVE) {
  if (!systems.length) return null;
  return html`<section aria-labelledby="shadow"><h2 id="shadow">Second configuration</h2>
    <p class="quiet">${over}</p>
    ${systems.map((system) => html`<section key=${system.system} aria-label=${`Second configuration of ${named(system.system)}`}>
      <h3><code>${named(system.system)}</code></h3>
      <p>${counted(system)} <span class="quiet">Both have judged since ${system.since.replace("T", " ").replace("Z", "")} UTC; configuration ${system.config}.</span></p>
      ${system.pairs.length ? compared(system.pairs, linked) : null}
    </section>`)}</section>`;
}

function named(text) {
  return shortened(printable(text), 60);
}

function counted({ agreed, differed, main_only: ours, shadow_only: theirs }) {
  if (agreed + differed + ours + theirs === 0) return "Neither has seen anything.";
  return `Both saw ${agreed + differed}, of which they differ on ${differed}; the main one alone saw ${ours}, the second one ${theirs}.`;
}

function compared(pairs, linked) {
  const rest = pairs.length - MOST_LISTED;
  return html`<div class="wide" tabindex="0" role="group" aria-label="Compared"><table><thead><tr>
      <th scope="col">onset (UTC)</th><th scope="col">main</th><th scope="col">second</th><th scope="col">differs</th></tr></thead>
    <tbody>${pairs.slice(0, MOST_LISTED).map((pair) => html`<tr>
      <td>${(pair.main ?? pair.shadow).onset.replace("T", " ").replace("Z", "")}</td>
      <td>${said(pair.main, linked)}</td><td>${said(pair.shadow, false)}</td><td>${difference(pair)}</td></tr>`)}</tbody></table></div>
    ${rest > 0 ? html`<p class="quiet">${rest} earlier ones.</p>` : null}`;
}

function said(brief, linked) {
  if (!brief) return html`<span class="quiet">nothing</span>`;
  const first = brief.causes.length ? html`<code>${named(brief.causes[0])}</code>` : "no cause";
  const name = linked ? html`<a href=${`#/incident/${encodeURIComponent(brief.incident)}`}>${brief.kind}</a>` : brief.kind;
  return html`${name} ${tierBadge(brief.tier)} ${first} ${stateBadge(brief.state)}`;
}

function difference({ main, shadow: second, differs, later_s: later }) {
  if (!main) return "only the second";
  if (!second) return "only the main one";
  const apart = later ? [`alarm ${lasting(later)} ${later > 0 ? "later" : "earlier"}`] : [];
  return [...differs, ...apart].join(", ") || "nothing";
}
