// What can go wrong for a builder's program: each situation with its sentence, what to do, and whether the same
// call may work later without a change.

const WITH_CLOSE = "What was heard until then comes with `close`.";
const KEPT = "Nothing has changed.";

/** By their codes, which a name after a colon may narrow. */
export const SITUATIONS = {
  "bad-option": ["`{0}` must be {1}, not {2}.", "Leave it out for its default, or give what it can be."],
  "bad-option:unknown": ["`{0}` is not an option of {1}, which takes {2}.", "Leave it out, or correct its name."],
  "bad-option:address": ["`{0}` is not the address of {1}.", "Give a URL, or a text that is one, relative to the page; a folder's ends with /."],
  "unsupported": ["This browser lacks {0}.", "Please use a current version of Firefox, Chrome, Edge or Safari."],
  "unsupported:window": ["There is no window here.", "Create recognizers in a browser's page; only importing works elsewhere."],
  "blocked-by-policy": ["The page's Content Security Policy blocks {0}: {1}.", "Allow it there; the documentation has the least policy that works."],
  "model-unavailable": ["The model could not be loaded.", "{0}. Check the connection and try again.", true],
  "model-mismatch": ["The model does not fit this version of the library.", "{0}. Serve model.onnx and model.json.js from one build."],
  "engine-unavailable": ["The engine could not be started.", "{0}. Check the connection and try again.", true],
  "engine-unavailable:program": ["The library's own program could not be started.", "{0}. Serve client_bg.wasm as application/wasm.", true],
  "engine-unavailable:worker": ["The worker could not be started: {0}.", "Serve {1}, and allow it by the policy's worker-src; from another origin, allow blob: there.", true],
  "engine-outdated": ["The engine's files and the library are of different versions.", "Serve all files from one build, and let browsers revalidate them (Cache-Control: no-cache)."],
  "engine-crashed": ["The engine stopped unexpectedly.", `${WITH_CLOSE} Create another recognizer.`, true],
  "analysis-failed": ["The sound could not be analysed.", "Start another session. The reason: {0}."],
  "disposed": ["The recognizer was disposed of.", "Create another one."],
  "session-closed": ["The session has ended.", "Start another one."],
  "permission-denied": ["This page may not use the microphone.", "The person can allow it in the browser's site settings. In a frame, the frame needs allow=\"microphone\"."],
  "permission-dismissed": ["The microphone has not been allowed yet.", "Ask again when the person asks for it, and say why.", true],
  "permission-withdrawn": ["This page may no longer use the microphone.", `${WITH_CLOSE} The person can allow it again in the browser's site settings; then listen again.`, true],
  "permissions-policy": ["This document's permissions policy does not allow the microphone.", "Give the frame allow=\"microphone\", and let the page's Permissions-Policy header allow it."],
  "microphone-sandboxed": ["This page is in a sandboxed frame, which has no microphone.", "Give the frame's sandbox allow-same-origin, or take the sandbox away."],
  "microphone-system": ["The system does not let this browser use the microphone.", "The person can allow it in the system's own settings, under privacy and microphone, and start the browser again."],
  "no-microphone": ["No microphone was found.", "Ask the person to connect one, or use a file.", true],
  "microphone-busy": ["The microphone is in use by another program.", "Close the program that uses it, then try again.", true],
  "microphone-failed": ["The microphone could not be opened: {0}.", "Ask the person to try again, or use a file.", true],
  "microphone-lost": ["The microphone was disconnected.", `${WITH_CLOSE} Listen again when the person asks for it.`, true],
  "microphone-interrupted": ["Listening was interrupted.", `${WITH_CLOSE} Listen again when the person asks for it.`, true],
  "not-secure": ["Browsers allow the microphone only on secure pages.", "Serve the page over https:// or from localhost."],
  "no-audio-track": ["There is no track of sound to listen to.", "Give a stream with sound, or an element that has loaded a medium with sound."],
  "bad-audio": ["{0}.", "Give Float32Arrays that hold samples, a Blob or an AudioBuffer."],
  "file-not-audio": ["“{0}” is not audio that this browser can read.", "Choose a WAV, MP3, M4A, FLAC, OGG or WebM file."],
  "file-stalled": ["The browser never finished opening “{0}”.", "It may be damaged, or not be on this device yet. Save it here and choose it again, or choose a WAV or MP3 of it."],
  "file-codec": ["“{0}” is in the format {1}, which cannot be read here.", "Convert it to WAV, FLAC or MP3 with a sound editor, and choose that."],
  "file-cut-off": ["“{0}” is not complete.", "Its end is missing, and with it the index that the sound is found by. Choose a whole copy of it."],
  "file-damaged": ["“{0}” is damaged.", "Choose a whole copy of it."],
  "file-gone": ["“{0}” cannot be read any more.", "It was moved, changed or removed, or its disk is gone. Choose it again."],
  "file-empty": ["“{0}” is empty.", "Choose another file."],
  "file-silent": ["There is no sound in “{0}”.", "Choose another file."],
  "file-too-long": ["“{0}” is too long: {1}.", "Files may be up to {2} long. Cut it into parts and choose one."],
  "no-calibration": ["That is not a calibration, or it is damaged.", `${KEPT} Give the text that \`calibrate\` gave, as it was.`],
  "calibration-of-other-model": ["That calibration was made with another model.", `${KEPT} Make another calibration with this model.`],
  "read-too-little": ["Too little speech was heard for a calibration.", "At least 3 s are needed; eight or more are better.", true],
};

/** What the program tells apart and builders need not. */
export const MERGED = { "microphone-policy": "permissions-policy", "microphone-not-passed-on": "permissions-policy" };

const filled = (sentence, values) => sentence.replace(/\{(\d)\}/g, (_, gap) => values[gap]);

/** An error of this code, with what its sentences are made of. */
export function failure(code, ...values) {
  const [message, advice, retryable = false] = SITUATIONS[code];
  return Object.assign(new Error(filled(message, values)), {
    name: "EmotionError", code: code.split(":")[0], advice: filled(advice, values), retryable,
  });
}

/** Seconds as h:mm:ss or m:ss. */
function clock(seconds) {
  const two = (number) => String(Math.floor(number % 60)).padStart(2, "0");
  const minutes = seconds / 60;
  return minutes < 60 ? `${Math.floor(minutes)}:${two(seconds)}` : `${Math.floor(minutes / 60)}:${two(minutes)}:${two(seconds)}`;
}

/** An error for what the program was rejected with; `ofStream` where there is no microphone to miss. */
export function refused(reason, ofStream = false) {
  if (!Array.isArray(reason)) return reason;
  const [code, ...values] = reason;
  const known = ofStream && code === "no-microphone" ? "no-audio-track" : MERGED[code] ?? code;
  return failure(known, ...values.map((value) => (typeof value === "number" ? clock(value) : value)));
}
