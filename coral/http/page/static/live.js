// What the server tells of its own accord: server-sent events, resumed where they broke off.
import { asked, given, Refused } from "./api.js";

const AGAIN_MS = 2000;
const SYSTEMS_MS = 2000;
const MOST = 500;

/** Keep the page up to date until the returned function is called. */
export function follow(set, refused) {
  const held = { connected: false, status: null, incidents: new Map(), systems: [] };
  let place = "";
  let ended = false;
  let control = null;
  let waiting = 0;
  let looked = 0;
  let looking = 0;
  const show = (more) => !ended && set(Object.assign(held, more) && { ...held });

  const take = (kind, data, id) => {
    if (id) place = id;
    if (kind === "reset") show({ incidents: new Map() });
    if (kind === "incident") show({ incidents: newer(held.incidents, JSON.parse(data)) });
    if (kind === "status") {
      show({ status: JSON.parse(data), connected: true });
      look();
    }
  };

  // Soon after every news, and not more often than so: with many systems the answer is long.
  const look = () => {
    if (looking) return;
    looking = setTimeout(async () => {
      looked = Date.now();
      try {
        show({ systems: (await given("api/v1/systems")).systems });
      } catch {
        // What fails here fails for the stream as well, which says so.
      }
      looking = 0;
    }, Math.max(0, looked + SYSTEMS_MS - Date.now()));
  };

  const listen = async () => {
    control = new AbortController();
    try {
      const answer = await asked("api/v1/stream", { signal: control.signal, headers: place ? { "last-event-id": place } : {} });
      show({ connected: true });
      for await (const [kind, data, id] of events(answer.body)) take(kind, data, id);
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return refused();
    }
    show({ connected: false });
    if (!ended && !document.hidden) waiting = setTimeout(listen, AGAIN_MS);
  };

  // A tab that nobody sees holds no connection: browsers have few of them.
  const turned = () => {
    clearTimeout(waiting);
    control?.abort();
    if (!document.hidden) waiting = setTimeout(listen, 50);
  };
  document.addEventListener("visibilitychange", turned);
  listen();
  return () => {
    ended = true;
    document.removeEventListener("visibilitychange", turned);
    clearTimeout(waiting);
    clearTimeout(looking);
    control?.abort();
  };
}

function newer(incidents, brief) {
  const next = new Map(incidents);
  next.delete(brief.incident);
  next.set(brief.incident, brief);
  if (next.size > MOST) next.delete(next.keys().next().value);
  return next;
}

/** Yield [kind, data, id] of each event of a stream. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const fields = Object.fromEntries(part.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
      if (fields.event) yield [fields.event, fields.data, fields.id];
    }
  }
}
