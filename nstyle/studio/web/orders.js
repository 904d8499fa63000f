// From the controls to what the server is asked for.

const MIDDLE = 50; // of "How much style"
let usual = { content_weight: 1 }; // as the server tells
export const learn = (told) => (usual = told);

const QUALITY = {
  quick: { preset: "fast" },
  normal: {},
  fine: { options: { stop_eps: 0.003 } },
};

// A quarter to four times the usual weight of the photo.
function contentWeight(strength) {
  return Number((usual.content_weight * 4 ** ((MIDDLE - strength) / MIDDLE)).toPrecision(2));
}

// How much style one pass shows: a trained network all of it from the middle on, as it paints it;
// a preview of a painting follows the whole slider.
export function strengthOf(style, strength) {
  const part = strength / 100;
  return style.network ? Math.min(1, 0.4 + 1.2 * part) : 1 - 0.6 * (1 - part) ** 2;
}

export function order(photo, style, chosen) {
  const quality = style.network ? {} : QUALITY[chosen.quality] || {};
  const options = { ...quality.options };
  if (chosen.strength !== MIDDLE && !style.network) {
    options.content_weight = contentWeight(chosen.strength);
  }
  if (chosen.colors !== "style") options.colors = chosen.colors;
  options.max_long_edge = chosen.max_long_edge; // presets and networks have sizes of their own
  for (const [name, value] of Object.entries(chosen)) {
    const text = String(value ?? "").trim();
    if (name.startsWith("option:") && text) options[name.slice(7)] = text;
  }
  if (options.size) delete options.max_long_edge;
  return {
    photo: photo.id,
    style: style.id,
    strength: strengthOf(style, chosen.strength),
    preset: chosen.preset || quality.preset || null,
    options,
  };
}

// The same for a painting: what says nothing there is not sent.
export function paintingOrder(photo, style, chosen) {
  const { strength, ...rest } = order(photo, style, chosen);
  return style.network ? { ...rest, strength } : rest;
}
