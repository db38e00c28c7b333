// Boxes over a picture, in pixels of its file.

import { hue } from "./colours.js";
import { h, nothing } from "./dom.js";
import { figure } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {Blob} file the picture.
 * @param {number[][]} sides of each box: left, top, right, bottom.
 * @param {string[]} labels of each; "" where there is nothing to tell them apart by.
 * @param {number[]} scores
 */
export function boxes(file, sides, labels, scores) {
  const image = h("img", { src: URL.createObjectURL(file), alt: "" });
  const stage = h("div", { class: "boxes" }, image);
  const names = [...new Set(labels)].sort();
  const legend = h("div", { class: "legend" });
  const none = nothing("detect", "answer.nothing_found");
  const least = Math.floor(100 * Math.min(...scores, 1));
  let from = least / 100;

  function draw() {
    stage.replaceChildren(image);
    const { naturalWidth: width, naturalHeight: height } = image;
    if (!width) return;
    stage.style.setProperty("--natural", `${width}px`);
    stage.style.setProperty("--aspect", width / height);
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    drawing.setAttribute("preserveAspectRatio", "none");
    stage.append(drawing);
    const kept = labels.map((label, at) => ({ label, score: scores[at], sides: sides[at] })).filter((one) => one.score >= from);
    for (const one of kept) {
      const [left, top, right, bottom] = one.sides;
      const box = document.createElementNS(SVG, "rect");
      const places = { x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) };
      for (const [name, value] of Object.entries(places)) box.setAttribute(name, value);
      box.style.setProperty("--hue", hue(one.label));
      drawing.append(box);
      const place = { top: `${(100 * Math.max(top, height * 0.035)) / height}%` };
      if (left < 0.7 * width) place.left = `${(100 * left) / width}%`;
      else place.right = `${100 - (100 * Math.min(right, width)) / width}%`; // it would leave the picture
      const score = figure(100 * one.score, 0);
      stage.append(h("span", { class: "tag", style: { "--hue": hue(one.label), ...place } }, [one.label, `${score} %`].filter(Boolean).join(" ")));
    }
    stage.classList.toggle("many", kept.length > 12);
    const counted = names.map((name) => [name, kept.filter((one) => one.label === name).length]);
    legend.replaceChildren(
      ...counted.map(([name, number]) => h("span", {}, h("i", { style: { "--hue": hue(name) } }), `${name} × ${number}`)),
    );
    legend.hidden = names.join("") === "";
    none.hidden = kept.length > 0;
  }

  image.addEventListener("load", draw);
  const range = h("input", { type: "range", min: least, max: 100, step: 1, value: least });
  const told = h("span");
  const tell = () => told.replaceChildren(h("span", { words: ["answer.from", { percent: `${range.value} %` }] }));
  range.addEventListener("input", () => {
    from = range.value / 100;
    tell();
    draw();
  });
  tell();
  const control = scores.length > 1 ? h("label", { class: "row small" }, told, range) : null;
  return [stage, none, legend, control].filter((one) => one !== null);
}
