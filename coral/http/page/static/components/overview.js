// All systems and incidents at a glance: what is open first, then what could be seen at all.
import { useFilters } from "./filters.js";
import { FollowedSystems } from "./followed.js";
import { html, useMemo } from "./html.js";
import { printable, prose, shortened, summary } from "./prose.js";
import { lasting, measured } from "./quantity.js";
import { stateBadge, tierBadge } from "./sentence.js";
import { ago, budget } from "./told.js";

const MOST_LISTED = 200;

/** Return the overview of a process. */
export function Overview({ live, now }) {
  const { status, systems } = live;
  return html`
    ${status && !status.ready ? html`<p class="trouble" role="alert">Not ready: ${status.reasons.join("; ")}</p>` : null}
    <section aria-labelledby="incidents"><h2 id="incidents">Incidents</h2><${Incidents} live=${live} /></section>
    <section aria-labelledby="systems"><h2 id="systems">Systems</h2>${status?.follows
      ? html`<${FollowedSystems} incidents=${live.incidents} now=${now} />` : html`<${Systems} systems=${systems} status=${status} now=${now} />`}</section>`;
}

const FILTERS = {
  all: ["All", () => true],
  open: ["Open", (brief) => brief.state !== "resolved"],
  incident: ["Incidents", (brief) => brief.kind === "incident"],
  change: ["Changes", (brief) => brief.kind === "change"],
};

function Incidents({ live }) {
  const all = useMemo(() => [...live.incidents.values()].reverse().sort((a, b) => (a.state === "resolved") - (b.state === "resolved")), [live.incidents]);
  const hay = (brief) => [brief.incident, brief.system, brief.summary, brief.tier, brief.state, brief.kind, ...brief.causes, ...brief.felt].join(" ");
  const [controls, kept] = useFilters({ all, filters: FILTERS, hay, what: "incidents" });
  return html`${controls}
    ${kept.length ? html`<ul class="incidents">${kept.slice(0, MOST_LISTED).map((brief) => html`<li key=${brief.incident} class="fresh">${listed(brief)}</li>`)}</ul>` : html`<p class="quiet">${all.length ? "None fits." : "None so far."}</p>`}
    ${kept.length > MOST_LISTED ? html`<p class="quiet">${kept.length - MOST_LISTED} more; search for them.</p>` : null}`;
}

function listed(brief) {
  const seconds = (Date.parse(brief.now) - Date.parse(brief.onset)) / 1000;
  return html`<div class="facts">${tierBadge(brief.tier)} ${stateBadge(brief.state)}<span>${brief.kind} in <code>${shortened(printable(brief.system), 60)}</code></span>
      <span>${brief.onset.replace("T", " ").replace("Z", "")} UTC, ${lasting(seconds)}</span></div>
    <a href=${`#/incident/${encodeURIComponent(brief.incident)}`}>${summary(printable(brief.summary))}</a>`;
}

const SYSTEM_FILTERS = {
  all: ["All", () => true],
  open: ["Open", (system) => system.phase === "diagnosing" || system.phase === "settled"],
  blind: ["Blind or warming", (system) => system.phase === "blind" || system.phase === "warming"],
  silent: ["No data", (system) => system.no_data],
};

function Systems({ systems, status, now }) {
  const lag = (system) => status?.partitions.find((part) => part.topic === system.topic && part.partition === system.partition)?.lag;
  const hay = (system) => [system.system, phaseOf(system), system.topic, ...system.health_signals].join(" ");
  const [controls, kept] = useFilters({ all: systems, filters: SYSTEM_FILTERS, hay, what: "systems" });
  if (!systems.length) return html`<p class="quiet">None has sent anything yet.</p>`;
  return html`${controls}
    ${kept.length ? html`<div class="wide" tabindex="0" role="group" aria-label="Systems"><table><thead><tr>
      <th scope="col">system</th><th scope="col">phase</th><th scope="col">trigger, of its limit</th><th scope="col" class="number">every</th><th scope="col" class="number">series</th>
      <th scope="col" class="number">base, age</th><th scope="col" class="number">last row</th><th scope="col" class="number">lag</th><th scope="col" class="number">pages spent (felt)</th><th scope="col" class="number">changes spent (unfelt)</th></tr></thead>
    <tbody>${kept.slice(0, MOST_LISTED).map((system) => row(system, lag(system), now))}</tbody></table></div>` : html`<p class="quiet">None fits.</p>`}
    ${kept.length > MOST_LISTED ? html`<p class="quiet">${kept.length - MOST_LISTED} more; search for them.</p>` : null}`;
}

function phaseOf(system) {
  return system.no_data ? "no data" : system.phase;
}

function row(system, lag, now) {
  const phase = phaseOf(system);
  const alert = system.no_data || phase === "blind" || phase === "diagnosing";
  const name = html`<code>${shortened(printable(system.system), 60)}</code>`;
  const needed = system.phase === "warming" || system.phase === "blind" ? system.needed : [];
  return html`<tr key=${system.system}>
    <td>${system.incident ? html`<a href=${`#/incident/${encodeURIComponent(system.incident)}`}>${name}</a>` : name} <a class="quiet" href=${`#/model/${encodeURIComponent(system.system)}`} aria-label=${`Model of ${shortened(printable(system.system), 60)}`}>model</a>${needed.map((text) => html`<p class="quiet">${prose(text)}</p>`)}</td>
    <td><span class="phase" data-alert=${alert ? "yes" : "no"}>${phase}</span></td>
    <td>${share(system.trigger)}</td>
    <td class="number">${lasting(system.interval_s)}</td><td class="number">${system.series}</td>
    <td class="number">${system.base.rows} rows, ${lasting(system.base.age_s)}</td>
    <td class="number">${system.last ? ago(system.last, now) : "never"}</td>
    <td class="number">${lag ?? "–"}</td><td class="number">${budget(system.pages)}</td><td class="number">${budget(system.changes)}</td></tr>`;
}

/** Return the trigger's evidence as a bar; at its end is an alarm. */
function share(trigger) {
  if (!trigger) return "–";
  const part = Math.min(Math.max(trigger.evidence, 0), 1);
  const told = trigger.limit === null ? "no limit yet" : `${measured(trigger.statistic, "")} of ${measured(trigger.limit, "")}`;
  return html`<svg class="share" width="60" height="8" aria-hidden="true"><rect width="60" height="8" class="track" /><rect width=${60 * part} height="8" class="filled" /></svg><code>${trigger.channel}</code> ${told}`;
}
