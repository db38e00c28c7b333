// A clip or a sound, played where its picture is; one at a time.

import { h, icon } from "./dom.js";
import { put } from "./words.js";

let playing = null;

function only(medium) {
  if (playing && playing !== medium) playing.pause();
  playing = medium;
}

/** What plays stops, as where it was is about to be something else. */
export const silence = () => playing?.pause();

/**
 * @param {"audio"|"video"} modality
 * @param {Node} picture what is seen of it.
 * @param {() => Promise<Blob>} content its file.
 */
export function player(modality, picture, content) {
  const button = h("button", { type: "button", class: "play", label: "media.play" }, icon("play"));
  const stage = h("div", { class: `seen ${modality}` }, picture, button);
  const start = modality === "video" ? film(stage) : sound(stage, button);
  const failed = () => stage.replaceChildren(h("p", { class: "small", words: "input.no_preview" }));
  let begun = null;
  button.addEventListener("click", async () => {
    begun ??= content().then((file) => start(file, failed));
    await begun.then((toggle) => toggle(), failed);
  });
  return stage;
}

/** A clip takes the place of its picture, with the browser's own controls. */
const film = (stage) => (file, failed) => {
  const src = URL.createObjectURL(file);
  if (file.type.startsWith("image/")) return () => stage.replaceChildren(h("img", { src, alt: "" }));
  const shown = h("video", { src, controls: true, loop: true, on: { error: failed, play: () => only(shown) } });
  return async () => {
    stage.replaceChildren(shown);
    shown.focus();
    await shown.play().catch(() => null); // the browser may forbid it, and shows its own controls
  };
};

/** A sound goes on under its picture, over which a bar says how far it is. */
const sound = (stage, button) => (file, failed) => {
  const heard = h("audio", { src: URL.createObjectURL(file) });
  const bar = h("i", { class: "played", "aria-hidden": "true" });
  stage.append(bar);
  const tell = () => {
    bar.style.setProperty("--share", `${(100 * heard.currentTime) / (heard.duration || 1)}%`);
    button.replaceChildren(icon(heard.paused ? "play" : "pause"));
    put(button, heard.paused ? "media.play" : "media.pause", {}, "label");
  };
  for (const event of ["play", "pause", "timeupdate", "ended"]) heard.addEventListener(event, tell);
  heard.addEventListener("play", () => only(heard));
  heard.addEventListener("error", failed);
  return () => (heard.paused ? heard.play().catch(() => null) : heard.pause()); // another may stop it at once
};
