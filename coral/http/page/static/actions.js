// What one does with an incident: say whether the answer is right, and take it elsewhere.
import { asked, given, under } from "./api.js";
import { html, useEffect, useState } from "./components/html.js";
import { shortened } from "./components/prose.js";

/** Return the buttons of an incident. */
export function Actions({ incident, view }) {
  const [said, setSaid] = useState({ cause: null, rejected: null });
  const [choosing, setChoosing] = useState(false);
  const [told, setTold] = useState("");
  const at = under(incident);
  useEffect(() => {
    given(`${at}/feedback`).then(setSaid, () => {});
  }, [at]);
  const say = async (cause, rejected = null) => {
    try {
      const sent = { method: "POST", body: JSON.stringify({ cause, rejected }), headers: { "content-type": "application/json" } };
      const answer = await (await asked(`${at}/feedback`, sent)).json();
      setSaid(answer);
      setChoosing(false);
      setTold((cause ?? rejected) === null ? "Taken back." : `Stored in ${answer.stored}.`);
    } catch (error) {
      setTold(error.message);
    }
  };
  const copy = async () => {
    try {
      const text = await (await asked(`${at}/markdown`)).text();
      // Browsers let only pages of https, and of this machine, copy.
      if (navigator.clipboard) await navigator.clipboard.writeText(text);
      else keep(text, `${view.incident}.md`, "text/markdown");
      setTold(navigator.clipboard ? "Copied as Markdown." : "Saved as Markdown.");
    } catch (error) {
      setTold(`Not copied: ${error.message}`);
    }
  };
  const save = async () => {
    try {
      keep(await (await asked(at)).text(), `${view.incident}.json`, "application/json");
    } catch (error) {
      setTold(`Not saved: ${error.message}`);
    }
  };
  const first = view.causes[0];
  const entity = said.cause ?? said.rejected;
  const label = (entity) => view.entities.find((one) => one.label === entity)?.texts[0] ?? entity;
  return html`<div class="actions" role="group" aria-label="Feedback and copies">
    ${entity === null
      ? first && html`
        <button type="button" onClick=${() => say(first.entity)}>Right: it was ${shortened(first.label, 30)}</button>
        <button type="button" onClick=${() => say(null, first.entity)}>Wrong</button>`
      : html`
        <span class="said">✓ You said: it was ${said.cause === null ? "not " : ""}<code>${label(entity)}</code></span>
        <button type="button" onClick=${() => say(null)}>Undo</button>`}
    ${said.cause === null && html`
      <button type="button" aria-expanded=${choosing ? "true" : "false"} onClick=${() => setChoosing(!choosing)}>It was …</button>
      ${choosing && html`<${Choice} view=${view} say=${say} />`}`}
    <button type="button" onClick=${copy}>Copy as Markdown</button>
    <a href=${`#/incident/${encodeURIComponent(incident)}`}>Permalink</a>
    <button type="button" onClick=${save}>Save as JSON</button>
    <span role="status">${told}</span>
  </div>`;
}

function Choice({ view, say }) {
  const [place, setPlace] = useState("");
  const others = view.entities.map((one, i) => [one, i]);
  return html`<label>It was <select value=${place} onChange=${(event) => setPlace(event.currentTarget.value)}>
      <option value="">choose …</option>
      ${others.map(([one, i]) => html`<option value=${i}>${shortened(one.texts[0], 60)}</option>`)}
    </select></label>
    <button type="button" disabled=${place === ""} onClick=${() => say(view.entities[Number(place)].label)}>Say so</button>`;
}

/** Let the browser save a text; asked for here, as a link would lack the token. */
function keep(text, name, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
