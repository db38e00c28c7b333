// What goes to a model: files that are dropped, chosen or pasted, and words; and rows to try.

import { examples, file, show } from "./api.js";
import { h, icon } from "./dom.js";
import { put } from "./words.js";

const KINDS = {
  image: ["image/"],
  audio: ["audio/", "video/", "application/ogg"],
  video: ["video/", "image/gif", "image/webp"],
};

const fits = (modality, type) => type === "" || KINDS[modality].some((kind) => type.startsWith(kind));

/** How a file looks or sounds, by an address of the browser's own. */
function preview(modality, address, onFail) {
  const tag = { image: "img", audio: "audio", video: "video" }[modality];
  const shown = h(tag, { src: address, alt: "", controls: tag !== "img", on: { error: onFail } });
  if (tag !== "img") shown.muted = tag === "video";
  return shown;
}

/**
 * A place for one file.
 *
 * @param {string} modality
 * @param {function} onChange told that there is another file, or none.
 * @returns {{element, get, set, takes}}
 */
export function filePlace(modality, onChange = () => {}) {
  const what = { word: `modality.one.${modality}` };
  const element = h("div", { class: "field" }, h("span", { words: what.word }));
  const said = h("p", { class: "small", role: "alert" });
  let held = null;
  let address = null;

  function set(given) {
    if (given && !fits(modality, given.type)) {
      const media = { word: `modality.a.${modality}` };
      put(said, "input.wrong", { name: given.name ?? "", media });
      element.append(said);
      return;
    }
    said.remove();
    if (address) URL.revokeObjectURL(address);
    held = given;
    address = given ? URL.createObjectURL(given) : null;
    const focused = element.contains(document.activeElement);
    const next = given ? filled() : empty();
    element.replaceChildren(element.firstChild, next);
    if (focused) next.querySelector("input, button").focus();
    onChange();
  }

  function empty() {
    const accept = KINDS[modality].map((kind) => (kind.endsWith("/") ? `${kind}*` : kind)).join(",");
    const media = { word: `modality.a.${modality}` };
    const input = h("input", { type: "file", accept, label: ["input.drop", { media }] });
    input.addEventListener("change", () => input.files[0] && set(input.files[0]));
    const zone = h(
      "label",
      { class: "drop" },
      icon("upload"),
      h("strong", { words: ["input.drop", { media }] }),
      h("span", { class: "small", words: "input.choose" }),
      input,
    );
    zone.addEventListener("dragover", (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      if (event.dataTransfer.files[0]) set(event.dataTransfer.files[0]);
    });
    return zone;
  }

  function filled() {
    const name = h("span", { class: "name" }, held.name ?? "");
    const failed = () => {
      shown.remove();
      name.append(" · ", h("span", { words: "input.no_preview" }));
    };
    const shown = preview(modality, address, failed);
    const gone = h(
      "button",
      { type: "button", class: "quiet round", label: ["input.remove", { what }], on: { click: () => set(null) } },
      icon("close"),
    );
    return h("div", { class: "given" }, shown, name, gone);
  }

  set(null);
  return { element, set, get: () => held, address: () => address, takes: (type) => type !== "" && fits(modality, type) };
}

/** A place for words. `Enter` sends them, as `onEnter` says; with the shift key it begins a line. */
export function wordPlace(words, placeholder, onEnter) {
  const area = h("textarea", { rows: 2, placeholder });
  area.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    onEnter();
  });
  const element = h("label", { class: "field" }, h("span", { words }), area);
  return { element, get: () => area.value.trim() || null, set: (value) => (area.value = value ?? "") };
}

/**
 * Places for several modalities at once.
 *
 * @param {string[]} modalities
 * @param {{words: string, placeholder: string}} text how its place is called.
 * @param {function} onEnter
 */
export function places(modalities, text, onEnter) {
  const all = new Map();
  for (const modality of modalities.filter((one) => one !== "text")) all.set(modality, filePlace(modality));
  if (modalities.includes("text")) all.set("text", wordPlace(text.words, text.placeholder, onEnter));
  const element = h("div", { class: "stack" }, ...[...all.values()].map((place) => place.element));
  element.addEventListener("paste", (event) => {
    const pasted = event.clipboardData?.files[0];
    const place = [...all.values()].find((one) => pasted && one.takes?.(pasted.type));
    if (!place) return;
    event.preventDefault();
    place.set(pasted);
  });
  const get = () => {
    const given = [...all].map(([modality, place]) => [modality, place.get()]);
    return Object.fromEntries(given.filter(([, value]) => value !== null));
  };
  const set = (values) => all.forEach((place, modality) => place.set(values[modality] ?? null));
  const address = (modality) => all.get(modality)?.address?.();
  return { element, get, set, address };
}

/**
 * Buttons that fill the places with rows of the server.
 *
 * @param {string} model
 * @param {string[]} modalities that the places take.
 * @param {function} onChoice gets modality -> file or words.
 */
export function exampleButtons(model, modalities, onChoice) {
  const list = h("div", { class: "examples" });
  const element = h("div", { class: "field", hidden: true }, h("span", { words: "input.examples" }), list);
  examples(model).then((rows) => {
    const fit = rows.filter((row) => modalities.some((one) => one in row.inputs));
    list.append(...fit.map((row) => exampleButton(row, modalities, onChoice)));
    element.hidden = fit.length === 0;
  });
  return element;
}

function exampleButton({ id, inputs, files }, modalities, onChoice) {
  const given = modalities.filter((one) => one in inputs);
  const what = inputs.text ?? files[given[0]] ?? id;
  const button = h("button", { type: "button", class: "example", label: ["input.try", { what }] });
  for (const modality of given.filter((one) => one !== "text")) button.append(small(modality, inputs[modality]));
  if (given.some((one) => ["text", "audio"].includes(one))) button.append(h("span", {}, what));
  button.addEventListener("click", async () => {
    const values = {};
    for (const modality of given) {
      const value = inputs[modality];
      values[modality] = modality === "text" ? value : new File([await file(value)], files[modality] ?? id);
    }
    onChoice(values);
  });
  return button;
}

/** The file of an example, small: a picture, the begin of a clip, or a sign for a sound. */
function small(modality, address) {
  if (modality === "audio") return icon("audio");
  const shown = modality === "image" ? h("img", { alt: "", loading: "lazy" }) : h("video", { preload: "metadata" });
  shown.muted = true;
  show(shown, address);
  return shown;
}
