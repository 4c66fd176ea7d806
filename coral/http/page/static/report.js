// The incident of a report, drawn from the document in the same file.
import { html, render } from "./components/html.js";
import { Incident } from "./components/incident.js";

const view = JSON.parse(document.getElementById("view").textContent);
const drawn = document.createElement("div");
render(html`<${Incident} view=${view} />`, drawn);
// What was there says the same without a script: it gives way only to what has been drawn.
document.getElementById("incident").replaceChildren(drawn);
