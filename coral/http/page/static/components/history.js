// What was looked at and is not the cause, and when the like was seen before.
import { html } from "./html.js";
import { prose } from "./prose.js";

/** Return strong candidates that were ruled out, with the reasons. */
export function ruledOut(view) {
  if (!view.ruled_out.length) return html`<p class="quiet">No other entity stood out.</p>`;
  return html`<ul>${view.ruled_out.map(({ label, texts }) => html`<li><code>${label}</code>: ${prose(texts.join(" "))}</li>`)}</ul>`;
}

/** Return earlier incidents that were like this one, with links to those that are still there. */
export function seenBefore(view, linked = () => null) {
  if (!view.seen_before.length) return html`<p class="quiet">Nothing like it was seen before.</p>`;
  return html`<ul>${view.seen_before.map(({ label, texts }) => {
    const address = linked(label);
    const name = html`<code>${label}</code>`;
    return html`<li>${address ? html`<a href=${address}>${name}</a>` : name}: ${prose(texts.join(" "))}</li>`;
  })}</ul>`;
}
