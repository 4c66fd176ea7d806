// Recordings that are played: one clock for all configurations, and what each said until then.
import { given, Refused } from "./api.js";
import { html, useEffect, useRef, useState } from "./components/html.js";
import { Incident } from "./components/incident.js";
import { listed } from "./components/others.js";
import { printable } from "./components/prose.js";
import { clock, lasting } from "./components/quantity.js";
import { said } from "./components/replay.js";
import { shadow } from "./components/shadow.js";

const LOOK_AGAIN_MS = 1000;
const STEP_MS = 100;
const SPEEDS = [1, 10, 60, 300, 1000];

/** Return the list of recordings; where this process plays none, what stands in its place. */
export function Recordings({ otherwise }) {
  const [found, setFound] = useState([]);
  useEffect(() => {
    given("api/v1/recordings").then((answer) => setFound(answer.recordings), () => {});
  }, []);
  if (!found.length) return otherwise;
  return html`<section aria-labelledby="recordings"><h2 id="recordings">Recordings</h2><ul>${found.map((one) => html`<li><a href=${`#/replay/${one.recording}`}>${one.name}</a>${": "}
    ${one.runs.map((run) => `${run.name}: ${counted(run.incidents, "incident")}, ${counted(run.changes, "change")}${run.done ? "" : " so far"}`).join("; ")}</li>`)}</ul></section>`;
}

function counted(number, word) {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

/** Return the player of one recording. */
export function ReplayPage({ recording }) {
  const { held, tapes, trouble } = useTapes(recording);
  const [at, setAt] = useState(null);
  const [speed, setSpeed] = useState(60);
  const [playing, setPlaying] = useState(false);
  const [opened, setOpened] = useState(null);
  const first = held?.first ?? null;
  const last = Math.max(...(held?.runs ?? []).map((run) => run.until ?? 0));
  const now = at ?? first;
  useEffect(() => { document.title = held ? `Replay of ${held.name} - CORAL` : "CORAL"; }, [held?.name]);
  useEffect(() => {
    if (!playing) return undefined;
    const timer = setInterval(() => setAt((before) => Math.min((before ?? first) + (speed * STEP_MS) / 1000, last)), STEP_MS);
    return () => clearInterval(timer);
  }, [playing, speed, first, last]);
  useEffect(() => { if (playing && now >= last && held.runs.every((run) => run.done || run.failed)) setPlaying(false); }, [now, last, playing]);
  if (!held) return html`<h1>Replay</h1>${trouble ? html`<p class="trouble" role="alert">${trouble}</p>` : html`<p class="quiet">Asking for it …</p>`}`;
  const title = html`<h1>Replay of <code>${held.name}</code></h1>${trouble && html`<p class="trouble" role="alert">${trouble}</p>`}`;
  if (first === null) return html`${title}<p class="quiet">Its first row has not been read yet.</p>`;
  const turns = [...new Set(tapes.flatMap((tape) => (tape?.said ?? []).map((one) => Date.parse(one.now) / 1000)))].sort((a, b) => a - b);
  const [before, after] = [turns.findLast((time) => time < now), turns.find((time) => time > now)];
  const go = (time) => [setPlaying(false), setAt(time)];
  const marks = (tapes[0]?.marks ?? []).filter(({ time }) => time <= now);
  return html`${title}
    <div class="filters player" role="group" aria-label="Player">
      <button type="button" onClick=${() => [playing || (now >= last && setAt(first)), setPlaying(!playing)]}>${playing ? "❚❚ Pause" : "▶ Play"}</button>
      <label>Speed <select value=${speed} onChange=${(event) => setSpeed(Number(event.currentTarget.value))}>${SPEEDS.map((one) => html`<option value=${one}>${one}×</option>`)}</select></label>
      <button type="button" disabled=${before === undefined} onClick=${() => go(before)}>Earlier news</button>
      <button type="button" disabled=${after === undefined} onClick=${() => go(after)}>Later news</button>
      <label class="scrub">${clock(now, true)} UTC <input type="range" min=${first} max=${last} step=${held.interval_s} value=${now} aria-label="Moment" aria-valuetext=${`${clock(now, true)} UTC`}
        onInput=${(event) => go(Number(event.currentTarget.value))} /></label>
    </div>
    <p class="quiet" role="status">${held.runs.map((run) => progress(run, held.rows)).join("; ")}</p>
    <div class="beside" data-runs=${held.runs.length}>${held.runs.map((run, i) => html`<section aria-label=${run.name}>${said(run, tapes[i], now, (one) => setOpened({ run: i, one }))}</section>`)}</div>
    ${marks.length ? html`<details><summary>Changes and alerts until then (${marks.length})</summary>${listed(marks, now, tapes[0].window)}</details>` : null}
    ${opened ? html`<${Moment} recording=${recording} opened=${opened} close=${() => setOpened(null)} />` : null}
    ${held.compared ? shadow({ systems: [held.compared] }, { over: `Over all rows so far, ${lasting(last - first)}.`, linked: false }) : null}`;
}

function progress({ name, rows, done, failed }, all) {
  if (done || failed) return `${name}: ${rows} rows${failed ? ", ended early" : ""}`;
  return `${name}: ${rows}${all ? ` of ${all}` : ""} rows so far`;
}

/** Ask for a recording and what was said of it, until it has been run to its end. */
function useTapes(recording) {
  const [found, setFound] = useState({ held: null, tapes: [], trouble: "" });
  const rows = useRef([]);
  useEffect(() => {
    let gone = false;
    let timer = 0;
    let tapes = [];
    const ask = async () => {
      try {
        const { recordings } = await given("api/v1/recordings");
        const held = recordings[Number(recording)];
        if (!held) throw new Refused(404, "There is no such recording here; `coral replay FOLDER --serve` plays one.");
        const at = `api/v1/recordings/${held.recording}`;
        tapes = await Promise.all(held.runs.map((run, i) => (run.rows === rows.current[i] ? tapes[i] : given(`${at}/${i}`))));
        rows.current = held.runs.map((run) => run.rows);
        if (gone) return;
        setFound({ held, tapes, trouble: "" });
        if (!held.runs.every((run) => run.done || run.failed)) timer = setTimeout(ask, LOOK_AGAIN_MS);
      } catch (error) {
        if (gone) return;
        setFound((before) => ({ ...before, trouble: error.message }));
        if (!(error instanceof Refused)) timer = setTimeout(ask, LOOK_AGAIN_MS);
      }
    };
    ask();
    return () => [(gone = true), clearTimeout(timer)];
  }, [recording]);
  return found;
}

/** One incident in full, as it stood at a revision. */
function Moment({ recording, opened: { run, one }, close }) {
  const [view, setView] = useState(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let gone = false;
    given(`api/v1/recordings/${recording}/${run}/incidents/${encodeURIComponent(one.incident)}/${one.revision}`).then((found) => gone || setView(found), (error) => gone || setTrouble(error.message));
    return () => (gone = true);
  }, [recording, run, one]);
  const element = useRef(null);
  useEffect(() => element.current.focus(), [one]);
  useEffect(() => { if (view) element.current.scrollIntoView(); }, [view]);
  return html`<section aria-labelledby="moment" class="moment" tabindex="-1" ref=${element}><h2 id="moment">${one.kind} <code>${printable(one.incident)}</code> at revision ${one.revision}</h2>
    <p class="actions"><button type="button" onClick=${close}>Close</button></p>
    ${trouble ? html`<p class="trouble" role="alert">${trouble}</p>` : null}
    ${view ? html`<${Incident} view=${view} />` : null}</section>`;
}
