// What goes to a model: files that are dropped, chosen or pasted, and words.

import { h, icon } from "./dom.js";
import { put } from "./words.js";

const KINDS = {
  image: ["image/"],
  audio: ["audio/", "video/", "application/ogg"],
  video: ["video/", "image/gif", "image/webp"],
};

const fits = (modality, type) => type === "" || KINDS[modality].some((kind) => type.startsWith(kind));

/** How a file looks or sounds, by an address of the browser's own; a moving picture may be a GIF. */
function preview(modality, { type }, address, onFail) {
  const tag = type.startsWith("image/") ? "img" : { image: "img", audio: "audio", video: "video" }[modality];
  const shown = h(tag, { src: address, alt: "", controls: tag !== "img", on: { error: onFail } });
  if (tag !== "img") shown.muted = tag === "video";
  return shown;
}

/**
 * A place for one file.
 *
 * @param {string} modality
 * @returns {{element, get, set, takes}}
 */
export function filePlace(modality) {
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
    const shown = preview(modality, held, address, failed);
    const gone = h(
      "button",
      { type: "button", class: "quiet round", label: ["input.remove", { what }], on: { click: () => set(null) } },
      icon("close"),
    );
    return h("div", { class: "given" }, shown, name, gone);
  }

  set(null);
  return { element, set, get: () => held, takes: (type) => type !== "" && fits(modality, type) };
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
  onPaste(element, Object.fromEntries(all), (modality, file) => all.get(modality).set(file));
  const get = () => {
    const given = [...all].map(([modality, place]) => [modality, place.get()]);
    return Object.fromEntries(given.filter(([, value]) => value !== null));
  };
  const set = (values) => all.forEach((place, modality) => place.set(values[modality] ?? null));
  return { element, get, set };
}

/**
 * Files that are pasted go to the first place that takes their kind.
 *
 * @param {HTMLElement} element inside of which they are pasted.
 * @param {object} known modality -> its place.
 * @param {function} take gets the modality and the file.
 */
export function onPaste(element, known, take) {
  element.addEventListener("paste", (event) => {
    const [file] = event.clipboardData.files;
    const modality = Object.keys(known).find((one) => file && known[one].takes?.(file.type));
    if (!modality) return;
    event.preventDefault();
    take(modality, file);
  });
}
