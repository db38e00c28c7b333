// What the page asks of the server, and why it got no answer.

/** Why there is no answer. */
export class Problem extends Error {
  /**
   * @param {string} kind as the server names it, or "network".
   * @param {string} message
   * @param {{id?: string, retrySeconds?: number}} facts
   */
  constructor(kind, message, { id = "", retrySeconds = 0 } = {}) {
    super(message);
    this.kind = kind;
    this.id = id;
    this.retrySeconds = retrySeconds;
  }
}

const TOKEN = "sensorium.token"; // for this tab, until it is closed

export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  set: (value) => sessionStorage.setItem(TOKEN, value),
};

async function ask(path, options = {}) {
  const headers = token.get() ? { authorization: `Bearer ${token.get()}` } : {};
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("network", String(error.message));
  }
  if (response.ok) return response;
  const told = (await response.json().catch(() => ({}))).error ?? {};
  throw new Problem(told.type ?? (response.status >= 500 ? "internal" : "other"), told.message ?? `${response.status}`, {
    id: told.request_id ?? response.headers.get("x-request-id") ?? "",
    retrySeconds: Number(response.headers.get("retry-after") ?? 0),
  });
}

/** The models, as `/v1/models` tells them. */
export const models = async () => (await (await ask("/v1/models")).json()).data;

const examplesOf = new Map();

/** Rows to try with a model: `[{id, inputs: {modality: words or address}}]`. */
export function examples(model) {
  if (!examplesOf.has(model)) {
    const asked = ask(`/v1/examples?model=${encodeURIComponent(model)}`);
    const told = asked.then((response) => response.json()).then((content) => content.examples);
    examplesOf.set(model, told.catch(() => []));
  }
  return examplesOf.get(model);
}

/** The content of an address of this server. */
export const file = async (address, signal) => (await ask(address, { signal })).blob();

/** Show a picture or a video of this server in an element, also where it asks for a token. */
export async function show(element, address) {
  if (!token.get()) {
    element.src = address;
    return;
  }
  const content = await file(address).catch(() => null);
  if (content !== null) element.src = URL.createObjectURL(content);
}

function form(fields) {
  const filled = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Blob) filled.append(name, value, value.name ?? name);
    else filled.append(name, String(value));
  }
  return filled;
}

async function timed(path, fields, signal) {
  const since = performance.now();
  try {
    const response = await ask(path, { method: "POST", body: form(fields), signal });
    const content = await response.json();
    return { ...content, milliseconds: performance.now() - since };
  } catch (error) {
    if (error instanceof Problem) error.message = named(error.message, fields);
    throw error;
  }
}

/** A message that calls files by the names that the reader knows. */
const named = (message, fields) =>
  message.replace(/inputs\[0\]\.(\w+)/g, (place, modality) => fields[modality]?.name || modality);

/**
 * What a model says of some inputs.
 *
 * @param {string} model
 * @param {object} inputs modality -> a file, or words.
 * @param {boolean} explain whether to say, too, what the answer rests on.
 * @param {AbortSignal} signal
 */
export const predict = (model, inputs, explain, signal) =>
  timed("/v1/predict", { model, explain, ...inputs }, signal);

/** What in the index of a model is nearest to a query: `{modality: file or words}`. */
export const search = (model, query, find, limit, signal) =>
  timed("/v1/search", { model, find, limit, ...query }, signal);
