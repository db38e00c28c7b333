// The tab that searches a collection, by words, a picture, a sound or a clip.

import { file, Problem, search } from "./api.js";
import { forOneOf } from "./asking.js";
import { bringIntoView, choice, h, icon, nothing } from "./dom.js";
import { exampleButtons } from "./examples.js";
import { hits } from "./hits.js";
import { filePlace, onPaste, wordPlace } from "./inputs.js";
import { silence } from "./player.js";
import { problem } from "./problems.js";

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
    silence();
    const query = given[by].get();
    if (query === null) return empty();
    shown.replaceChildren(h("div", { class: "waiting" }), h("p", { class: "soft", words: "answer.waiting" }));
    try {
      const content = await search(model.id, { [by]: query }, find, LIMIT, stop.signal);
      shown.replaceChildren(...hits(content, like));
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
  onPaste(form, given, (modality, pasted) => {
    turn(modality);
    given[modality].set(pasted);
    ask();
  });
  return [
    h("h2", { words: ["search.title", { media: known.map((one) => ({ word: `modality.a.${one}` })) }] }),
    h("p", { class: "lead", words: "search.lead" }),
    h("div", { class: "columns" }, form, shown),
  ];
}
