// What a system's model is made of: series and their kind, those that are gone, edges that changed.
import { useFilters } from "./filters.js";
import { html } from "./html.js";
import { shortened } from "./prose.js";
import { lasting } from "./quantity.js";

const MOST_LISTED = 50;
const FILTERS = {
  all: ["All", () => true],
  silent: ["Silent", (one) => one.silent],
  level: ["Levels", (one) => one.kind === "level"],
  counter: ["Counters", (one) => one.kind === "counter"],
  constant: ["Constants", (one) => one.kind === "constant"],
};
const SIGNS = { added: "+ added", removed: "− removed", changed: "~ changed" };

/** Return the model; `times` are those of the compared graphs, empty for the first and the present one. */
export function Model({ model, times, choose }) {
  return html`<p>As of ${moment(model.at)} UTC: ${model.series.length} series, ${model.edges} edges in the graph, from ${model.base_rows} normal rows.</p>
    <section aria-labelledby="series"><h2 id="series">Series</h2><${Series} series=${model.series} day=${model.at.slice(0, 11)} /></section>
    <section aria-labelledby="retired"><h2 id="retired">Retired</h2>${retired(model.retired)}</section>
    <section aria-labelledby="graph"><h2 id="graph">What changed in the graph</h2>${compared(model, times, choose)}</section>`;
}

function Series({ series, day }) {
  const [controls, kept] = useFilters({ all: series, filters: FILTERS, hay: (one) => one.name, what: "series" });
  return html`${controls}
    ${kept.length ? table("Series", ["series", "kind", "unit", "a value every", "newest value (UTC)", ""], kept.slice(0, MOST_LISTED).map((one) => [
      html`<code>${shortened(one.name, 80)}</code>`, one.kind, one.unit || "–", one.cadence_s === null ? "never so far" : lasting(one.cadence_s),
      one.last ? moment(one.last.startsWith(day) ? one.last.slice(day.length) : one.last) : "none", html`${one.silent ? html`<span class="phase" data-alert="yes">silent</span>` : null}${one.in_graph ? null : " not in the graph"}`,
    ])) : html`<p class="quiet">${series.length ? "None fits." : "There is none."}</p>`}
    ${kept.length > MOST_LISTED ? html`<p class="quiet">${kept.length - MOST_LISTED} more; search for them.</p>` : null}`;
}

function retired(found) {
  if (!found.length) return html`<p class="quiet">No series has left since this process has the system. One is forgotten when it has been silent for longer than it lived.</p>`;
  return html`<ul>${found.map(({ name, at }) => html`<li><code>${shortened(name, 80)}</code> left at ${moment(at)} UTC</li>`)}</ul>`;
}

function compared({ kept, change }, times, choose) {
  if (!kept.length) return html`<p class="quiet">No earlier graph is kept yet: one is each hour of the data, the first after the warm-up.</p>`;
  const select = (side, label, otherwise) => html`<label>${label} <select value=${times[side]} onChange=${(event) => choose({ ...times, [side]: event.currentTarget.value })}>
    <option value="">${otherwise}</option>${kept.map((time) => html`<option value=${time}>${moment(time)}</option>`)}</select></label>`;
  const rest = change.edges.length + change.more - MOST_LISTED;
  return html`<div class="filters" role="group" aria-label="Times that are compared">${select("before", "From", "the first kept")}${select("after", "to", "now")}</div>
    <p>${moment(change.before)} to ${moment(change.after)} UTC: ${change.edges.length + change.more} edges differ, ${change.same} are as they were.</p>
    ${change.edges.length ? table("Edges that differ", ["", "cause", "effect", "rows later", "part", "before", "after"], change.edges.slice(0, MOST_LISTED).map((edge) => [
      SIGNS[edge.change], html`<code>${shortened(edge.cause, 60)}</code>`, html`<code>${shortened(edge.effect, 60)}</code>`, edge.lag,
      edge.part === "invariant" ? "always" : "this state", edge.before ?? "–", edge.after ?? "–"])) : null}
    ${rest > 0 ? html`<p class="quiet">${rest} more, whose strength differs by less.</p>` : null}`;
}

function table(label, titles, rows) {
  return html`<div class="wide" tabindex="0" role="group" aria-label=${label}><table>
    <thead><tr>${titles.map((title) => (title ? html`<th scope="col">${title}</th>` : html`<td></td>`))}</tr></thead>
    <tbody>${rows.map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}

function moment(time) {
  return time.replace("T", " ").replace("Z", "");
}
