// What a search has found, the nearest first.

import { file, show } from "./api.js";
import { more, timing } from "./answers.js";
import { h, icon } from "./dom.js";
import { player } from "./player.js";
import { figure } from "./words.js";

const AT_ONCE = 12; // the rest on demand

/**
 * @param {object} content of the server's answer.
 * @param {function} like searches for more that is like one of them.
 */
export function hits(content, like) {
  const words = content.hits.length ? ["search.found", { n: content.hits.length }] : "search.none";
  const head = h("div", { class: "row" }, h("h3", { words }), h("span", { class: "space" }), timing(content));
  const found = content.hits.map((one, at) => hit(one, at, like));
  const list = h("ol", { class: "hits" }, ...found.slice(0, AT_ONCE));
  if (found.length <= AT_ONCE) return [head, list];
  return [head, list, more(found.length, () => list.append(...found.slice(AT_ONCE)))];
}

/** One of those that were found. */
function hit(one, at, like) {
  const again = one.modality === "text" ? one.text : one.media;
  const similar = () => like(one);
  return h(
    "li",
    { class: "hit", label: ["answer.rank", { n: at + 1 }] },
    seen(one),
    one.text ? h("p", {}, one.text) : h("p", { class: "soft" }, one.file ?? one.id),
    h(
      "div",
      { class: "score", label: ["search.score", { score: figure(one.score) }] },
      h("div", { class: "track", "aria-hidden": "true" }, h("i", { style: { "--share": `${100 * Math.max(0, one.score)}%` } })),
      figure(one.score),
    ),
    again ? h("button", { type: "button", class: "tiny", words: "search.like_this", on: { click: similar } }) : null,
  );
}

/** What is to be seen of a hit, and heard. */
function seen(one) {
  if (one.modality === "text" && !one.thumbnail) return null;
  const picture = one.thumbnail ? h("img", { alt: one.text ?? one.file ?? one.id }) : icon(one.modality);
  if (one.thumbnail) {
    picture.addEventListener("error", () => picture.replaceWith(icon(one.modality)), { once: true });
    show(picture, one.thumbnail);
  }
  const plays = one.media && ["audio", "video"].includes(one.modality);
  return plays ? player(one.modality, picture, () => file(one.media)) : h("div", { class: "seen" }, picture);
}
