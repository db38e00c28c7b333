// Elements, in one line each; and the few icons.

import { put } from "./words.js";

/**
 * An element.
 *
 * @param {string} tag
 * @param {object} properties `words`, `label`, `placeholder` and `title` are keys of sentences, or
 *   `[key, values]`; `on` is event -> what hears it; `style` is custom property -> value; a function
 *   or an object goes to the element itself; all else are attributes, of which false ones are left out.
 * @param {...(Node|string|null)} children
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (["words", "label", "placeholder", "title"].includes(name)) {
      const [key, values] = Array.isArray(value) ? value : [value, {}];
      put(element, key, values, name);
    } else if (name === "on") {
      for (const [event, heard] of Object.entries(value)) element.addEventListener(event, heard);
    } else if (name === "style") {
      // not as an attribute: the page's policy forbids styles inside of markup
      for (const [property, one] of Object.entries(value)) element.style.setProperty(property, one);
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const ICONS = {
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM15.3 15.3 20 20",
  ask: "M4 5.5h16v11h-8.5L7 20v-3.5H4zM10 9.3a2 2 0 1 1 2.7 1.9c-.5.2-.7.5-.7 1M12 14.2v.1",
  detect: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M8.5 8.5h7v7h-7z",
  locate: "M12 3v4M12 17v4M3 12h4M17 12h4M12 7.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Z",
  classify: "M4 4h7l9 9-7 7-9-9zM8 8v.1",
  describe: "M5 6h14M5 10.5h14M5 15h9M5 19.5h5",
  compare: "M9 6a6 6 0 1 0 0 12A6 6 0 0 0 9 6ZM15 6a6 6 0 1 1 0 12 6 6 0 0 1 0-12Z",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 2.5-2.5L20 17M15.5 9.5v.1",
  text: "M5 6V4.5h14V6M12 4.5v15M9 19.5h6",
  audio: "M4 10v4M8 7v10M12 4v16M16 8v8M20 10.5v3",
  video: "M4 5h16v14H4zM10 9v6l5-3z",
  play: "M8 5v14l11-7z",
  pause: "M8 5v14M16 5v14",
  close: "M6 6l12 12M18 6 6 18",
  upload: "M12 16V4M7 9l5-5 5 5M4 16v4h16v-4",
  alert: "M12 4 2.8 20h18.4zM12 10v4.5M12 17.2v.1",
  theme: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  spark: "M12 3l1.9 5.6L19.5 10.5l-5.6 1.9L12 18l-1.9-5.6L4.5 10.5l5.6-1.9zM18.5 16.5v4M16.5 18.5h4",
};

const SVG = "http://www.w3.org/2000/svg";

/** A drawing that says nothing to those who cannot see it. */
export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  drawing.append(path);
  return drawing;
}

/** Where there is nothing yet: an icon and a sentence or two. */
export const nothing = (drawn, words, hint) =>
  h(
    "div",
    { class: "nothing" },
    icon(drawn),
    h("p", { words }),
    hint ? h("p", { class: "soft", words: hint }) : null,
  );

/** One of a few, as buttons side by side that arrow keys walk through, as radio buttons are. */
export function choice(name, options, chosen, onChoice) {
  const group = h("div", { class: "choice", role: "radiogroup", label: name });
  const serial = `choice-${(choice.count = (choice.count ?? 0) + 1)}`;
  for (const { value, words, drawn } of options) {
    const button = h("input", {
      type: "radio",
      name: serial,
      value,
      checked: value === chosen,
      on: { change: () => onChoice(value) },
    });
    group.append(h("label", {}, button, drawn ? icon(drawn) : null, h("span", { words })));
  }
  return group;
}

/** Show what has been answered where it lies below what was asked, as on a phone. */
export function bringIntoView(element) {
  if (!matchMedia("(max-width: 820px)").matches) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  element.scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
}

/** A `<select>`; of one option, only its name. */
export function picker(words, options, chosen, onChoice) {
  const select = h("select", { on: { change: () => onChoice(select.value) } });
  for (const { value, words: named, text } of options) {
    const option = named ? h("option", { value, words: named }) : h("option", { value }, text);
    option.selected = value === chosen;
    select.append(option);
  }
  return h("label", { class: "picker" }, h("span", { words }), select);
}
