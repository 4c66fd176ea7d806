// Sentences as CORAL writes them: names stand between backticks, everything is text.
import { html } from "./html.js";

/** Return a sentence with its names set as names. */
export function prose(text) {
  const parts = text.split("`");
  // An odd backtick is no name: the rest is text.
  return parts.map((part, i) => (i % 2 && i < parts.length - 1 ? html`<code>${part}</code>` : part));
}

/** Return a summary, its first sentence as what is read when nothing else is. */
export function summary(text) {
  // A full stop within a name ends no sentence.
  const [first] = /^(?:`[^`]*`|[^`])*?\.(?=\s|$)/.exec(text) ?? [text];
  return html`<strong>${prose(first)}</strong>${prose(text.slice(first.length))}`;
}

/** Return sentences as a list, or as one paragraph if there is one. */
export function sentences(texts) {
  if (texts.length === 1) return html`<p>${prose(texts[0])}</p>`;
  return html`<ul>${texts.map((text) => html`<li>${prose(text)}</li>`)}</ul>`;
}

/** Return labelled sentences as a list of definitions. */
export function definitions(rows) {
  return html`<dl>${rows.map(({ label, texts }) => html`<div><dt>${label}</dt><dd>${sentences(texts)}</dd></div>`)}</dl>`;
}

/** Return text cut to so many characters; whoever shows it has the whole of it elsewhere. */
export function shortened(text, most) {
  const letters = [...text];
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join("")}…`;
}

/** Return a name in which nothing is hidden: control, format and line-breaking characters are written out. */
export function printable(text) {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (letter) => {
    const code = letter.codePointAt(0);
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
  });
}
