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

// Scripts with letters that look like Latin ones; and those that pass for one by themselves, as in coral/text.py.
const ALIKE = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}\uff21-\uff5a\u{1d400}-\u{1d7ff}]/u;
const PASSING =
  "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u04bb" +
  "\u0501\u051b\u051d\u0475\u04cf\u0433" +
  "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423" +
  "\u0425\u0405\u0406\u0408\u04ae\u050c\u051a\u051c\u0474\u04c0" +
  "\u03b1\u03b3\u03b9\u03bd\u03bf\u03c1\u03c3\u03c5" +
  "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1" +
  "\u03a4\u03a5\u03a7" +
  "\u057d\u0578\u0585\u0570\u0581\u0566\u0575\u054d\u0555\u054f\u053c" +
  "\u13a0\u13a1\u13a2\u13a9\u13aa\u13ab\u13ac\u13b3\u13b7\u13bb\u13c0" +
  "\u13c2\u13c3\u13d9\u13da\u13de\u13df\u13e2\u13e6\u13e7\u13f4" +
  "\u2c9e\u2c9f\u2ca2\u2ca3\u2ca4\u2ca5\u2cac\u2cad\u2c98\u2c9a\u2c92" +
  "\u2c94\u2c8e\u2ca6\u2ca8";

/** Return a name in which nothing is hidden or passes for another: as `printable` of coral/text.py does. */
export function printable(text) {
  return text.replace(/\p{L}+/gu, apart).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, escaped);
}

function apart(word) {
  const letters = [...word];
  const mixed = letters.some((letter) => !ALIKE.test(letter) && /\p{Script=Latin}/u.test(letter));
  if (!ALIKE.test(word) || !(mixed || letters.every(passes))) return word;
  return letters.map((letter) => (ALIKE.test(letter) ? escaped(letter) : letter)).join("");
}

function passes(letter) {
  return PASSING.includes(letter) || letter.normalize("NFKC") < "\x80";
}

function escaped(letter) {
  const code = letter.codePointAt(0);
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}
