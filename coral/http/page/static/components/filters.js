// Buttons that filter a list, and words that search in it.
import { html, useState } from "./html.js";

/**
 * Return the controls of a list and what they leave of it.
 *
 * `filters` are [label, fits] by name, the first one fits all; `hay` returns what is searched in.
 */
export function useFilters({ all, filters, hay, what }) {
  const [chosen, choose] = useState(Object.keys(filters)[0]);
  const [text, setText] = useState("");
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const holds = (one) => { const text = hay(one).toLowerCase(); return words.every((word) => text.includes(word)); };
  const kept = all.filter((one) => filters[chosen][1](one) && (!words.length || holds(one)));
  const id = `search-${what}`;
  const controls = html`<div class="filters" role="group" aria-label=${`Filter of the ${what}`}>
      ${Object.entries(filters).map(([name, [label, fits]]) => html`<button type="button" aria-pressed=${chosen === name ? "true" : "false"} onClick=${() => choose(name)}>${label} (${all.filter(fits).length})</button>`)}
      <label class="sr-only" for=${id}>${`Search in ${what}`}</label>
      <input id=${id} type="search" placeholder=${`Search in ${what}`} value=${text} onInput=${(event) => setText(event.currentTarget.value)} />
    </div>
    <p class="sr-only" role="status">${kept.length} of ${all.length} ${what}</p>`;
  return [controls, kept];
}
