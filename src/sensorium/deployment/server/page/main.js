// The page: asks what the models can do, and shows a tab for each of that.

import { models, Problem } from "./api.js";
import { predicting } from "./asking.js";
import { settle } from "./colours.js";
import { h, icon, nothing } from "./dom.js";
import { problem } from "./problems.js";
import { searching } from "./searching.js";
import { put, rewrite, switchLanguage } from "./words.js";

const QUESTIONS = ["question_answering", "answer_generation"];

/** Name of a tab -> the tasks that fill it; null stands for a search index. */
const TABS = {
  search: null,
  ask: QUESTIONS,
  detect: ["detection"],
  locate: ["grounding"],
  classify: ["classification", "regression"],
  describe: ["captioning"],
  compare: ["contrastive", "matching"],
};

const content = document.getElementById("content");

function remember(name, value) {
  try {
    localStorage.setItem(`sensorium.${name}`, value);
  } catch {
    // storage is forbidden: it holds until the page is closed
  }
}

function switches() {
  const language = document.getElementById("language");
  put(language, "page.language.label", {}, "label");
  language.addEventListener("click", () => remember("language", switchLanguage()));
  const theme = document.getElementById("theme");
  theme.append(icon("theme"));
  theme.addEventListener("click", () => {
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.dataset.theme = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
    remember("theme", root.dataset.theme);
  });
}

function able(model, tab) {
  if (TABS[tab] === null) return model.search && model.embeddings !== null;
  if (tab === "compare" && model.modalities.length < 2) return false;
  return TABS[tab].some((task) => task in model.tasks);
}

function build(tab, listed) {
  if (tab === "search") return searching(listed);
  return predicting(tab, listed, TABS[tab]);
}

/** Tabs, of which arrow keys choose; each panel is built when it is first seen. */
function tabs(listed) {
  const names = Object.keys(TABS).filter((tab) => listed.some((model) => able(model, tab)));
  if (names.length === 0) {
    content.replaceChildren(nothing("spark", "page.no_models", "page.no_models.hint"));
    return;
  }
  const buttons = new Map();
  const panels = new Map();
  const choose = (name, focus) => {
    if (!panels.has(name)) {
      const those = listed.filter((model) => able(model, name));
      const panel = h("section", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}` });
      panel.append(build(name, those));
      panels.set(name, panel);
      content.append(panel);
    }
    for (const [one, panel] of panels) panel.hidden = one !== name;
    for (const [one, button] of buttons) {
      button.setAttribute("aria-selected", String(one === name));
      button.tabIndex = one === name ? 0 : -1;
    }
    if (focus) buttons.get(name).focus();
    history.replaceState(null, "", `#${name}`);
  };
  const moved = (event) => {
    const now = names.findIndex((name) => buttons.get(name) === document.activeElement);
    const last = names.length - 1;
    const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(names[(to + names.length) % names.length], true);
  };
  const list = h("div", { class: "tabs", role: "tablist", label: "page.tabs", on: { keydown: moved } });
  for (const name of names) {
    const button = h(
      "button",
      { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, on: { click: () => choose(name) } },
      icon(name),
      h("span", { words: `${name}.tab` }),
    );
    buttons.set(name, button);
    list.append(button);
  }
  document.getElementById("tabs").replaceChildren(list);
  const asked = location.hash.slice(1);
  content.replaceChildren();
  choose(names.includes(asked) ? asked : names[0]);
}

async function begin() {
  content.replaceChildren(
    h("div", { class: "stack", role: "status" }, h("div", { class: "waiting" }), h("p", { class: "soft", words: "page.loading" })),
  );
  try {
    const listed = await models();
    settle(listed.flatMap((model) => model.tasks.detection?.classes ?? []));
    tabs(listed);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    content.replaceChildren(problem(error, begin));
  }
}

rewrite();
switches();
begin();
