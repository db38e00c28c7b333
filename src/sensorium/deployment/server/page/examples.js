// Rows to try, as buttons.

import { examples, file, show } from "./api.js";
import { h, icon } from "./dom.js";

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
