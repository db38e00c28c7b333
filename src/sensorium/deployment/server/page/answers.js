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
 * @param {string} fit how the model takes a picture: `crop`, `pad`, `stretch` or `native`.
 */
export function answer(content, tasks, inputs, fit) {
  const [said] = content.predictions;
  const known = Object.keys(said).filter((name) => tasks.includes(name));
  const shown = known.flatMap((name) => SHOWN[name](said[name], inputs));
  const claims = Object.entries(said.explanation ?? {}).filter(([claim]) => tasks.includes(claim.split("/")[0]));
  for (const [claim, rests] of claims) shown.push(...why(claims.length > 1 ? claim : "", rests, inputs, fit));
  if (shown.length === 0) shown.push(nothing("spark", "answer.nothing_found"));
  return [h("h3", { class: "caption", words: "answer.title" }), ...shown, timing(content), json(said)];
}

/** How long it took. */
export function timing(content) {
  const ms = (number) => `${figure(number, number < 10 ? 1 : 0)} ms`;
  const all = ms(content.milliseconds);
  if (!content.timing) return h("p", { class: "small", words: ["answer.timing.all", { all }] });
  const { model_ms: model, queued_ms: queue } = content.timing;
  return h("p", { class: "small", words: ["answer.timing", { model: ms(model), queue: ms(queue), all }] });
}

const json = (said) =>
  h("details", {}, h("summary", { words: "answer.json" }), h("pre", { tabindex: 0 }, JSON.stringify(said, null, 2)));

/** Names with their probabilities as bars, the likeliest first. */
function bars(probabilities) {
  const list = h("dl", { class: "bars" });
  const rows = Object.entries(probabilities);
  const add = ([name, share]) =>
    list.append(
      h("dt", {}, name),
      h("div", { class: "track", "aria-hidden": "true" }, h("i", { style: { "--share": `${100 * share}%` } })),
      h("dd", {}, percent(share)),
    );
  rows.slice(0, BARS).forEach(add);
  if (rows.length <= BARS) return [list];
  const more = h("button", { type: "button", class: "tiny quiet", words: ["answer.more", { n: rows.length }] });
  more.addEventListener("click", () => {
    rows.slice(BARS).forEach(add);
    more.remove();
  });
  return [list, more];
}

const large = (text) => h("p", { class: "said" }, text);

function classified(said) {
  const labels = said.labels ?? [said.label];
  const top = labels.length ? large(labels.join(", ")) : h("p", { words: "answer.none_of" });
  return [top, ...bars(said.probabilities)];
}

/** What is said of pairs: `image_and_text` -> figure. */
function pairs(said, words, shown, share) {
  return Object.entries(said).flatMap(([pair, number]) => {
    const [one, other] = pair.split("_and_").map((name) => ({ word: `modality.${name}` }));
    const named = { word: "answer.pair", with: { one, other } };
    return [
      h("p", { words: [words, { pair: named }] }),
      large(shown(number)),
      h("div", { class: "track", "aria-hidden": "true" }, h("i", { style: { "--share": `${100 * share(number)}%` } })),
    ];
  });
}

const written = (said) => [large(said.answer ?? said.caption ?? Object.values(said)[0])];
const own = (value) => Math.max(0, Math.min(1, value));

/** Task -> elements that show what it said. */
const SHOWN = {
  question_answering: (said) => [large(said.answer), ...bars(said.probabilities)],
  answer_generation: written,
  captioning: written,
  classification: classified,
  regression: (said) => [large(figure(said.number))],
  detection: (said, inputs) => boxes(inputs.image, said.boxes, said.labels, said.scores),
  grounding: (said, inputs) => boxes(inputs.image, [said.box], [""], [said.score]),
  contrastive: (said) => pairs(said, "answer.similarity", (n) => figure(n), own),
  matching: (said) => pairs(said, "answer.belongs", percent, own),
};

export { percent };
