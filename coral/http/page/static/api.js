// Asking the server that the page came from, with the token if one was entered.

/** The server answered, and said no. */
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** Return the address of an incident. */
export function under(incident) {
  return `api/v1/incidents/${encodeURIComponent(incident)}`;
}

/** Return the headers of every request. */
export function headers(more = {}) {
  const token = sessionStorage.getItem("coral-token");
  return token ? { ...more, authorization: `Bearer ${token}` } : more;
}

/** Forget the token. */
export function forget() {
  sessionStorage.removeItem("coral-token");
}

/** Return an answer, once it is known not to be a refusal. */
export async function asked(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: headers(options.headers), cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer; it is asked again.");
  }
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({ error: answer.statusText }));
    throw new Refused(answer.status, told.error ?? String(answer.status));
  }
  return answer;
}

/** Return the JSON at an address. */
export async function given(path) {
  return (await asked(path)).json();
}
