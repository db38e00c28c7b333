// A tab in which something is given to a model, and its answer shown.

import { predict, Problem } from "./api.js";
import { answer } from "./answers.js";
import { bringIntoView, h, icon, nothing, picker } from "./dom.js";
import { exampleButtons } from "./examples.js";
import { places } from "./inputs.js";
import { problem } from "./problems.js";

/** Modalities that a tab asks for, of those that a model knows. */
const ASKED = {
  detect: (known) => known.filter((one) => one === "image"),
  locate: (known) => known.filter((one) => ["image", "text"].includes(one)),
  describe: (known) => known.filter((one) => one !== "text"),
};

/**
 * @param {string} tab its name.
 * @param {object[]} models that know one of the tasks.
 * @param {string[]} tasks whose answers are shown.
 */
export function predicting(tab, models, tasks) {
  return forOneOf(models, (model, choice) => desk(tab, model, tasks, choice));
}

/**
 * What is built for one of some models: for the first, until another is chosen.
 *
 * @param {object[]} models
 * @param {function} build (model, the choice among them or null) -> elements.
 */
export function forOneOf(models, build) {
  const root = h("div");
  const options = models.map((one) => ({ value: one.id, text: one.id }));
  const choose = (id) => {
    const choice = models.length < 2 ? null : picker("input.model", options, id, choose);
    root.replaceChildren(...build(models.find((one) => one.id === id), choice));
  };
  choose(models[0].id);
  return root;
}

function desk(tab, model, tasks, models) {
  const modalities = ASKED[tab]?.(model.modalities) ?? model.modalities;
  const media = modalities.filter((one) => one !== "text" || tab === "compare").map((one) => ({ word: `modality.a.${one}` }));
  const shown = h("div", { class: "card stack", "aria-live": "polite" });
  shown.append(nothing(tab, "answer.empty", "answer.empty.hint"));
  const why = h("input", { type: "checkbox" });
  let stop = new AbortController();

  async function ask(event) {
    event?.preventDefault();
    stop.abort();
    stop = new AbortController();
    const inputs = given.get();
    if (Object.keys(inputs).length === 0) {
      shown.replaceChildren(nothing(tab, "answer.empty", "answer.empty.hint"));
      return;
    }
    shown.replaceChildren(h("div", { class: "waiting" }), h("p", { class: "soft", words: "answer.waiting" }));
    try {
      const content = await predict(model.id, inputs, why.checked, stop.signal);
      shown.replaceChildren(...answer(content, tasks, inputs));
      bringIntoView(shown);
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Problem)) throw error;
      shown.replaceChildren(problem(error, ask, model.limits));
    }
  }

  const words = ["ask", "locate", "classify", "compare"].includes(tab) ? tab : "compare";
  const given = places(modalities, { words: `${words}.text`, placeholder: `${words}.text.placeholder` }, ask);
  const tried = exampleButtons(model.id, modalities, (values) => {
    given.set(values);
    ask();
  });
  const form = h(
    "form",
    { class: "card stack", label: "input.what", on: { submit: ask } },
    models,
    given.element,
    model.explain
      ? h("label", { class: "check" }, why, h("span", { words: "input.explain" }))
      : null,
    h("button", { class: "main" }, icon(tab), h("span", { words: `${tab}.go` })),
    tried,
  );
  return [
    h("h2", { words: `${tab}.title` }),
    h("p", { class: "lead", words: [`${tab}.lead`, { media }] }),
    h("div", { class: "columns" }, form, shown),
  ];
}
