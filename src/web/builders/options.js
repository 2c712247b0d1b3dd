// Options as builders give them, checked by name and range.

import { failure } from "./errors.js";

/** Refuses options that are misspelt rather than ignoring them. */
export function known(options, names, of) {
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) throw failure("bad-option:unknown", name, of, names.join(", "));
  }
  const { signal } = options;
  if (signal != null && !(signal instanceof AbortSignal)) bad("signal", "an AbortSignal", signal);
  signal?.throwIfAborted();
}

/** A value as a program would write it, or what kind it is of. */
export function shown(value) {
  if (typeof value === "string") return `"${value}"`;
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  return value === null || !["object", "function"].includes(typeof value) ? String(value) : value.constructor?.name ?? "an object";
}

export function bad(name, expected, value) {
  throw failure("bad-option", name, expected, value === undefined ? "missing" : shown(value));
}

/** How many speakers there are, each on a channel of their own. */
export function lanesOf({ lanes = 1 }) {
  return whole("lanes", lanes ?? 1, 1, 32, "a whole number from 1 to 32");
}

/** Rate of PCM, which has no default. */
export function rateOf({ sampleRate }) {
  return whole("sampleRate", sampleRate ?? undefined, 8_000, 192_000, "a whole number of Hz from 8000 to 192000");
}

function whole(name, value, least, most, expected) {
  return Number.isInteger(value) && value >= least && value <= most ? value : bad(name, expected, value);
}

/** What the channels of a recording are said to be. */
export function channelsOf({ lanes }) {
  return lanes == null || ["auto", "mix", "channels"].includes(lanes) ? lanes ?? "auto" : bad("lanes", '"auto", "mix" or "channels"', lanes);
}

export function functionOf(name, value) {
  return value == null || typeof value === "function" ? value : bad(name, "a function", value);
}

/** What may be claimed, in the engine's words. */
export function claimsOf({ minConfidence, labels: chosen }, labels) {
  const claims = { at_least: minConfidence ?? 0, among: 2 ** 32 - 1 };
  if (typeof claims.at_least !== "number" || !(claims.at_least >= 0 && claims.at_least <= 1)) bad("minConfidence", "a number from 0 to 1", minConfidence);
  if (chosen != null) {
    const asked = Array.isArray(chosen) ? new Set(chosen) : new Set();
    if (asked.size < 2 || ![...asked].every((label) => labels.includes(label))) bad("labels", `a list of two or more of ${labels.join(", ")}`, chosen);
    claims.among = labels.reduce((bits, label, i) => bits + (asked.has(label) ? 2 ** i : 0), 0);
  }
  return claims;
}

/** Who speaks, in the engine's words. */
export function speakerOf(calibration) {
  if (calibration == null) return "unknown";
  if (calibration === "listening") return "listening";
  return typeof calibration === "string" ? { calibrated: calibration } : bad("calibration", 'the text that `calibrate` gave, "listening" or null', calibration);
}
