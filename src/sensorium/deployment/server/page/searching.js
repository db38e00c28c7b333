// The tab that searches a collection, by words, a picture or a sound.

import { file, Problem, search, showPicture } from "./api.js";
import { timing } from "./answers.js";
import { forOneOf } from "./asking.js";
import { bringIntoView, choice, h, icon, nothing } from "./dom.js";
import { exampleButtons, filePlace, wordPlace } from "./inputs.js";
import { problem } from "./problems.js";
import { figure } from "./words.js";

const LIMIT = 24;

/** @param {object[]} models that have an index. */
export function searching(models) {
  return forOneOf(models, desk);
}

function desk(model, models) {
  const known = [...model.embeddings.modalities].sort((one) => (one === "text" ? -1 : 0));
  let by = known.includes("text") ? "text" : known[0];
  let find = known.find((one) => one !== by) ?? by;
  if (by !== "image" && known.includes("image")) find = "image";
  let stop = new AbortController();
  const shown = h("div", { class: "stack", "aria-live": "polite" });
  const empty = () => shown.replaceChildren(nothing("search", "search.empty", "search.empty.hint"));
  empty();

  async function ask(event) {
    event?.preventDefault();
    stop.abort();
    stop = new AbortController();
    const query = given[by].get();
    if (query === null) return empty();
    shown.replaceChildren(h("div", { class: "waiting" }), h("p", { class: "soft", words: "answer.waiting" }));
    try {
      const content = await search(model.id, { [by]: query }, find, LIMIT, stop.signal);
      const words = content.hits.length ? ["search.found", { n: content.hits.length }] : "search.none";
      const list = h("ol", { class: "hits" }, ...content.hits.map((one, at) => hit(one, at, like)));
      shown.replaceChildren(h("div", { class: "row" }, h("h3", { words }), h("span", { class: "space" }), timing(content)), list);
      bringIntoView(shown);
    } catch (error) {
      if (error.name === "AbortError") return null;
      if (!(error instanceof Problem)) throw error;
      shown.replaceChildren(problem(error, ask, model.limits));
    }
    return null;
  }

  const given = {};
  for (const one of known) {
    given[one] = one === "text" ? wordPlace("search.query", "search.words.placeholder", ask) : filePlace(one);
  }
  const place = h("div");
  const ways = h("div");

  /** Search by another modality, which the switch shows, too. */
  function turn(to) {
    by = to;
    place.replaceChildren(given[by].element);
    const options = known.map((one) => ({ value: one, words: `modality.one.${one}`, drawn: one }));
    if (!ways.firstChild) ways.append(choice("search.by", options, by, turn));
    for (const input of ways.querySelectorAll("input")) input.checked = input.value === by;
  }

  async function like(one) {
    const query = one.modality === "text" ? one.text : new File([await file(one.media)], one.file);
    turn(one.modality);
    given[by].set(query);
    ask();
  }

  turn(by);
  const found = known.map((one) => ({ value: one, words: `modality.many.${one}`, drawn: one }));
  const tried = exampleButtons(model.id, known, (values) => {
    const way = by in values ? by : Object.keys(values)[0];
    turn(way);
    given[way].set(values[way]);
    ask();
  });
  const form = h(
    "form",
    { class: "card stack", on: { submit: ask } },
    models,
    h("div", { class: "field" }, h("span", { words: "search.by" }), ways),
    place,
    h("div", { class: "field" }, h("span", { words: "search.find" }), h("div", {}, choice("search.find", found, find, (to) => {
      find = to;
      ask();
    }))),
    h("button", { class: "main" }, icon("search"), h("span", { words: "search.go" })),
    tried,
  );
  return [
    h("h2", { words: ["search.title", { media: known.map((one) => ({ word: `modality.a.${one}` })) }] }),
    h("p", { class: "lead", words: "search.lead" }),
    h("div", { class: "columns" }, form, shown),
  ];
}

/** One of those that were found. */
function hit(one, at, like) {
  const shown = h("div", { class: "seen" });
  if (one.thumbnail) {
    const picture = h("img", { alt: one.text ?? one.file ?? one.id });
    showPicture(picture, one.thumbnail);
    shown.append(picture);
  } else shown.append(icon(one.modality));
  const again = one.modality === "text" ? one.text : one.media;
  const similar = () => like(one);
  return h(
    "li",
    { class: "hit", label: ["answer.rank", { n: at + 1 }] },
    one.modality === "text" && !one.thumbnail ? null : shown,
    player(one),
    one.text ? h("p", {}, one.text) : h("p", { class: "soft" }, one.file ?? one.id),
    h(
      "div",
      { class: "score", label: ["search.score", { score: figure(one.score) }] },
      h("div", { class: "track", "aria-hidden": "true" }, h("i", { style: { "--share": `${100 * Math.max(0, one.score)}%` } })),
      figure(one.score),
    ),
    again ? h("button", { type: "button", class: "tiny", words: "search.like_this", on: { click: similar } }) : null,
  );
}

/** A button that plays what can be played. */
function player(one) {
  if (!one.media || !["audio", "video"].includes(one.modality)) return null;
  const button = h("button", { type: "button", class: "tiny" }, icon("play"), h("span", { words: "search.play" }));
  button.addEventListener("click", async () => {
    const playing = h(one.modality, { controls: true, src: URL.createObjectURL(await file(one.media)) });
    button.replaceWith(playing);
    playing.focus();
    await playing.play().catch(() => null); // the browser may forbid it, and shows its own controls
  });
  return button;
}
