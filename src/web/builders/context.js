// Emotional context for chat models: pure functions, without a window, a network or the engine. Works in
// browsers, workers, Node.js, Deno and Bun.

import { annotated, annotated_text, initSync, program, prompt_context } from "./context-program.js";

let isReady = false;

const ADVICE = {
  "bad-option": "Correct the option that is named.",
  "bad-utterances": "Give an array of what `utterance` events bring in `detail`, or `utterances` of an analysis, unchanged.",
  "bad-transcript": "Give the text of a WebVTT or SRT file, whisper's JSON, or an array of { startMs, endMs, text }.",
};

function failure(code, message) {
  return Object.assign(new Error(message), { name: "EmotionError", code, advice: ADVICE[code], retryable: false });
}

/** What a function of the program gives. */
function call(of, ...given) {
  if (!isReady) {
    initSync({ module: Uint8Array.from(atob(program), (c) => c.charCodeAt(0)) });
    isReady = true;
  }
  try {
    return of(...given);
  } catch (error) {
    const [code, message] = error.message.split("\n", 2);
    if (!ADVICE[code]) throw error;
    // Of the objects that were given nobody has seen the text.
    const plain = code === "bad-transcript" ? message : message.replace(/ at line \d+ column \d+$/, "");
    throw failure(code, `${plain[0].toUpperCase()}${plain.slice(1)}.`);
  }
}

function listed(utterances) {
  if (!Array.isArray(utterances)) throw failure("bad-utterances", "The utterances are no array.");
  return JSON.stringify(utterances);
}

function text(transcript) {
  if (typeof transcript === "string") return transcript;
  if (transcript && typeof transcript === "object") return JSON.stringify(transcript);
  throw failure("bad-transcript", "The transcript is neither a text nor an object.");
}

/** What an assistant may know of how the present turn sounded. */
export function toPromptContext(utterances, options) {
  if (!Number.isFinite(options?.turnStartMs)) throw failure("bad-option", `\`turnStartMs\` must be a finite number of ms, not ${options?.turnStartMs}.`);
  return JSON.parse(call(prompt_context, listed(utterances), JSON.stringify(options ?? {})));
}

/** Joins a transcript with what its sentences sounded like: a field per sentence. */
export function annotate(transcript, utterances, options) {
  return JSON.parse(call(annotated, text(transcript), listed(utterances), JSON.stringify(options ?? {})));
}

/** The same as text, a line for each sentence. */
export function annotateAsText(transcript, utterances, options) {
  return call(annotated_text, text(transcript), listed(utterances), JSON.stringify(options ?? {}));
}
