// Ranked causes: what changed, when beside the health signal, and what speaks for and against it.
import { html } from "./html.js";
import { definitions, prose, sentences } from "./prose.js";
import { tierBadge } from "./sentence.js";
import { sparkline } from "./sparkline.js";

/** Return the causes of an incident, the first one open. */
export function causes(view) {
  if (!view.causes.length) return html`<p>No entity deviates from its normal state.</p>`;
  return html`<ol class="causes">${view.causes.map((cause) => html`<li key=${cause.entity}>${one(cause)}</li>`)}</ol>`;
}

function one(cause) {
  const [first, ...others] = cause.series;
  const pair = [["for", cause.evidence_for], ["against", cause.evidence_against]].filter(([, texts]) => texts.length);
  const reasons = html`<div class="reasons">${pair.map(([label, texts]) => html`<section><h4>${label}</h4>${sentences(texts)}</section>`)}</div>`;
  // What is unlikely must not hide what is not.
  const brief = cause.tier === "unlikely" && cause.rank > 1;
  return html`<article class="cause" data-tier=${cause.tier}>
    <h3><span class="rank">${cause.rank}.</span> <code>${cause.label}</code> ${tierBadge(cause.tier)}</h3>
    <p class="score"><span class="bar" aria-hidden="true"><svg width="100" height="8"><rect width="100" height="8" class="track" /><rect width=${Math.max(1, 100 * cause.score)} height="8" class="filled" /></svg></span>
      <span>${Math.round(100 * cause.score)}% of all scores</span>${cause.relative ? html`<span>${cause.relative}</span>` : null}</p>
    <div class="what">
      <p>${prose(cause.text)}</p>
      ${first ? sparkline(first) : null}
    </div>
    ${brief ? null : reasons}
    ${others.length || cause.told.length || brief ? html`<details><summary>More of it</summary>
      ${brief ? reasons : null}
      ${definitions(cause.told)}
      ${others.map((series) => html`<p>${prose(series.text)}</p>${sparkline(series)}`)}
    </details>` : null}
  </article>`;
}
