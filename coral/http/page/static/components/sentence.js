// What, since when, who feels it, how sure: the answer before all evidence.
import { html } from "./html.js";
import { definitions, prose, summary } from "./prose.js";

const MARKS = { likely: "●", possible: "◐", unlikely: "○", "no clear cause": "?" };

/** Return a tier as a word with a mark that needs no colour. */
export function tierBadge(tier) {
  return html`<span class="tier" data-tier=${tier}><span aria-hidden="true">${MARKS[tier]} </span>${tier}</span>`;
}

/** Return how far an incident has come, as a word. */
export function stateBadge(state) {
  return html`<span class="state" data-state=${state}>${state}</span>`;
}

/** Return the header of an incident. */
export function sentence(view) {
  return html`<header class="answer">
    <p class="badges">${tierBadge(view.tier)} ${stateBadge(view.state)}
      <span class="kind">${view.kind}</span> <span>in <code>${view.system}</code></span>
      <span class="quiet">${view.opened.replace("T", " ").replace("Z", "")} UTC</span></p>
    <p class="summary">${summary(view.summary)}</p>
    ${view.patterns.map((text) => html`<p class="pattern">${prose(text)}</p>`)}
    ${definitions(view.answers)}
  </header>`;
}
