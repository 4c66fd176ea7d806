// The bar above everything: where one is, whether it is up to date, and how light it is.
import { html, useLayoutEffect, useState } from "./components/html.js";

const THEMES = ["auto", "light", "dark"];

/** Return the bar. */
export function Top({ live, place }) {
  const [theme, setTheme] = useState(localStorage.getItem("coral-theme") ?? "auto");
  useLayoutEffect(() => {
    localStorage.setItem("coral-theme", theme);
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }, [theme]);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  return html`<div class="edge-top"><header class="bar-top">
    <a class="brand" href="#/">CORAL</a>
    <nav aria-label="Pages"><a href="#/" aria-current=${place.view === "overview" ? "page" : null}>Overview</a></nav>
    <span class="right">
      <span role="status" class="phase" data-alert=${live.connected ? "no" : "yes"}>${live.connected ? "● live" : "○ not connected, trying again"}</span>
      ${live.status ? html`<span>${live.status.version}</span>` : null}
      <button type="button" onClick=${() => setTheme(next)} aria-label=${`Colours: ${theme}; change to ${next}`}>${theme}</button>
    </span></header></div>`;
}
