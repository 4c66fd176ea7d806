// One incident from top to bottom, in the order in which it is asked about at night.
import { html } from "./html.js";
import { causes } from "./causes.js";
import { SuspectGraph } from "./graph.js";
import { ruledOut, seenBefore } from "./history.js";
import { others } from "./others.js";
import { sentences } from "./prose.js";
import { Ranks } from "./ranks.js";
import { sentence } from "./sentence.js";
import { Timeline } from "./timeline.js";

/** Return the incident; `actions` stand below the answer, `linked` says where an incident is. */
export function Incident({ view, actions = null, linked }) {
  return html`<article class="incident">
    ${sentence(view)}
    ${actions}
    <section aria-labelledby="timeline"><h2 id="timeline">Timeline</h2>${sentences(view.happened)}
      <${Timeline} view=${view} />${others(view)}</section>
    <section aria-labelledby="causes"><h2 id="causes">Causes</h2>${causes(view)}</section>
    <section aria-labelledby="ranks"><h2 id="ranks">Rank history</h2><${Ranks} view=${view} /></section>
    <section aria-labelledby="suspects"><h2 id="suspects">Ways to the health signal</h2><${SuspectGraph} view=${view} /></section>
    <section aria-labelledby="ruled-out"><h2 id="ruled-out">Ruled out</h2>${ruledOut(view)}</section>
    <section aria-labelledby="before"><h2 id="before">Seen before</h2>${seenBefore(view, linked)}</section>
    <section aria-labelledby="statistics"><h2 id="statistics">Statistics</h2>${view.statistics.length ? sentences(view.statistics) : null}
      <p class="quiet">${view.origin.replaceAll("`", "")}</p></section>
  </article>`;
}
