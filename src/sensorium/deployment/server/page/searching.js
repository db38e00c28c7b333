// The tab that searches a collection, by words, a picture or a sound.

import { file, Problem, search, show } from "./api.js";
import { more, timing } from "./answers.js";
import { forOneOf } from "./asking.js";
import { bringIntoView, choice, h, icon, nothing } from "./dom.js";
import { exampleButtons, filePlace, wordPlace } from "./inputs.js";
import { player } from "./player.js";
import { problem } from "./problems.js";
import { figure } from "./words.js";

const LIMIT = 24;
const AT_ONCE = 12; // the rest on demand

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
      const found = content.hits.map((one, at) => hit(one, at, like));
      const list = h("ol", { class: "hits" }, ...found.slice(0, AT_ONCE));
      const head = h("div", { class: "row" }, h("h3", { words }), h("span", { class: "space" }), timing(content));
      shown.replaceChildren(head, list);
      if (found.length > AT_ONCE) shown.append(more(found.length, () => list.append(...found.slice(AT_ONCE))));
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
  const tried = h("div");

  /** Search by another modality, which the switch shows, too. */
  function turn(to) {
    by = to;
    place.replaceChildren(given[by].element);
    const options = known.map((one) => ({ value: one, words: `modality.one.${one}`, drawn: one }));
    if (!ways.firstChild) ways.append(choice("search.by", options, by, turn));
    for (const input of ways.querySelectorAll("input")) input.checked = input.value === by;
    const fill = (values) => {
      given[by].set(values[by]);
      ask();
    };
    tried.replaceChildren(exampleButtons(model.id, [by], fill));
  }

  async function like(one) {
    const query = one.modality === "text" ? one.text : new File([await file(one.media)], one.file);
    turn(one.modality);
    given[by].set(query);
    ask();
  }

  turn(by);
  const found = known.map((one) => ({ value: one, words: `modality.many.${one}`, drawn: one }));
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
  const again = one.modality === "text" ? one.text : one.media;
  const similar = () => like(one);
  return h(
    "li",
    { class: "hit", label: ["answer.rank", { n: at + 1 }] },
    seen(one),
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

/** What is to be seen of a hit, and heard. */
function seen(one) {
  if (one.modality === "text" && !one.thumbnail) return null;
  const picture = one.thumbnail ? h("img", { alt: one.text ?? one.file ?? one.id }) : icon(one.modality);
  if (one.thumbnail) {
    picture.addEventListener("error", () => picture.replaceWith(icon(one.modality)), { once: true });
    show(picture, one.thumbnail);
  }
  const plays = one.media && ["audio", "video"].includes(one.modality);
  return plays ? player(one.modality, picture, () => file(one.media)) : h("div", { class: "seen" }, picture);
}
