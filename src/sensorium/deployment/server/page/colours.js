// A colour for every class that a served model knows, the same in every picture and for every model.

// far from each other, and each dark enough for white letters
const HUES = ["#1d4ed8", "#c2410c", "#15803d", "#a21caf", "#0e7490", "#334155", "#e11d48", "#7a6800"];

const places = new Map();

/** Where a name wants to be, whatever stands beside it: FNV-1a of its letters. */
function wanted(name) {
  let hash = 2166136261;
  for (const letter of name) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619) >>> 0;
  return hash % HUES.length;
}

/** Give each name its colour; where one is taken, the next that is free, as long as there are any. */
export function settle(names) {
  const taken = new Set(places.values());
  for (const name of [...new Set(names)].sort().filter((one) => !places.has(one))) {
    let place = wanted(name);
    while (taken.has(place) && taken.size < HUES.length) place = (place + 1) % HUES.length;
    taken.add(place);
    places.set(name, place);
  }
}

/** The colour of a class. */
export const hue = (name) => HUES[places.get(name) ?? wanted(name)];
