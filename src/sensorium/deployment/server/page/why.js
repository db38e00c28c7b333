// What an answer rests on: heat over pictures, frames and spectrograms, shaded words, shares.

import { h } from "./dom.js";
import { figure, known } from "./words.js";

/**
 * @param {string} claim task, or `task/pair`; "" where there is no other.
 * @param {object} rests as the server explains it.
 * @param {object} inputs modality -> file or words.
 * @param {string} fit how the model takes a picture.
 */
export function why(claim, rests, inputs, fit) {
  const about = claim ? h("p", { class: "small" }, named(claim)) : null;
  const shown = [h("hr"), h("h3", { words: "why.title" }), about, key()];
  for (const [modality, places] of Object.entries(rests.modalities)) {
    shown.push(h("p", { class: "caption", words: `modality.one.${modality}` }), ...(HEAT[modality]?.(places, inputs[modality], fit) ?? []));
  }
  if (Object.keys(rests.shares).length > 1) shown.push(h("p", { class: "caption", words: "why.shares" }), shares(rests.shares));
  return shown.filter((one) => one !== null);
}

function named(claim) {
  const [task, pair] = claim.split("/");
  const [one, other] = (pair ?? "").split("_and_").map((name) => ({ word: `modality.${name}` }));
  const word = known(`why.${task}`) ? h("span", { words: `why.${task}` }) : h("span", {}, task);
  if (!pair) return word;
  return h("span", {}, word, " · ", h("span", { words: ["answer.pair", { one, other }] }));
}

const key = () =>
  h(
    "div",
    { class: "key" },
    h("span", {}, h("i", { class: "for" }), h("span", { words: "why.for" })),
    h("span", {}, h("i", { class: "against" }), h("span", { words: "why.against" })),
  );

const most = (values) => Math.max(...values.map(Math.abs), 1e-12);

/** A figure as a colour, of which the strongest is the least transparent. */
function colour(value, strongest) {
  const side = value < 0 ? "--against" : "--for";
  const rgb = getComputedStyle(document.documentElement).getPropertyValue(side);
  return `rgba(${rgb}, ${(Math.abs(value) / strongest).toFixed(3)})`;
}

/** Rows of figures as a small drawing, one pixel each, which is stretched. */
function heat(grid, strongest) {
  const drawing = h("canvas", { class: "over", width: grid[0].length, height: grid.length, "aria-hidden": "true" });
  const pen = drawing.getContext("2d");
  grid.forEach((row, y) =>
    row.forEach((value, x) => {
      pen.fillStyle = colour(value, strongest);
      pen.fillRect(x, y, 1, 1);
    }),
  );
  return drawing;
}

function over(grid, file, fit) {
  const picture = h("img", { class: `below ${fit}`, src: URL.createObjectURL(file), alt: "" });
  return h("div", { class: "heat" }, picture, heat(grid, most(grid.flat())));
}

function frames(grids) {
  const strongest = most(grids.flat(2));
  const one = (grid) => {
    const drawing = heat(grid, strongest);
    drawing.classList.remove("over");
    return h("div", { class: "heat frame" }, drawing);
  };
  return h("div", { class: "heats" }, ...grids.map(one));
}

function sound(grid) {
  const drawing = heat(grid, most(grid.flat()));
  return h("div", { class: "heat sound" }, drawing);
}

function words({ words: read, relevance }) {
  const strongest = most(relevance);
  const shade = (word, at) => {
    const said = `${figure(relevance[at], 3)}`;
    return h("span", { style: { background: colour(0.75 * relevance[at], strongest) }, "aria-description": said }, word);
  };
  return h("p", { class: "shaded" }, ...read.map(shade));
}

/** Modality -> elements that show what its places add. */
const HEAT = {
  image: (places, file, fit) => [over(places.grid, file, fit)],
  video: (places) => [h("p", { class: "small", words: "why.frames" }), frames(places.grids)],
  audio: (places) => [sound(places.grid), h("p", { class: "small" }, `0 – ${figure(places.seconds, 1)} s`)],
  text: (places) => [words(places)],
};

function shares(those) {
  const strongest = most(Object.values(those));
  const list = h("dl", { class: "bars" });
  for (const [modality, share] of Object.entries(those)) {
    const bar = h("i", { class: share < 0 ? "against" : "for", style: { "--share": `${(100 * Math.abs(share)) / strongest}%` } });
    list.append(h("dt", { words: `modality.one.${modality}` }), h("div", { class: "track", "aria-hidden": "true" }, bar), h("dd", {}, figure(share)));
  }
  return list;
}
