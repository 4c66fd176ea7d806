// The model of one system: asked for, and asked again for other times.
import { given } from "./api.js";
import { html, useEffect, useState } from "./components/html.js";
import { Model } from "./components/model.js";
import { printable } from "./components/prose.js";

/** Return the page of a system's model. */
export function ModelPage({ system }) {
  const [model, setModel] = useState(null);
  const [trouble, setTrouble] = useState("");
  const [times, setTimes] = useState({ before: "", after: "" });
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let gone = false;
    const chosen = Object.entries(times).filter(([, time]) => time).map(([side, time]) => [side, String(Date.parse(time) / 1000)]);
    const asked = new URLSearchParams([["system", system], ...chosen]);
    given(`api/v1/model?${asked}`).then((found) => gone || [setModel(found), setTrouble("")], (error) => gone || setTrouble(error.message));
    return () => (gone = true);
  }, [system, times, tries]);
  useEffect(() => { document.title = `Model of ${printable(system)} - CORAL`; }, [system]);
  return html`<h1>Model of <code>${printable(system)}</code></h1>
    ${trouble && html`<p class="trouble" role="alert">${trouble}</p>`}
    <p class="actions"><button type="button" onClick=${() => setTries(tries + 1)}>Ask again</button></p>
    ${model ? html`<${Model} model=${model} times=${times} choose=${setTimes} />` : trouble ? null : html`<p class="quiet">Asking for it …</p>`}`;
}
