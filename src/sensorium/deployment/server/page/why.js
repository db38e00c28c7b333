// What an answer rests on: heat over pictures, frames and spectrograms, shaded words, shares.

import { h, picker } from "./dom.js";
import { figure, known } from "./words.js";

/**
 * @param {[string, object][]} claims `task` or `task/pair`, and what it rests on, as the server
 *   explains it; of several one is shown at a time.
 * @param {object} seen modality -> what the model had of it, as pictures.
 */
export function why(claims, seen) {
  const shown = h("div", { class: "stack" });
  const show = (name) => shown.replaceChildren(...places(Object.fromEntries(claims)[name], seen));
  const [first] = claims[0];
  show(first);
  const options = claims.map(([name]) => ({ value: name, ...named(name) }));
  const which = claims.length > 1 ? picker("why.of", options, first, show) : null;
  return [h("hr"), h("h3", { words: "why.title" }), which, key(), shown].filter((one) => one !== null);
}

/** What the places of each modality add, and each modality as a whole. */
function places(rests, seen) {
  const shown = Object.entries(rests.modalities).flatMap(([modality, of]) => [
    h("p", { class: "caption", words: `modality.one.${modality}` }),
    ...(HEAT[modality]?.(of, seen[modality]) ?? []),
  ]);
  if (Object.keys(rests.shares).length < 2) return shown;
  return [...shown, h("p", { class: "caption", words: "why.shares" }), shares(rests.shares)];
}

/** How a claim is called, as an option of a choice. */
function named(claim) {
  const [task, pair] = claim.split("/");
  const [one, other] = (pair ?? "").split("_and_").map((name) => ({ word: `modality.${name}` }));
  const word = known(`why.${task}`) ? `why.${task}` : "why.other";
  const about = { task, pair: pair ? { word: "answer.pair", with: { one, other } } : "" };
  return { words: [pair ? `${word}.pair` : word, about] };
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
  const drawing = h("canvas", { width: grid[0].length, height: grid.length, "aria-hidden": "true" });
  const pen = drawing.getContext("2d");
  grid.forEach((row, y) =>
    row.forEach((value, x) => {
      pen.fillStyle = colour(value, strongest);
      pen.fillRect(x, y, 1, 1);
    }),
  );
  return drawing;
}

/** Heat over a picture that the model had, both stretched to the same place. */
function over(grid, picture, strongest, kind) {
  return h("div", { class: `heat ${kind}` }, h("img", { src: picture, alt: "" }), heat(grid, strongest));
}

function frames(grids, pictures) {
  const strongest = most(grids.flat(2));
  const columns = [4, 3].find((number) => grids.length % number === 0) ?? 4;
  return h("div", { class: "heats", style: { "--columns": columns } }, ...grids.map((grid, at) => over(grid, pictures[at], strongest, "frame")));
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
  image: ({ grid }, [picture]) => [over(grid, picture, most(grid.flat()), "picture")],
  video: ({ grids }, pictures) => [frames(grids, pictures)],
  audio: ({ grid, seconds }, [picture]) => [
    over(grid, picture, most(grid.flat()), "sound"),
    h("p", { class: "small ends" }, h("span", {}, "0 s"), h("span", {}, `${figure(seconds, 1)} s`)),
  ],
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
