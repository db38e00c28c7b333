// Why there is no answer, said so that one knows what to do next.

import { token } from "./api.js";
import { h, icon } from "./dom.js";
import { known, put } from "./words.js";

/**
 * A problem, as a card.
 *
 * @param {Problem} error
 * @param {function} retry asks again.
 * @param {object} limits of the model that was asked.
 */
export function problem(error, retry, limits = {}) {
  if (error.kind === "unauthorized") return asksForToken(retry);
  const title = `problem.title.${error.kind}`;
  const hint = `problem.hint.${error.kind}`;
  const values = { megabytes: limits.request_megabytes ?? "", id: error.id };
  return h(
    "div",
    { class: "problem", role: "alert" },
    icon("alert"),
    h(
      "div",
      { class: "stack" },
      h("h3", { words: known(title) ? title : "problem.title.other" }),
      h("p", {}, error.message),
      known(hint) ? h("p", { class: "small", words: [hint, values] }) : null,
      again(error, retry),
    ),
  );
}

/** A button to try again; where the server says when, it waits so long, and then tries by itself. */
function again(error, retry) {
  if (["overloaded", "unavailable"].includes(error.kind)) {
    let left = Math.max(1, Math.ceil(error.retrySeconds));
    const words = h("p", { class: "small", role: "timer" });
    const tell = () => put(words, "problem.retry_in", { n: left });
    tell();
    const clock = setInterval(() => {
      if (!words.isConnected) return clearInterval(clock);
      left -= 1;
      if (left > 0) return tell();
      clearInterval(clock);
      return retry();
    }, 1000);
    return words;
  }
  if (["network", "internal", "deadline_exceeded", "timeout"].includes(error.kind)) {
    return h("button", { type: "button", class: "tiny", words: "problem.retry", on: { click: retry } });
  }
  return null;
}

/** Asks for the token; anew, where there was one, and it was not the right one. */
function asksForToken(retry) {
  const wrong = token.get() !== null;
  const field = h("input", { type: "password", autocomplete: "off", required: true });
  const sent = (event) => {
    event.preventDefault();
    token.set(field.value);
    retry();
  };
  requestAnimationFrame(() => field.focus());
  return h(
    "form",
    { class: "card stack token", on: { submit: sent } },
    h("h2", { words: "token.title" }),
    wrong ? h("p", { class: "wrong", role: "alert" }, icon("alert"), h("span", { words: "token.wrong" })) : null,
    h("label", { class: "field" }, h("span", { words: "token.label" }), field),
    h("p", { class: "small", words: "token.hint" }),
    h("button", { class: "main", words: "token.go" }),
  );
}
