// Systems as their incidents tell of them: all that a process knows that follows topics alone.
import { useFilters } from "./filters.js";
import { html } from "./html.js";
import { printable, shortened } from "./prose.js";
import { stateBadge } from "./sentence.js";
import { ago, budget } from "./told.js";

const MOST_LISTED = 200;
const FILTERS = {
  all: ["All", () => true],
  open: ["Open", ({ open }) => open.length > 0],
};

/** Return the systems that have had an incident or a change. */
export function FollowedSystems({ incidents, now }) {
  const [controls, kept] = useFilters({ all: systemsOf(incidents), filters: FILTERS, hay: ({ system }) => system, what: "systems" });
  return html`<p class="quiet">This process follows the incidents of all replicas, and knows of a system what they tell. Its phase, cadence, base and lag, and its statistic against its limit,
      are on the page of the replica that watches it; a system that has had no incident is not here.</p>
    ${controls}
    ${kept.length ? html`<div class="wide" tabindex="0" role="group" aria-label="Systems"><table><thead><tr>
      <th scope="col">system</th><th scope="col">open</th><th scope="col" class="number">incidents</th><th scope="col" class="number">changes</th>
      <th scope="col" class="number">last heard of</th><th scope="col" class="number">pages spent (felt)</th><th scope="col" class="number">changes spent (unfelt)</th></tr></thead>
    <tbody>${kept.slice(0, MOST_LISTED).map((one) => row(one, now))}</tbody></table></div>` : html`<p class="quiet">${incidents.size ? "None fits." : "None so far."}</p>`}
    ${kept.length > MOST_LISTED ? html`<p class="quiet">${kept.length - MOST_LISTED} more; search for them.</p>` : null}`;
}

function systemsOf(incidents) {
  const found = new Map();
  for (const brief of incidents.values()) {
    const one = found.get(brief.system) ?? { system: brief.system, open: [], incident: 0, change: 0, newest: brief };
    one[brief.kind] += 1;
    if (brief.state !== "resolved") one.open.push(brief);
    if (brief.now >= one.newest.now) one.newest = brief;
    found.set(brief.system, one);
  }
  return [...found.values()].sort((a, b) => (a.system < b.system ? -1 : 1));
}

function row({ system, open, incident, change, newest }, now) {
  const allowed = (product) => newest.budgets.find((one) => one.product === product);
  return html`<tr key=${system}><td><code>${shortened(printable(system), 60)}</code></td>
    <td>${open.length ? open.map((one) => html`<a href=${`#/incident/${encodeURIComponent(one.incident)}`}>${one.kind}</a> ${stateBadge(one.state)} `) : "–"}</td>
    <td class="number">${incident}</td><td class="number">${change}</td><td class="number">${ago(newest.now, now)}</td>
    <td class="number">${budget(allowed("incident"))}</td><td class="number">${budget(allowed("change"))}</td></tr>`;
}
