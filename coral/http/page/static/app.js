// The page: where it stands (the part of the address behind #), and what it knows.
import { forget, given, Refused, under } from "./api.js";
import { Actions } from "./actions.js";
import { html, render, useEffect, useRef, useState } from "./components/html.js";
import { Incident } from "./components/incident.js";
import { Overview } from "./components/overview.js";
import { shadow } from "./components/shadow.js";
import { printable } from "./components/prose.js";
import { follow } from "./live.js";
import { ModelPage } from "./model.js";
import { Recordings, ReplayPage } from "./replay.js";
import { Top } from "./top.js";

const LOOK_AGAIN_MS = 2000;
const COMPARE_AGAIN_MS = 10000;

function App() {
  const [place, setPlace] = useState(placed());
  const [live, setLive] = useState({ connected: false, status: null, incidents: new Map(), systems: [] });
  const [refused, setRefused] = useState(false);
  const [tries, setTries] = useState(0);
  const moves = useRef(0);
  useEffect(() => {
    const moved = () => setPlace(placed());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => {
    if (place.view === "overview") document.title = "CORAL";
    // Whoever followed a link by a key goes on from where it led.
    if (moves.current > 0) document.getElementById("main")?.focus();
    moves.current += 1;
  }, [place.view, place.name]);
  useEffect(() => follow(setLive, () => setRefused(true)), [tries]);
  if (refused) return html`<${Token} again=${() => { setRefused(false); setTries(tries + 1); }} />`;
  return html`<a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <${Top} live=${live} place=${place} />
    <main id="main" tabindex="-1">${VIEWS[place.view](place.name, live)}</main>`;
}

const VIEWS = {
  overview: (_, live) => html`<h1>Overview</h1><${Recordings} otherwise=${html`<${Overview} live=${live} now=${Date.now() / 1000} /><${Second} />`} />`,
  incident: (name, live) => html`<${One} key=${name} incident=${name} revision=${live.incidents.get(name)?.revision ?? 0} known=${live.incidents} />`,
  replay: (name) => html`<${ReplayPage} key=${name} recording=${name} />`,
  model: (name) => html`<${ModelPage} key=${name} system=${name} />`,
};

/** How far a second configuration agrees, if there is one; what cannot be asked now is asked again. */
function Second() {
  const [compared, setCompared] = useState({ systems: [] });
  useEffect(() => {
    let timer = 0;
    let gone = false;
    const ask = async () => {
      const found = await given("api/v1/shadow").catch(() => null);
      if (gone) return;
      if (found) setCompared(found);
      timer = setTimeout(ask, COMPARE_AGAIN_MS);
    };
    ask();
    return () => [(gone = true), clearTimeout(timer)];
  }, []);
  return shadow(compared);
}

/** One incident: what is drawn is asked for again when a newer revision was told. */
function One({ incident, revision, known }) {
  const [view, setView] = useState(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let gone = false;
    let timer = 0;
    const ask = async () => {
      try {
        const found = await given(`${under(incident)}/view`);
        if (!gone) [setView(found), setTrouble("")];
        // Rows come between the revisions too.
        if (!gone && found.state !== "resolved") timer = setTimeout(ask, LOOK_AGAIN_MS);
      } catch (error) {
        if (gone) return;
        setTrouble(error.message);
        if (!(error instanceof Refused)) timer = setTimeout(ask, LOOK_AGAIN_MS);
      }
    };
    ask();
    return () => [(gone = true), clearTimeout(timer)];
  }, [incident, revision]);
  useEffect(() => { document.title = view ? `${view.tier}: ${view.system} - CORAL` : "CORAL"; }, [view]);
  const title = html`<h1>${view?.kind === "change" ? "Change" : "Incident"} <code>${printable(incident)}</code></h1>`;
  const told = trouble && html`<p class="trouble" role="alert">${trouble}</p>`;
  if (!view) return html`${title}${told || html`<p class="quiet">Asking for it …</p>`}`;
  const linked = (name) => (known.has(name) ? `#/incident/${encodeURIComponent(name)}` : null);
  return html`${title}${told}<${Incident} view=${view} linked=${linked} actions=${html`<${Actions} incident=${incident} view=${view} />`} />`;
}

function Token({ again }) {
  const entered = (event) => {
    event.preventDefault();
    sessionStorage.setItem("coral-token", event.currentTarget.elements.token.value.trim());
    again();
  };
  return html`<main id="main"><h1>CORAL</h1><p>This server wants a token, the one of <code>http.token</code>. It is kept until this tab is closed.</p>
    <form class="actions" onSubmit=${entered}><label>Token <input name="token" type="password" autocomplete="off" required /></label><button>Enter</button>
    <button type="button" onClick=${forget}>Forget it</button></form></main>`;
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

/** Return which view an address names, and what it is of. */
function placed() {
  const [, view, name] = /^#\/(incident|model|replay)\/(.+)$/.exec(location.hash) ?? [];
  if (!view) return { view: "overview", name: null };
  try {
    return { view, name: decodeURIComponent(name) };
  } catch {
    return { view, name };
  }
}

render(html`<${App} />`, document.getElementById("page"));
