// What a model said, task by task.

import { boxes } from "./boxes.js";
import { h, nothing } from "./dom.js";
import { why } from "./why.js";
import { figure } from "./words.js";

const BARS = 8; // so many at once; the rest on demand

const percent = (share) => `${figure(100 * share, share > 0 && share < 0.1 ? 1 : 0)} %`;

/**
 * Elements that show an answer.
 *
 * @param {object} content of the server's answer.
 * @param {string[]} tasks whose answers are shown.
 * @param {object} inputs modality -> file or words.
 */
export function answer(content, tasks, inputs) {
  const [said] = content.predictions;
  const known = Object.keys(said).filter((name) => tasks.includes(name));
  const shown = known.flatMap((name) => SHOWN[name](said[name], inputs));
  const claims = Object.entries(said.explanation ?? {}).filter(([claim]) => tasks.includes(claim.split("/")[0]));
  if (claims.length > 0) shown.push(...why(claims, said.seen));
  if (shown.length === 0) shown.push(nothing("spark", "answer.nothing_found"));
  const all = [h("h3", { class: "caption", words: "answer.title" }), ...shown, timing(content), json(said)];
  return all.filter((one) => one !== null);
}

/** How long it took. */
export function timing(content) {
  const ms = (number) => `${figure(number, number < 10 ? 1 : 0)} ms`;
  const { model_ms: model, queued_ms: queue } = content.timing;
  const values = { model: ms(model), queue: ms(queue), all: ms(content.milliseconds) };
  return h("p", { class: "small", words: ["answer.timing", values] });
}

/** The answer as a program gets it, but for the pictures in it. */
const json = ({ seen, ...said }) =>
  h("details", {}, h("summary", { words: "answer.json" }), h("pre", { tabindex: 0 }, JSON.stringify(said, null, 2)));

/** Rows of a name, its share as a bar, and what is told of it: `{name or words, share, told}`. */
function table(rows, list = h("dl", { class: "bars" })) {
  for (const { name, words, share, told } of rows) {
    const bar = h("i", { style: { "--share": `${100 * share}%` } });
    list.append(h("dt", words ? { words } : {}, name), h("div", { class: "track", "aria-hidden": "true" }, bar), h("dd", {}, told));
  }
  return list;
}

/** Names with their probabilities as bars, the likeliest first: an object has names such as "2" first. */
function bars(probabilities) {
  const rows = Object.entries(probabilities).map(([name, share]) => ({ name, share, told: percent(share) }));
  rows.sort((one, other) => other.share - one.share);
  const list = table(rows.slice(0, BARS));
  return [list, rows.length > BARS ? more(rows.length, () => table(rows.slice(BARS), list)) : null];
}

/** A button that shows the rest of so many, once. */
export function more(number, show) {
  const button = h("button", { type: "button", class: "tiny more", words: ["answer.more", { n: number }] });
  button.addEventListener("click", () => {
    show();
    button.remove();
  });
  return button;
}

const large = (text) => h("p", { class: text.length > 40 ? "said long" : "said" }, text);

function classified(said) {
  const labels = said.labels ?? [said.label];
  const top = labels.length ? large(labels.join(", ")) : h("p", { words: "answer.none_of" });
  return [top, ...bars(said.probabilities)];
}

/** What is said of pairs: `image_and_text` -> figure. */
function pairs(said, words, shown) {
  const rows = Object.entries(said).map(([pair, number]) => {
    const [one, other] = pair.split("_and_").map((name) => ({ word: `modality.${name}` }));
    return { words: ["answer.pair", { one, other }], share: Math.max(0, number), told: shown(number) };
  });
  const [only] = rows;
  return [h("p", { class: "caption", words }), rows.length === 1 ? large(only.told) : null, table(rows)];
}

const written = (said) => [large(said.answer ?? said.caption ?? Object.values(said)[0])];

/** Task -> elements that show what it said. */
const SHOWN = {
  question_answering: (said) => [large(said.answer), ...bars(said.probabilities)],
  answer_generation: written,
  captioning: written,
  classification: classified,
  regression: (said) => [large(figure(said.number))],
  detection: (said, inputs) => boxes(inputs.image, said.boxes, said.labels, said.scores),
  grounding: (said, inputs) => boxes(inputs.image, [said.box], [""], [said.score]),
  contrastive: (said) => pairs(said, "why.contrastive", (n) => figure(n)),
  matching: (said) => pairs(said, "why.matching", percent),
};
